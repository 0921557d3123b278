using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace NpcVoice.Tests
{
    /// <summary>Sidecars that the client starts itself: they die, come back, change their voice, and end.</summary>
    [TestFixture]
    [Category("Slow")]
    public class RestartTests
    {
        private const string Tale =
            "Nobody who went in ever came back out. The rope is still there. Take a lantern, and take somebody with you.";

        private string _folder;
        private NpcVoiceClient _client;

        [SetUp]
        public void MakeClient()
        {
            Environment.SetEnvironmentVariable("NPC_VOICE_HOME", Prepared.Home);
            _folder = Path.Combine(Prepared.Folder, "it's a \"folder\" " + Guid.NewGuid().ToString("N").Substring(0, 6));
            Directory.CreateDirectory(_folder);
            _client = new NpcVoiceClient(Options());
        }

        [TearDown]
        public void EndIt()
        {
            int pid = File.Exists(ConnectionFile) ? Pid() : 0;
            Waiting.For(() => _client.Close());
            Assert.That(pid == 0 || !Prepared.IsRunning(pid), Is.True, "the sidecar outlived its client");
        }

        [Test]
        public void ALineSurvivesTheDeathOfItsSidecar()
        {
            int lost = 0;
            _client.SidecarLost += () => Interlocked.Increment(ref lost);
            Line before = Waiting.For(() => _client.Say(Tale));
            int first = Pid();
            var chunks = new List<Line>();
            LineStream stream = _client.Stream(Tale);
            chunks.Add(Waiting.For(() => stream.Next()));
            Task<Line> line = _client.Say(Tale, new SayOptions { Seed = 5 });
            Waiting.Until(() => Waiting.For(() => _client.Stats()).LinesRunning > 0);
            Process.GetProcessById(first).Kill();
            Assert.That(Waiting.For(() => line).Cached, Is.False);
            for (Line chunk = Next(stream); chunk != null; chunk = Next(stream))
                chunks.Add(chunk);
            Assert.That(chunks.Count, Is.GreaterThan(1));
            Assert.That(chunks.SelectMany(chunk => chunk.Audio).ToArray(), Is.EqualTo(before.Audio));
            Assert.That(Pid(), Is.Not.EqualTo(first));
            Assert.That(Waiting.For(() => _client.Say(Tale)).Audio, Is.EqualTo(before.Audio));
            Assert.That(lost, Is.EqualTo(1));
            Assert.That(Waiting.For(() => _client.Shutdown()), Is.EqualTo(0));
            Waiting.Until(() => lost == 2);
        }

        [Test]
        public void AVoiceIsExchangedInTheMiddleOfAConversation()
        {
            Waiting.For(() => _client.Ping());
            var live = new List<VoiceEvent>();
            var versions = new List<string>();
            using (Subscription events = _client.Subscribe("model.live", live.Locked))
            {
                Waiting.For(() => events.Listening);
                Drop("1.0.1");
                Waiting.Until(
                    () =>
                    {
                        versions.Add(Waiting.For(() => _client.Say("Halt!")).Model.Version);
                        return versions[versions.Count - 1] == "1.0.1";
                    },
                    90);
                Waiting.Until(() => live.Count > 0);
            }
            Assert.That(versions.Distinct(), Is.EqualTo(new[] { "1.0.0", "1.0.1" }));
            Assert.That(live[live.Count - 1].Text("to"), Is.EqualTo("1.0.1"));
            Assert.That(live[live.Count - 1].Text("from"), Is.EqualTo("1.0.0"));
            Waiting.For(() => _client.Activate("kokoro-82m@1.0.0"));
            Waiting.Until(() => Waiting.For(() => _client.Say("Halt!")).Model.Version == "1.0.0", 60);
        }

        [Test]
        public void AStartThatFailsSaysWhy()
        {
            NpcVoiceOptions options = Options();
            options.Arguments = new[] { "--address", "nowhere" };
            using (var client = new NpcVoiceClient(options))
            {
                NpcVoiceError error = Waiting.Error(() => client.Ping());
                Assert.That(error.Code, Is.EqualTo(NpcVoiceError.NoSidecar));
                StringAssert.Contains("nowhere", error.Message);
            }
        }

        private string ConnectionFile
        {
            get { return Path.Combine(_folder, "connection.json"); }
        }

        private NpcVoiceOptions Options()
        {
            return new NpcVoiceOptions
            {
                ConnectionFile = ConnectionFile, Start = true, TimeoutS = 30,
                Arguments = new[] { "--any-publisher" },
                Command = new[] { Prepared.Python, "-m", "sidecar" },
            };
        }

        private static Line Next(LineStream stream)
        {
            return Waiting.For(() => stream.Next());
        }

        private int Pid()
        {
            return (int)(long)((Dictionary<string, object>)Json.Parse(File.ReadAllText(ConnectionFile)))["pid"];
        }

        private static void Drop(string version)
        {
            string arguments = CommandLine.Joined(new[] { "-m", "tests.bindings.drop_version", version });
            using (Process dropping = Process.Start(Prepared.Python, arguments))
            {
                dropping.WaitForExit();
                Assert.That(dropping.ExitCode, Is.EqualTo(0));
            }
        }
    }
}
