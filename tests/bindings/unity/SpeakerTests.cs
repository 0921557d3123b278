using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using NUnit.Framework;
using UnityEngine;
using Debug = UnityEngine.Debug;

namespace NpcVoice.Tests
{
    /// <summary>The Unity layer on stand-ins for the engine that refuse calls from other threads.</summary>
    [TestFixture]
    public class SpeakerTests
    {
        private const float FrameS = 1f / 60;
        private const string Tale =
            "The old mine has been sealed for ten long years, traveler. Take a lantern and a rope.";

        private readonly List<string> _log = new List<string>();
        private readonly List<int> _shapes = new List<int>();
        private NpcVoiceClient _client;
        private NpcSpeaker _speaker;
        private AudioSource _source;
        private SkinnedMeshRenderer _face;

        [SetUp]
        public void BuildScene()
        {
            Engine.Begin();
            _log.Clear();
            _shapes.Clear();
            _client = Prepared.Client();
            var npc = new GameObject("Mara");
            _speaker = npc.AddComponent<NpcSpeaker>();
            _source = npc.GetComponent<AudioSource>();
            _speaker.Client = _client;
            _speaker.Voice.Speaker = "bf_emma";
            _speaker.LineStarted += text => _log.Add("started " + text);
            _speaker.LineFinished += text => _log.Add("finished " + text);
            _speaker.LineFailed += (text, error) => _log.Add(error.Code + " " + text);
            _speaker.SubtitleOnly += (text, seconds) => _log.Add("read " + text + " " + seconds.ToString("0.0"));
            _speaker.Viseme += (id, weight) => _shapes.Add(id);
        }

        [TearDown]
        public void LeaveScene()
        {
            Engine.Begin();
            Assert.That(Engine.ClipsAlive, Is.EqualTo(0), "clips were left behind");
            Waiting.For(() => _client.Close());
        }

        [Test]
        public void ALineIsHeardToTheLastSample()
        {
            Line whole = Waiting.For(() => _client.Say(Tale, new SayOptions { Speaker = "bf_emma" }));
            Assert.That(_speaker.Say(Tale), Is.True);
            PlayOn();
            Assert.That(_source.Heard.ToArray(), Is.EqualTo(whole.ToFloats()));
            Assert.That(_log, Is.EqualTo(new[] { "started " + Tale, "finished " + Tale }));
            Assert.That(Debug.Lines, Is.Empty);
        }

        [Test]
        public void WordsAndVisemesComeInOrderAndInTime()
        {
            Line whole = Waiting.For(() => _client.Say(
                Tale, new SayOptions { Speaker = "bf_emma", Timings = new[] { "words", "visemes" } }));
            var words = new List<string>();
            double latest = 0;
            double atS = 0;
            _speaker.Word += word =>
            {
                latest = Math.Max(latest, Math.Abs(atS - whole.Words[words.Count].StartS));
                words.Add(word);
            };
            _speaker.Say(Tale);
            while (_speaker.IsSpeaking)
            {
                Frame();
                atS = _source.Heard.Count / 24000.0 + _source.time;
            }
            Assert.That(words, Is.EqualTo(whole.Words.Select(word => word.Text)));
            Assert.That(_shapes, Is.EqualTo(whole.Visemes.Select(row => row.Id)));
            Assert.That(latest, Is.LessThan(0.1));
        }

        [Test]
        public void TheFaceFollowsTheSpeechAndShutsAfterIt()
        {
            AddFace();
            var most = new float[Viseme.Count];
            float leap = 0;
            float before = 0;
            _speaker.Say(Tale);
            while (_speaker.IsSpeaking)
            {
                Frame();
                for (int id = 0; id < most.Length; id++)
                    most[id] = Math.Max(most[id], _face.GetBlendShapeWeight(id));
                leap = Math.Max(leap, Math.Abs(_face.GetBlendShapeWeight(10) - before));
                before = _face.GetBlendShapeWeight(10);
            }
            Assert.That(most[1], Is.GreaterThan(50), "lips close for p, b and m");
            Assert.That(most.Count(weight => weight > 10), Is.GreaterThan(7));
            Assert.That(leap, Is.LessThan(70), "a shape comes over several frames");
            Frame();
            Assert.That(Enumerable.Range(0, 15).Sum(id => _face.GetBlendShapeWeight(id)), Is.EqualTo(0));
        }

        [Test]
        public void AQueuedLineIsSaidAfterTheFirst()
        {
            _speaker.Say("Halt!");
            _speaker.Say("Who goes there?");
            PlayOn();
            Assert.That(_log, Is.EqualTo(new[]
            {
                "started Halt!", "finished Halt!", "started Who goes there?", "finished Who goes there?",
            }));
        }

        [Test]
        public void AnInterruptingLineIsSaidAtOnce()
        {
            _speaker.Say("Halt!");
            PlayUntil("started Halt!");
            _speaker.Say("Never mind.", null, WhenBusy.Interrupt);
            PlayOn();
            Assert.That(_log, Is.EqualTo(new[]
            {
                "started Halt!", "cancelled Halt!", "started Never mind.", "finished Never mind.",
            }));
        }

        [Test]
        public void ALineIsDroppedWhileAnotherIsSaid()
        {
            _speaker.WhenBusy = WhenBusy.Drop;
            Assert.That(_speaker.Say("Halt!"), Is.True);
            Assert.That(_speaker.Say("Who goes there?"), Is.False);
            PlayOn();
            Assert.That(_log, Is.EqualTo(new[] { "started Halt!", "finished Halt!" }));
        }

        [Test]
        public void AHeldLineGoesOnWhereItWas()
        {
            _speaker.Say("Halt!");
            PlayUntil("started Halt!");
            _speaker.Pause(true);
            for (int i = 0; i < 100; i++)
                Frame();
            Assert.That(_speaker.IsSpeaking, Is.True);
            _speaker.Pause(false);
            PlayOn();
            Assert.That(_log.Last(), Is.EqualTo("finished Halt!"));
        }

        [Test]
        public void ASpeakerThatIsDisabledFallsSilent()
        {
            _speaker.Say("Halt!");
            _speaker.Say("Who goes there?");
            PlayUntil("started Halt!");
            UnityEngine.Object.Destroy(_speaker);
            Assert.That(_log.Skip(1), Is.EqualTo(new[] { "cancelled Halt!", "cancelled Who goes there?" }));
            Assert.That(_source.isPlaying, Is.False);
            Assert.That(_speaker.Say("Again."), Is.False);
        }

        [Test]
        public void WithoutASidecarALineIsShownAndOneWarningIsGiven()
        {
            var nowhere = new NpcVoiceOptions { ConnectionFile = Path.Combine(Prepared.Folder, "nobody.json") };
            _speaker.Client = new NpcVoiceClient(nowhere);
            Stopwatch watch = Stopwatch.StartNew();
            _speaker.Say("Beware of [[Drizzt|dɹˈɪst]]!");
            _speaker.Say("Halt!");
            PlayOn();
            Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(3), "a line does not wait for a sidecar");
            Assert.That(_log, Is.EqualTo(new[]
            {
                "started Beware of Drizzt!", "read Beware of Drizzt! 1.5", "finished Beware of Drizzt!",
                "started Halt!", "read Halt! 1.5", "finished Halt!",
            }));
            Assert.That(Debug.Lines.Count, Is.EqualTo(1));
            _speaker.Client.Dispose();
        }

        [Test]
        public void ARefusedLineFailsAndTheNextIsSaid()
        {
            _speaker.Say("Hi.", new SayOptions { Speaker = "nobody" }, null);
            _speaker.Say("Halt!");
            PlayOn();
            Assert.That(_log, Is.EqualTo(new[] { "unknown_speaker Hi.", "started Halt!", "finished Halt!" }));
            StringAssert.Contains("nobody", Debug.Lines.Single());
        }

        [Test]
        public void ALineMayBeSaidOutOfAnEvent()
        {
            _speaker.LineFinished += text => _speaker.Say("Who goes there?", null, WhenBusy.Drop);
            _speaker.Say("Halt!");
            PlayUntil("finished Who goes there?");
            Assert.That(_log.Take(3), Is.EqualTo(new[]
            {
                "started Halt!", "finished Halt!", "started Who goes there?",
            }));
        }

        [Test]
        public void ACastSaysHowItsMembersSpeak()
        {
            var cast = ScriptableObject.CreateInstance<Cast>();
            cast.Members.Add(new CastMember { Character = "Mara", Speaker = "bf_emma", Emotion = "happy" });
            cast.Pronunciations.Add(new Pronunciation { Word = "Drizzt", Phonemes = "dɹˈɪst" });
            _speaker.Cast = cast;
            _speaker.Character = "Mara";
            Assert.That(_speaker.Defaults().Speaker.Value, Is.EqualTo("bf_emma"));
            _speaker.Say("Drizzt!");
            PlayOn();
            Assert.That(_log, Is.EqualTo(new[] { "started Drizzt!", "finished Drizzt!" }));
            _speaker.Character = "Marra";
            Assert.That(_speaker.Say("Halt!"), Is.False);
            StringAssert.Contains("did you mean 'Mara'?", Debug.Lines.Single());
        }

        [Test]
        public void AFrameInWhichNobodySpeaksAllocatesNothing()
        {
            AddFace();
            _speaker.Say("Halt!");
            PlayOn();
            Frame();
            long before = Allocated();
            for (int i = 0; i < 10000; i++)
                Frame();
            Assert.That(Allocated() - before, Is.LessThan(IsExact ? 1000 : 50000), "in ten thousand frames");
        }

        [Test]
        public void TheSharedClientIsClosedAndMadeAnew()
        {
            SharedSidecar.Options = new NpcVoiceOptions { ConnectionFile = Prepared.ConnectionFile };
            NpcVoiceClient first = SharedSidecar.Client;
            Waiting.For(() => first.Ping());
            Assert.That(SharedSidecar.Client, Is.SameAs(first));
            System.Runtime.CompilerServices.RuntimeHelpers.RunClassConstructor(EditorLifetimeType().TypeHandle);
            UnityEditor.EditorApplication.Tell(UnityEditor.PlayModeStateChange.ExitingPlayMode);
            Assert.That(Waiting.Error(() => first.Ping()).Code, Is.EqualTo("cancelled"));
            NpcVoiceClient second = SharedSidecar.Client;
            Waiting.For(() => second.Ping());
            UnityEditor.AssemblyReloadEvents.Reload();
            Assert.That(second.OpenConnections, Is.EqualTo(0));
            Assert.That(SharedSidecar.Client, Is.Not.SameAs(second));
            SharedSidecar.Close();
        }

        private static Type EditorLifetimeType()
        {
            return typeof(AuditionWindow).Assembly.GetType("NpcVoice.EditorLifetime", true);
        }

        /// <summary>Whether the runtime counts what a thread takes; else it is seen on the heap only.</summary>
        private static bool IsExact
        {
            get { return Type.GetType("Mono.Runtime") == null; }
        }

        private static long Allocated()
        {
            var exact = typeof(GC).GetMethod("GetAllocatedBytesForCurrentThread");
            return IsExact ? (long)exact.Invoke(null, null) : GC.GetTotalMemory(false);
        }

        private void AddFace()
        {
            _face = _speaker.gameObject.AddComponent<SkinnedMeshRenderer>();
            _face.sharedMesh = new Mesh();
            foreach (string shape in _speaker.BlendShapes)
                _face.sharedMesh.AddShape(shape);
            _speaker.Face = _face;
            _speaker.GetType().GetMethod(
                "OnEnable", System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic)
                .Invoke(_speaker, null);
        }

        private void PlayOn()
        {
            var left = new Deadline(60);
            while (_speaker.IsSpeaking)
            {
                Frame();
                Assert.That(left.LeftS, Is.GreaterThan(0), string.Join(", ", _log.ToArray()));
            }
        }

        private void PlayUntil(string entry)
        {
            var left = new Deadline(60);
            while (!_log.Contains(entry))
            {
                Frame();
                Assert.That(left.LeftS, Is.GreaterThan(0), string.Join(", ", _log.ToArray()));
            }
        }

        /// <summary>A frame of the game, a little faster than life while it plays.</summary>
        private void Frame()
        {
            Engine.Frame(FrameS);
            if (_speaker.IsSpeaking && !_source.isPlaying)
                Thread.Sleep(1);
        }
    }
}
