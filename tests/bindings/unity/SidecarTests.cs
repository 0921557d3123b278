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
    /// <summary>Every message against a real sidecar with the real voice.</summary>
    [TestFixture]
    public class SidecarTests
    {
        private const string Tale =
            "The old mine has been sealed for ten long years, traveler. Take a lantern and a rope.";

        /// <summary>Some minutes of speech: nobody waits for its end.</summary>
        private static readonly string Monologue =
            string.Join(" ", Enumerable.Repeat("An endless tale, told by an old man, by the fire.", 36).ToArray());

        private NpcVoiceClient _client;

        [SetUp]
        public void Connect()
        {
            _client = Prepared.Client();
        }

        [TearDown]
        public void Disconnect()
        {
            Waiting.For(() => _client.Close());
        }

        [Test]
        public void EveryOpHasItsMethod()
        {
            Waiting.For(() => _client.Ping());
            HelloReply hello = Waiting.For(() => _client.Hello());
            Assert.That(hello.Protocol, Is.EqualTo(1));
            Assert.That(hello.Ops, Has.Member("synthesize"));
            SpeakersReply speakers = Waiting.For(() => _client.Speakers());
            Assert.That(speakers.Speakers.Select(row => row.Name), Has.Member(speakers.Default));
            IReadOnlyList<EmotionRow> emotions = Waiting.For(() => _client.Emotions());
            Assert.That(emotions.Select(row => row.Name), Is.EqualTo(hello.Emotions));
            Assert.That(emotions[0].Display["en"], Is.Not.Empty);
            Assert.That(Waiting.For(() => _client.Cancel("nothing")), Is.False);
            StatsReply stats = Waiting.For(() => _client.Stats());
            Assert.That(stats.Requests["ping"], Is.GreaterThan(0));
            Assert.That(stats.MemoryBytes, Is.GreaterThan(1 << 20));
        }

        [Test]
        public void ModelsAreListedAndChosen()
        {
            ModelRow live = Waiting.For(() => _client.Models()).Single(row => row.State == "live");
            string label = live.Name + "@" + live.Version;
            Assert.That(Waiting.For(() => _client.Activate(label)).Single().Sha256, Is.EqualTo(live.Sha256));
            Assert.That(Waiting.For(() => _client.Activate(live.Name)).Single().State, Is.EqualTo("live"));
            Assert.That(Waiting.For(() => _client.Rescan()).Single().Version, Is.EqualTo(live.Version));
            NpcVoiceError error = Waiting.Error(() => _client.Rollback(live.Name));
            StringAssert.Contains(live.Name, error.Message);
            error = Waiting.Error(() => _client.Canary("nobody@1.0.0", 0.5));
            Assert.That(error.Code, Is.EqualTo("unknown_model"));
        }

        [Test]
        public void ALineIsTheSameToTheByteAsThePythonClientHearsIt()
        {
            Line line = Waiting.For(() => _client.Say(Prepared.Halt, Timed("words", "phonemes", "visemes")));
            Assert.That(line.Audio, Is.EqualTo(File.ReadAllBytes(Prepared.HaltSound)));
            Assert.That(line.Audio.Length, Is.EqualTo(2 * line.Frames));
            Assert.That(string.Join(" ", line.Words.Select(word => word.Text).ToArray()), Is.EqualTo("Halt Who goes there"));
            Assert.That(line.Phonemes.Count, Is.GreaterThan(8));
            Assert.That(line.Visemes[0].StartS, Is.EqualTo(0));
            Assert.That(line.Model.Sha256.Length, Is.EqualTo(64));
            Assert.That(line.ToFloats().Max(), Is.GreaterThan(0.05f));
        }

        [Test]
        public void TheSameLineIsSpokenOnce()
        {
            Line first = Waiting.For(() => _client.Say("Only once."));
            Line second = Waiting.For(() => _client.Say("Only once."));
            Assert.That(second.Cached, Is.True);
            Assert.That(second.Audio, Is.EqualTo(first.Audio));
        }

        [Test]
        public void LinesOfTwoHundredKilobytesComeWhole()
        {
            var options = new SayOptions { Format = "pcm_f32le", SampleRate = 96000 };
            Line line = Waiting.For(() => _client.Say(Prepared.Halt, options));
            Assert.That(line.Audio.Length, Is.GreaterThan(200000));
            Assert.That(line.Audio.Length, Is.EqualTo(4 * line.Frames));
            Assert.That(line.SampleRateHz, Is.EqualTo(96000));
        }

        [TestCase("wav", "RIFF")]
        [TestCase("ogg", "OggS")]
        public void FilesAreFiles(string format, string start)
        {
            Line line = Waiting.For(() => _client.Say(Prepared.Halt, new SayOptions { Format = format }));
            Assert.That(System.Text.Encoding.ASCII.GetString(line.Audio, 0, 4), Is.EqualTo(start));
            Assert.That(Assert.Throws<NpcVoiceError>(() => line.ToFloats()).Field, Is.EqualTo("format"));
        }

        [Test]
        public void ALineIsSpokenLikeAClip()
        {
            var angry = new SayOptions { Format = "wav", Emotion = "angry", Intensity = 1 };
            byte[] clip = Waiting.For(() => _client.Say(Tale, angry)).Audio;
            Assert.That(clip.Length, Is.GreaterThan(100000));
            Line plain = Waiting.For(() => _client.Say(Prepared.Halt));
            Line alike = Waiting.For(() => _client.Say(Prepared.Halt, new SayOptions { Reference = clip }));
            Assert.That(alike.Audio, Is.Not.EqualTo(plain.Audio));
        }

        [Test]
        public void AClipIsComparedWithItsBaseline()
        {
            var angry = new SayOptions { Format = "wav", Emotion = "angry", Intensity = 1 };
            byte[] clip = Waiting.For(() => _client.Say(Tale, angry)).Audio;
            Line alone = Waiting.For(() => _client.Say(Prepared.Halt, new SayOptions { Reference = clip }));
            Line beside = Waiting.For(
                () => _client.Say(Prepared.Halt, new SayOptions { Reference = clip, Baseline = clip }));
            Assert.That(beside.Audio, Is.Not.EqualTo(alone.Audio));
            NpcVoiceError error = Waiting.Error(() => _client.Say("Hm.", new SayOptions { Baseline = clip }));
            Assert.That(error.Field, Is.EqualTo("baseline"));
        }

        [Test]
        public void MannerAndLoudnessChangeALine()
        {
            Line plain = Waiting.For(() => _client.Say("Hm."));
            foreach (SayOptions options in new[] { new SayOptions { Manner = 3 }, new SayOptions { Loudness = -40 } })
                Assert.That(Waiting.For(() => _client.Say("Hm.", options)).Audio, Is.Not.EqualTo(plain.Audio));
            var quiet = new SayOptions { Loudness = -40 };
            using (LineStream stream = _client.Stream(Tale, quiet))
                Assert.That(Waiting.Error(() => stream.Next()).Field, Is.EqualTo("loudness"));
            using (LineStream whole = _client.Pieces(Tale, quiet))
            {
                Assert.That(Pulled(whole).Audio, Is.EqualTo(Waiting.For(() => _client.Say(Tale, quiet)).Audio));
                Assert.That(Pulled(whole), Is.Null);
            }
        }

        [Test]
        public void ChunksOfAStreamAreTheLine()
        {
            var joined = new List<byte>();
            var shapes = new List<VisemeRow>();
            int chunks = 0;
            using (LineStream stream = _client.Stream(Tale, Timed("visemes")))
                for (Line chunk = Pulled(stream); chunk != null; chunk = Pulled(stream))
                {
                    Assert.That(chunk.ChunkIndex, Is.EqualTo(chunks++));
                    joined.AddRange(chunk.Audio);
                    shapes.AddRange(chunk.Visemes);
                }
            Assert.That(chunks, Is.GreaterThan(1));
            Line whole = Waiting.For(() => _client.Say(Tale, Timed("visemes")));
            Assert.That(joined.ToArray(), Is.EqualTo(whole.Audio));
            Assert.That(shapes, Is.EqualTo(whole.Visemes));
        }

        [Test]
        public void LeavingAStreamEarlyCancelsTheRest()
        {
            using (LineStream stream = _client.Stream(Monologue))
                Assert.That(Pulled(stream).IsLast, Is.False);
            Waiting.Until(() => Waiting.For(() => _client.Stats()).LinesRunning == 0, 5);
        }

        [Test]
        public void ARefusalNamesTheFieldAndWhatFits()
        {
            NpcVoiceError error = Waiting.Error(() => _client.Say("Hi.", new SayOptions { Speaker = "af_hart" }));
            Assert.That(error.Code, Is.EqualTo("unknown_speaker"));
            Assert.That(error.Field, Is.EqualTo("speaker"));
            StringAssert.Contains("af_heart", error.Message);
            error = Waiting.Error(() => _client.Say("Hi.", new SayOptions { Speed = 3 }));
            StringAssert.Contains("the nearest is 2", error.Message);
            Assert.That(Waiting.Error(() => _client.Say("")).Code, Is.EqualTo("empty_text"));
            Assert.That(Waiting.Error(() => _client.Say(null)).Field, Is.EqualTo("text"));
            error = Waiting.Error(() => _client.Say("Hi.", new SayOptions { Reference = new byte[100] }));
            Assert.That(error.Code, Is.EqualTo("bad_audio"));
        }

        [Test]
        public void ACancelledCallEndsAtOnceAndTheSidecarStopsItsWork()
        {
            var cancellation = new CancellationTokenSource();
            Task<Line> line = _client.Say(Monologue, null, cancellation.Token);
            Waiting.Until(() => Waiting.For(() => _client.Stats()).LinesRunning == 1);
            Stopwatch watch = Stopwatch.StartNew();
            cancellation.Cancel();
            Assert.That(
                () => Waiting.For(() => line), Throws.InstanceOf<OperationCanceledException>());
            Assert.That(watch.ElapsedMilliseconds, Is.LessThan(500));
            Waiting.Until(() => Waiting.For(() => _client.Stats()).LinesRunning == 0);
            Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(5));
        }

        [Test]
        public void ALineCanBeCancelledByItsId()
        {
            string id = Guid.NewGuid().ToString("N");
            Task<Line> line = _client.Say(Monologue, new SayOptions { Id = id });
            Waiting.Until(() => Waiting.For(() => _client.Cancel(id)));
            Assert.That(Waiting.Error(() => line).Code, Is.EqualTo("cancelled"));
        }

        [Test]
        public void ABarkDoesNotWaitBehindAMonologue()
        {
            var cancellation = new CancellationTokenSource();
            Task<Line> monologue = _client.Say(Monologue, null, cancellation.Token);
            Waiting.Until(() => Waiting.For(() => _client.Stats()).LinesRunning == 1);
            Waiting.For(() => _client.Say("Duck!", new SayOptions { Priority = "bark" }));
            Assert.That(monologue.IsCompleted, Is.False);
            cancellation.Cancel();
            RequestLink.Observe(monologue);
            Waiting.Until(() => Waiting.For(() => _client.Stats()).LinesRunning == 0);
        }

        [Test]
        public void EventsAreTold()
        {
            var told = new List<VoiceEvent>();
            using (Subscription events = _client.Subscribe("line.done", told.Locked))
            {
                Waiting.For(() => events.Listening);
                Waiting.Until(() =>
                {
                    Waiting.For(() => _client.Say("Hear!"));
                    lock (told)
                        return told.Count > 0;
                });
            }
            Assert.That(told[0].Name, Is.EqualTo("line.done"));
            Assert.That(told.Exists(one => one.Has("session") && one.Text("session") == _client.Session), Is.True);
            Assert.That(told[0].Number("total_ms"), Is.GreaterThan(0));
        }

        [Test]
        public void EventsComeToTheThreadThatSubscribed()
        {
            var pump = new Pump();
            int thread = 0;
            SynchronizationContext before = SynchronizationContext.Current;
            SynchronizationContext.SetSynchronizationContext(pump);
            Subscription events = _client.Subscribe(
                "line.", told => thread = Thread.CurrentThread.ManagedThreadId);
            SynchronizationContext.SetSynchronizationContext(before);
            Waiting.For(() => events.Listening);
            Waiting.Until(() =>
            {
                Waiting.For(() => _client.Say("Hear!"));
                pump.Run();
                return thread != 0;
            });
            events.Dispose();
            Assert.That(thread, Is.EqualTo(Thread.CurrentThread.ManagedThreadId));
        }

        [Test]
        public void ASubscriptionEndsWhenItIsDisposed()
        {
            Subscription events = _client.Subscribe("", told => { });
            Waiting.For(() => events.Listening);
            events.Dispose();
            Waiting.For(() => events.Completion);
        }

        [Test]
        public void ManyCallersShareAClient()
        {
            Waiting.For(() => _client.Say("Hear!"));
            Task<Line>[] lines = Enumerable.Range(0, 24).Select(number => _client.Say("Hear!")).ToArray();
            Waiting.For(() => Task.WhenAll(lines));
            Assert.That(lines.Select(line => line.Result.Audio.Length).Distinct().Count(), Is.EqualTo(1));
            Assert.That(_client.OpenConnections, Is.LessThanOrEqualTo(4));
        }

        [Test]
        public void FiveHundredLinesLeaveNothingBehind()
        {
            Hear(100);
            long bytes = GC.GetTotalMemory(true);
            int files = OpenFiles();
            Hear(500);
            Assert.That(GC.GetTotalMemory(true) - bytes, Is.LessThan(500000));
            Assert.That(OpenFiles() - files, Is.LessThanOrEqualTo(4));
            Assert.That(_client.OpenConnections, Is.LessThanOrEqualTo(4));
        }

        private void Hear(int times)
        {
            Waiting.For(async () =>
            {
                for (int i = 0; i < times; i++)
                    await _client.Say("Hear!").ConfigureAwait(false);
            });
        }

        private static int OpenFiles()
        {
            return Directory.GetFiles("/proc/self/fd").Length;
        }

        private static Line Pulled(LineStream stream)
        {
            return Waiting.For(() => stream.Next());
        }

        private static SayOptions Timed(params string[] timings)
        {
            return new SayOptions { Timings = timings };
        }
    }

    /// <summary>A main thread's list of what it is to do.</summary>
    internal sealed class Pump : SynchronizationContext
    {
        private readonly List<Action> _work = new List<Action>();

        public override void Post(SendOrPostCallback callback, object state)
        {
            lock (_work)
                _work.Add(() => callback(state));
        }

        public void Run()
        {
            lock (_work)
            {
                _work.ForEach(one => one());
                _work.Clear();
            }
        }
    }

    internal static class Lists
    {
        /// <summary>Adds from any thread.</summary>
        public static void Locked<T>(this List<T> list, T item)
        {
            lock (list)
                list.Add(item);
        }
    }
}
