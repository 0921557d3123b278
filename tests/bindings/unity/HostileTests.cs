using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using NUnit.Framework;

namespace NpcVoice.Tests
{
    /// <summary>Peers that send what no sidecar sends: each ends in its error, soon, and nothing grows.</summary>
    [TestFixture]
    public class HostileTests
    {
        private const double LongestS = 3;
        private const long MostGrowth = 8 << 20;

        [Test]
        public void EveryWayOfMisbehavingEndsInItsError()
        {
            Dictionary<string, object> ways = Ways();
            var wrong = new List<string>();
            foreach (KeyValuePair<string, object> way in ways)
            {
                Stopwatch watch = Stopwatch.StartNew();
                string code = CodeOf(way.Key);
                if (code != (string)way.Value || watch.Elapsed.TotalSeconds > LongestS)
                    wrong.Add(way.Key + ": " + code + " after " + watch.ElapsedMilliseconds + " ms");
            }
            Assert.That(wrong, Is.Empty);
            Assert.That(ways.Count, Is.GreaterThan(40));
        }

        [Test]
        public void AnEndlessReplyDoesNotGrow()
        {
            CodeOf("endless");
            long before = GC.GetTotalMemory(true);
            foreach (string way in new[] { "endless", "body_is_too_large", "header_is_too_large", "dripped", "stalled" })
                for (int i = 0; i < 2; i++)
                    CodeOf(way);
            Assert.That(GC.GetTotalMemory(true) - before, Is.LessThan(MostGrowth));
        }

        [Test]
        public void AClientGoesOnAfterAReplyThatCameTwice()
        {
            using (NpcVoiceClient client = Impatient("answered_twice"))
                for (int i = 0; i < 5; i++)
                    Assert.That(Waiting.For(() => client.Say("Hi.")).Frames, Is.EqualTo(2400));
        }

        [Test]
        public void ALineIsWaitedForWhileTheSidecarSpeaks()
        {
            using (NpcVoiceClient client = Impatient("slow"))
                Assert.That(Waiting.For(() => client.Say("Hi.")).Frames, Is.EqualTo(2400));
        }

        [Test]
        public void ASidecarThatWouldPassOverAFieldIsNotAsked()
        {
            var lines = new Dictionary<string, SayOptions>
            {
                { "manner", new SayOptions { Manner = "a" } }, { "loudness", new SayOptions { Loudness = -20 } },
                { "effect", new SayOptions { Effect = "ghost" } },
                { "baseline", new SayOptions { Reference = new byte[] { 1 }, Baseline = new byte[] { 1 } } },
            };
            using (NpcVoiceClient client = Impatient("first_version"))
            {
                foreach (KeyValuePair<string, SayOptions> line in lines)
                {
                    NpcVoiceError error = Waiting.Error(() => client.Say("Hi.", line.Value));
                    Assert.That(error.Code, Is.EqualTo("unsupported"));
                    Assert.That(error.Field, Is.EqualTo(line.Key));
                    StringAssert.Contains("npc-voice 0.0.9 does not know", error.Message);
                }
                Assert.That(Waiting.For(() => client.Say("Hi.")).Frames, Is.EqualTo(2400));
            }
        }

        private static string CodeOf(string way)
        {
            using (NpcVoiceClient client = Impatient(way))
                try
                {
                    Waiting.For(() => client.Say("Hi."));
                    return "";
                }
                catch (NpcVoiceError error)
                {
                    return error.Code;
                }
        }

        private static NpcVoiceClient Impatient(string way)
        {
            return new NpcVoiceClient(new NpcVoiceOptions
            {
                ConnectionFile = Path.Combine(Prepared.Hostile, way + ".json"), TimeoutS = 0.3, Attempts = 2,
            });
        }

        private static Dictionary<string, object> Ways()
        {
            string expected = File.ReadAllText(Path.Combine(Prepared.Hostile, "expected.json"));
            return (Dictionary<string, object>)Json.Parse(expected);
        }
    }
}
