using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;
using NUnit.Framework;

namespace NpcVoice.Tests
{
    /// <summary>The conformance vectors that the clients in all languages are held to.</summary>
    [TestFixture]
    public class VectorTests
    {
        private static readonly Dictionary<string, SayOptions> Lines = new Dictionary<string, SayOptions>
        {
            { "a line", new SayOptions() },
            { "a line with every field", Full() },
            { "a streamed line", new SayOptions() },
            { "a speaker by name", new SayOptions { Speaker = "af_heart" } },
            { "a speaker by index", new SayOptions { Speaker = 3 } },
            { "a speaker by numbers", new SayOptions { Speaker = new[] { 0.5f, -1f } } },
        };

        [Test]
        public void EveryValueIsWrittenAndReadAsInItsVector()
        {
            List<object> vectors = Section("msgpack.json", "valid");
            foreach (Dictionary<string, object> vector in vectors)
            {
                string hex = (string)vector["hex"];
                byte[] frame = Joined(new byte[] { 0x81, 0xa1, (byte)'a' }, Bytes(hex));
                object read = MsgPack.Decode(frame)["a"];
                Assert.That(Hex(MsgPack.Encode(One("a", read))), Is.EqualTo(Hex(frame)), (string)vector["name"]);
                Assert.That(Hex(MsgPack.Encode(One("a", Value(vector["value"])))), Is.EqualTo(Hex(frame)));
            }
            Assert.That(vectors.Count, Is.GreaterThan(30));
        }

        [Test]
        public void SubtitlesShowNoMarkup()
        {
            var lines = (List<object>)Json.Parse(File("markup.json"));
            foreach (Dictionary<string, object> vector in lines)
                Assert.That(Subtitles.Plain((string)vector["line"]), Is.EqualTo(vector["shown"]), (string)vector["line"]);
            Assert.That(lines.Count, Is.GreaterThan(120));
        }

        [TestCase("[")]
        [TestCase("<")]
        [TestCase("{")]
        [TestCase("&")]
        [TestCase("\\\\")]
        [TestCase("|c")]
        [TestCase("[a")]
        [TestCase("[a](")]
        [TestCase("<a b=")]
        [TestCase("[b]")]
        [TestCase("*a")]
        public void GarbageTakesNoTime(string unit)
        {
            string garbage = string.Concat(System.Linq.Enumerable.Repeat(unit, 2000)).Substring(0, 2000);
            var watch = System.Diagnostics.Stopwatch.StartNew();
            Subtitles.Plain(garbage);
            Assert.That(watch.ElapsedMilliseconds, Is.LessThan(1000), unit);
        }

        [Test]
        public void EveryBadHeaderIsRefused()
        {
            List<object> vectors = Section("msgpack.json", "invalid_headers");
            foreach (Dictionary<string, object> vector in vectors)
            {
                byte[] frame = Bytes((string)vector["hex"]);
                var error = Assert.Throws<NpcVoiceError>(() => MsgPack.Decode(frame), (string)vector["name"]);
                Assert.That(error.Code, Is.EqualTo(NpcVoiceError.BadReply));
            }
            Assert.That(vectors.Count, Is.GreaterThan(10));
        }

        [TestCase("requests")]
        [TestCase("replies")]
        [TestCase("events")]
        public void EveryMessageIsWrittenAndReadAsInItsVector(string section)
        {
            foreach (Dictionary<string, object> vector in Section("messages.json", section))
            {
                string hex = (string)vector["hex"];
                Assert.That(Hex(MsgPack.Encode(MsgPack.Decode(Bytes(hex)))), Is.EqualTo(hex));
                var header = (Dictionary<string, object>)Value(vector["header"]);
                Assert.That(Hex(MsgPack.Encode(header)), Is.EqualTo(hex), (string)vector["name"]);
            }
        }

        [Test]
        public void EveryRequestOfTheClientIsThatOfItsVector()
        {
            int lines = 0;
            foreach (Dictionary<string, object> vector in Section("messages.json", "requests"))
            {
                var header = (Dictionary<string, object>)Value(vector["header"]);
                var name = (string)vector["name"];
                var fields = Lines.ContainsKey(name)
                    ? Lines[name].Header((string)header["text"], header.ContainsKey("stream"))
                    : Own(header);
                lines += Lines.ContainsKey(name) ? 1 : 0;
                var request = new Request((string)header["op"], fields, "npc-7", "42");
                Assert.That(Hex(request.Header("the-token")), Is.EqualTo(vector["hex"]), name);
            }
            Assert.That(lines, Is.EqualTo(Lines.Count));
        }

        [Test]
        public void EveryReplyIsReadIntoItsType()
        {
            var read = new Dictionary<string, Func<Answer, object>>
            {
                { "hello", answer => new HelloReply(answer.Header).Limits.HeaderBytes },
                { "a line", answer => new Line("42", answer).Frames },
                { "a chunk", answer => new Line("42", answer).Visemes[1].Id },
                { "cancel", answer => answer.Header.Flag("cancelled") },
                { "speakers", answer => new SpeakersReply(answer.Header).Speakers[0].Display },
                { "emotions", answer => new EmotionRow(answer.Header.Maps("emotions")[0]).Display["zh"] },
                { "models", answer => new ModelRow(answer.Header.Maps("models")[1]).Detail },
                { "stats", answer => new StatsReply(answer.Header).Latency["total"].P99Ms },
                { "ping", answer => answer.Refusal == null },
                { "shutdown", answer => answer.Header.Count("lines") },
                { "an error", answer => answer.Refusal.Retryable },
                { "an error with everything", answer => answer.Refusal.Field + answer.Refusal.RetryAfterMs },
            };
            var expected = new Dictionary<string, object>
            {
                { "hello", 65536 }, { "a line", 38400 }, { "a chunk", 13 }, { "cancel", true }, { "speakers", "Heart" },
                { "emotions", "生气" }, { "models", "weights.safetensors is damaged" }, { "stats", 130.0 },
                { "ping", true }, { "shutdown", 2 }, { "an error", false }, { "an error with everything", "text50" },
            };
            foreach (Dictionary<string, object> vector in Section("messages.json", "replies"))
            {
                var name = (string)vector["name"];
                Answer answer = Answered(Bytes((string)vector["hex"]), name);
                Assert.That(read[name](answer), Is.EqualTo(expected[name]), name);
            }
        }

        [Test]
        public void FramesAreThoseOfTheVectors()
        {
            var vectors = (Dictionary<string, object>)Json.Parse(File("zmtp.json"));
            Assert.That(Hex(Zmtp.Greeting()), Is.EqualTo(vectors["greeting"]));
            Assert.That(Hex(Zmtp.Ready("REQ")), Is.EqualTo(vectors["ready"]));
            foreach (Dictionary<string, object> vector in (List<object>)vectors["messages"])
            {
                byte[][] parts = ((List<object>)vector["frames"]).ConvertAll(part => Bytes((string)part)).ToArray();
                Assert.That(Hex(Zmtp.Message(parts)), Is.EqualTo(vector["hex"]), (string)vector["name"]);
                List<byte[]> read = Read(Bytes((string)vector["hex"]));
                read.RemoveAt(0);
                Assert.That(read.ConvertAll(Hex), Is.EqualTo(vector["frames"]));
            }
        }

        [Test]
        public void EveryBadFrameIsRefused()
        {
            var vectors = (Dictionary<string, object>)Json.Parse(File("zmtp.json"));
            foreach (Dictionary<string, object> vector in (List<object>)vectors["invalid"])
            {
                byte[] sent = Bytes((string)vector["hex"]);
                NpcVoiceError error = Waiting.Error(() => new FrameReader(new MemoryStream(sent)).Message(Limits, 2));
                Assert.That(error.Code, Is.EqualTo(NpcVoiceError.BadReply), (string)vector["name"]);
            }
        }

        private static int[] Limits
        {
            get { return new[] { 0, 65536, 1 << 20 }; }
        }

        private static SayOptions Full()
        {
            return new SayOptions
            {
                Speaker = new Dictionary<string, double> { { "af_heart", 0.5 }, { "am_adam", 0.5 } },
                Emotion = new Dictionary<string, double> { { "angry", 0.75 }, { "fearful", 0.25 } },
                Intensity = 0.25, Speed = 1.5, Pitch = -2, Reference = new byte[] { 1 },
                Baseline = new byte[] { 2 }, Manner = "bf_emma", Loudness = -23, Language = "en-GB",
                Model = "kokoro-82m@1.0.0", Priority = "bark", DeadlineMs = 800, Format = "wav", SampleRate = 48000,
                Timings = new[] { "words", "phonemes", "visemes" }, Seed = 7, Prompt = "非常开心", Effect = "ghost",
            };
        }

        private static List<byte[]> Read(byte[] sent)
        {
            return Waiting.For(() => new FrameReader(new MemoryStream(sent)).Message(Limits, 2));
        }

        private static Answer Answered(byte[] header, string name)
        {
            int bytes = name == "a line" ? 2 * 38400 : 1;
            var parts = new List<byte[]> { new byte[0], header, new byte[bytes] };
            return new Request("ping", new Dictionary<string, object>(), "npc-7", "42").Answer(parts);
        }

        /// <summary>The fields of a request that are the op's own.</summary>
        private static Dictionary<string, object> Own(Dictionary<string, object> header)
        {
            var own = new Dictionary<string, object>();
            foreach (KeyValuePair<string, object> pair in header)
                if (Array.IndexOf(new[] { "v", "op", "id", "token", "session" }, pair.Key) < 0)
                    own.Add(pair.Key, pair.Value);
            return own;
        }

        /// <summary>A value in the form that JSON has for it.</summary>
        private static object Value(object json)
        {
            if (json is List<object> list)
                return list.ConvertAll(Value);
            if (!(json is Dictionary<string, object> map))
                return json;
            if (map.TryGetValue("$bin", out object hex))
                return Bytes((string)hex);
            if (map.TryGetValue("$int", out object digits))
                return Integer((string)digits);
            if (map.TryGetValue("$float", out object word))
                return (string)word == "nan" ? -double.NaN : double.PositiveInfinity;
            var values = new Dictionary<string, object>();
            foreach (KeyValuePair<string, object> pair in map)
                values.Add(pair.Key, Value(pair.Value));
            return values;
        }

        private static object Integer(string digits)
        {
            return long.TryParse(digits, NumberStyles.Integer, CultureInfo.InvariantCulture, out long whole)
                ? (object)whole
                : ulong.Parse(digits, CultureInfo.InvariantCulture);
        }

        private static List<object> Section(string file, string name)
        {
            return (List<object>)((Dictionary<string, object>)Json.Parse(File(file)))[name];
        }

        private static string File(string name)
        {
            return System.IO.File.ReadAllText(Path.Combine(Prepared.Vectors, name), Encoding.UTF8);
        }

        private static Dictionary<string, object> One(string key, object value)
        {
            return new Dictionary<string, object> { { key, value } };
        }

        private static byte[] Joined(byte[] first, byte[] second)
        {
            var both = new List<byte>(first);
            both.AddRange(second);
            return both.ToArray();
        }

        private static byte[] Bytes(string hex)
        {
            var bytes = new byte[hex.Length / 2];
            for (int i = 0; i < bytes.Length; i++)
                bytes[i] = byte.Parse(hex.Substring(2 * i, 2), NumberStyles.AllowHexSpecifier);
            return bytes;
        }

        private static string Hex(byte[] bytes)
        {
            var hex = new StringBuilder(2 * bytes.Length);
            foreach (byte one in bytes)
                hex.Append(one.ToString("x2"));
            return hex.ToString();
        }
    }
}
