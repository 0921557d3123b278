using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using NpcVoice.Samples;
using NUnit.Framework;
using UnityEngine;

namespace NpcVoice.Tests
{
    /// <summary>The sample, on stand-ins for the engine.</summary>
    [TestFixture]
    public class TavernTests
    {
        private const float FrameS = 1f / 30;
        private const float PlayS = 30;
        private static readonly KeyCode[] Keys = { KeyCode.A, KeyCode.V };

        [Test]
        public void ThreeGuestsTalkForThirtySecondsAndMoveTheirMouths()
        {
            Engine.Begin();
            Resources.Add("tavern_dialogue", new TextAsset(File.ReadAllText(Prepared.TavernDialogue)));
            SharedSidecar.Options = new NpcVoiceOptions { ConnectionFile = Prepared.ConnectionFile, TimeoutS = 60 };
            var tavern = new GameObject("Tavern").AddComponent<Tavern>();
            var open = new Dictionary<Guest, float>();
            var left = new Deadline(90);
            int pressed = 0;
            for (float playedS = 0; playedS < PlayS && left.LeftS > 0;)
            {
                Engine.Frame(FrameS);
                bool isHeard = false;
                foreach (Guest guest in tavern.Guests)
                {
                    open[guest] = System.Math.Max(guest.Openness, open.ContainsKey(guest) ? open[guest] : 0);
                    isHeard |= guest.Speaker.GetComponent<AudioSource>().isPlaying;
                }
                if (isHeard)
                    playedS += FrameS;
                else
                    Thread.Sleep(2);
                Event.current = new Event { type = EventType.Repaint };
                if (tavern.LinesSaid == 2 && pressed < Keys.Length)
                    Event.current = new Event { type = EventType.KeyDown, keyCode = Keys[pressed++] };
            }
            Assert.That(left.LeftS, Is.GreaterThan(0));
            Assert.That(open.Count, Is.EqualTo(3));
            Assert.That(open.Values.Min(), Is.GreaterThan(0.3f));
            Assert.That(tavern.LinesSaid, Is.GreaterThan(3));
            StringAssert.Contains("no other voice", tavern.Status);
            Assert.That(UnityEngine.Debug.Lines, Is.Empty);
            Engine.Begin();
            SharedSidecar.Close();
            Assert.That(Engine.ClipsAlive, Is.EqualTo(0));
        }

        [Test]
        public void QuotedCellsHoldCommasAndQuotes()
        {
            List<Dictionary<string, string>> rows = Csv.Parse("a,b\n1,\"x, \"\"y\"\" z\"\n\n");
            Assert.That(rows.Single()["b"], Is.EqualTo("x, \"y\" z"));
        }
    }
}
