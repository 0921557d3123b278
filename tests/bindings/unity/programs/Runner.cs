using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using NUnit.Framework;

namespace NpcVoice.Tests
{
    /// <summary>
    /// Runs the tests of an assembly where NUnit's own runner does not: on CoreCLR. Knows [SetUp], [TearDown],
    /// [Test], [TestCase] and [Category]; arguments: the assembly, and categories to leave out.
    /// </summary>
    public static class Runner
    {
        private static int _passed;
        private static int _failed;

        public static int Main(string[] arguments)
        {
            var left = new HashSet<string>(arguments.Skip(1));
            foreach (Type fixture in Assembly.LoadFrom(arguments[0]).GetTypes())
                if (fixture.IsDefined(typeof(TestFixtureAttribute), false) && !IsLeftOut(fixture, left))
                    RunAll(fixture);
            Console.WriteLine(_passed + " passed, " + _failed + " failed");
            return _failed == 0 ? 0 : 1;
        }

        private static bool IsLeftOut(Type fixture, ICollection<string> left)
        {
            return fixture.GetCustomAttributes<CategoryAttribute>().Any(category => left.Contains(category.Name));
        }

        private static void RunAll(Type fixture)
        {
            foreach (MethodInfo test in fixture.GetMethods())
            {
                if (test.IsDefined(typeof(TestAttribute), false))
                    Run(fixture, test, null);
                foreach (TestCaseAttribute row in test.GetCustomAttributes<TestCaseAttribute>())
                    Run(fixture, test, Fitting(test, row.Arguments));
            }
        }

        private static void Run(Type fixture, MethodInfo test, object[] arguments)
        {
            string name = fixture.Name + "." + test.Name;
            try
            {
                object instance = Activator.CreateInstance(fixture);
                CallAll(fixture, instance, typeof(SetUpAttribute));
                try
                {
                    test.Invoke(instance, arguments);
                }
                finally
                {
                    CallAll(fixture, instance, typeof(TearDownAttribute));
                }
                _passed++;
            }
            catch (TargetInvocationException error)
            {
                _failed++;
                Console.WriteLine("FAILED " + name + ": " + error.InnerException);
            }
        }

        private static void CallAll(Type fixture, object instance, Type kind)
        {
            foreach (MethodInfo method in fixture.GetMethods().Where(method => method.IsDefined(kind, false)))
                method.Invoke(instance, null);
        }

        private static object[] Fitting(MethodInfo test, object[] arguments)
        {
            return test.GetParameters()
                .Select((wanted, i) => arguments[i] == null ? null : Convert.ChangeType(arguments[i], wanted.ParameterType))
                .ToArray();
        }
    }
}
