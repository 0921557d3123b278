using System;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace NpcVoice.Tests
{
    /// <summary>Asynchronous work in tests of any runner: it is done on the thread pool and waited for.</summary>
    internal static class Waiting
    {
        private const int LongestMs = 60000;

        public static void For(Func<Task> work)
        {
            Task running = Task.Run(work);
            if (Task.WaitAny(new[] { running }, LongestMs) < 0)
                Assert.Fail("it was not over after " + LongestMs + " ms");
            running.GetAwaiter().GetResult();
        }

        public static T For<T>(Func<Task<T>> work)
        {
            T result = default(T);
            For(async () => { result = await work().ConfigureAwait(false); });
            return result;
        }

        /// <summary>The error that the work ends with.</summary>
        public static NpcVoiceError Error(Func<Task> work)
        {
            try
            {
                For(work);
            }
            catch (NpcVoiceError error)
            {
                return error;
            }
            throw new AssertionException("there was no error");
        }

        public static void Until(Func<bool> happened, double seconds = 30)
        {
            var left = new Deadline(seconds);
            while (!happened())
            {
                if (left.LeftS <= 0)
                    Assert.Fail("it did not happen in " + seconds + " s");
                Thread.Sleep(10);
            }
        }
    }
}
