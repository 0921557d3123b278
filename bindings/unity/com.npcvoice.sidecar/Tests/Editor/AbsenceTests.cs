using System.Diagnostics;
using System.IO;
using NUnit.Framework;

namespace NpcVoice.Tests
{
    /// <summary>No sidecar is there, and none is started.</summary>
    [TestFixture]
    public class AbsenceTests
    {
        private static readonly string Nowhere =
            Path.Combine(Path.GetTempPath(), "npc-voice-tests-nowhere", "connection.json");

        [Test]
        public void ARequestEndsWithOnePlainError()
        {
            using (var client = new NpcVoiceClient(Patient(0.2)))
            {
                NpcVoiceError error = Waiting.Error(() => client.Ping());
                Assert.That(error.Code, Is.EqualTo(NpcVoiceError.NoSidecar));
                StringAssert.Contains("no sidecar is running", error.Message);
            }
        }

        [Test]
        public void ACallReturnsAtOnceHoweverLongItsAnswerTakes()
        {
            using (var client = new NpcVoiceClient(Patient(5)))
            {
                Stopwatch watch = Stopwatch.StartNew();
                RequestLink.Observe(client.Say("Hi."));
                Assert.That(watch.ElapsedMilliseconds, Is.LessThan(200));
                Assert.That(Waiting.For(() => client.IsThere()), Is.False);
            }
        }

        [Test]
        public void AClosedClientSaysSo()
        {
            var client = new NpcVoiceClient(Patient(5));
            client.Dispose();
            client.Dispose();
            NpcVoiceError error = Waiting.Error(() => client.Ping());
            Assert.That(error.Code, Is.EqualTo(NpcVoiceError.Cancelled));
        }

        [TestCase(0, 6, "timeout_s")]
        [TestCase(1, 0, "attempts")]
        public void AnOptionThatCannotBeIsNamed(double timeoutS, int attempts, string field)
        {
            var options = new NpcVoiceOptions { TimeoutS = timeoutS, Attempts = attempts };
            var error = Assert.Throws<NpcVoiceError>(() => new NpcVoiceClient(options));
            Assert.That(error.Field, Is.EqualTo(field));
        }

        [TestCase("{}", "protocol")]
        [TestCase("{\"protocol\": 2}", "speaks 1")]
        [TestCase("not json", "not JSON")]
        [TestCase("[1]", "no map")]
        [TestCase(
            "{\"protocol\": 1, \"pid\": 1, \"commands\": \"tcp://10.0.0.1:5\", \"events\": \"\", \"token\": \"\"}",
            "this machine")]
        [TestCase(
            "{\"protocol\": 1, \"pid\": 1, \"commands\": \"tcp://127.0.0.1:99999\", \"events\": \"\", \"token\": \"\"}",
            "this machine")]
        public void ADamagedConnectionFileIsExplained(string content, string reason)
        {
            string file = Path.GetTempFileName();
            File.WriteAllText(file, content);
            var options = new NpcVoiceOptions { ConnectionFile = file, TimeoutS = 0.05 };
            using (var client = new NpcVoiceClient(options))
                StringAssert.Contains(reason, Waiting.Error(() => client.Ping()).Message);
            File.Delete(file);
        }

        [TestCase("Z:\\home\\me\\c.json", "/home/me/c.json")]
        [TestCase("z:/home/me/c.json", "/home/me/c.json")]
        [TestCase("/home/me/c.json", "/home/me/c.json")]
        [TestCase("c.json", "c.json")]
        public void WinesDriveZIsTheRootOfThisSystem(string given, string here)
        {
            if (Path.DirectorySeparatorChar == '/')
                Assert.That(Home.LocalPath(given, "connection_file"), Is.EqualTo(here));
        }

        [Test]
        public void ADriveThatOnlyWineKnowsIsRefusedInWords()
        {
            if (Path.DirectorySeparatorChar != '/')
                return;
            var options = new NpcVoiceOptions { ConnectionFile = "C:\\users\\me\\c.json" };
            var error = Assert.Throws<NpcVoiceError>(() => new NpcVoiceClient(options));
            Assert.That(error.Field, Is.EqualTo("connection_file"));
            StringAssert.Contains("drive_c", error.Message);
        }

        [Test]
        public void AProgramThatIsNotThereIsNamed()
        {
            NpcVoiceOptions options = Patient(1);
            options.Start = true;
            options.Command = new[] { "npc-voice-that-is-not-there" };
            using (var client = new NpcVoiceClient(options))
            {
                NpcVoiceError error = Waiting.Error(() => client.Ping());
                Assert.That(error.Code, Is.EqualTo(NpcVoiceError.NoSidecar));
                StringAssert.Contains("npc-voice-that-is-not-there could not be started", error.Message);
            }
        }

        private static NpcVoiceOptions Patient(double seconds)
        {
            return new NpcVoiceOptions { ConnectionFile = Nowhere, TimeoutS = seconds };
        }
    }
}
