using System;
using System.Collections.Generic;
using System.IO;
using NUnit.Framework;

namespace NpcVoice.Tests
{
    [TestFixture]
    public class CodecTests
    {
        [Test]
        public void AHeaderIsReadAsItWasWritten()
        {
            var header = new Dictionary<string, object>
            {
                { "text", "站住！🙂" }, { "weights", new List<object> { 0.5, -1L, null, true } },
                { "map", new Dictionary<string, object> { { "bytes", new byte[] { 0, 255 } } } },
            };
            Dictionary<string, object> read = MsgPack.Decode(MsgPack.Encode(header));
            Assert.That(read["text"], Is.EqualTo("站住！🙂"));
            Assert.That(read["weights"], Is.EqualTo(header["weights"]));
            Assert.That(((Dictionary<string, object>)read["map"])["bytes"], Is.EqualTo(new byte[] { 0, 255 }));
        }

        [Test]
        public void ANumberThatASinglePrecisionPeerSendsIsRead()
        {
            byte[] frame = { 0x81, 0xa1, (byte)'a', 0xca, 0x3f, 0xc0, 0, 0 };
            Assert.That(MsgPack.Decode(frame)["a"], Is.EqualTo(1.5));
        }

        [Test]
        public void HalfASurrogatePairIsRefusedBeforeItIsSent()
        {
            var header = new Dictionary<string, object> { { "text", "\ud800" } };
            var error = Assert.Throws<NpcVoiceError>(() => MsgPack.Encode(header));
            Assert.That(error.Code, Is.EqualTo(NpcVoiceError.BadRequest));
        }

        [Test]
        public void AHugeCountTakesNoMemory()
        {
            long before = GC.GetTotalMemory(true);
            byte[] frame = { 0x81, 0xa1, (byte)'a', 0xdd, 0x7f, 0xff, 0xff, 0xff };
            Assert.Throws<NpcVoiceError>(() => MsgPack.Decode(frame));
            Assert.That(GC.GetTotalMemory(false) - before, Is.LessThan(1 << 20));
        }

        [Test]
        public void EightLevelsAreReadAndNineAreNot()
        {
            Assert.That(MsgPack.Decode(Nested(7)), Is.Not.Null);
            Assert.Throws<NpcVoiceError>(() => MsgPack.Decode(Nested(8)));
        }

        [TestCase("{\"a\": [1, -2.5, true, null, \"\\u00e9\\n\"]}")]
        [TestCase(" [ ] ")]
        [TestCase("{\"a\": {}}")]
        public void JsonIsRead(string text)
        {
            Assert.That(Json.Parse(text), Is.Not.Null);
        }

        [TestCase("")]
        [TestCase("{")]
        [TestCase("[1,]")]
        [TestCase("{\"a\": 1, \"a\": 2}")]
        [TestCase("nul")]
        [TestCase("\"\\x\"")]
        [TestCase("1 2")]
        [TestCase("--1")]
        [TestCase("\"no end")]
        public void WhatIsNoJsonIsRefused(string text)
        {
            Assert.Throws<InvalidDataException>(() => Json.Parse(text));
        }

        [Test]
        public void DeepJsonIsRefusedAndDoesNotExhaustTheStack()
        {
            Assert.Throws<InvalidDataException>(() => Json.Parse(new string('[', 100000)));
        }

        [Test]
        public void ArgumentsAreQuotedSoThatTheyComeApartAgain()
        {
            string[] arguments = { "plain", "with space", "a \"quote\"", "C:\\folder\\", "" };
            Assert.That(
                CommandLine.Joined(arguments),
                Is.EqualTo("\"plain\" \"with space\" \"a \\\"quote\\\"\" \"C:\\folder\\\\\" \"\""));
        }

        [Test]
        public void SixteenBitsBecomeFloats()
        {
            byte[] audio = { 0, 0, 0xff, 0x7f, 0, 0x80 };
            Assert.That(Pcm.ToFloats(audio, "pcm_s16le"), Is.EqualTo(new[] { 0f, 32767f / 32768f, -1f }));
        }

        private static byte[] Nested(int lists)
        {
            var frame = new List<byte> { 0x81, 0xa1, (byte)'a' };
            for (int i = 0; i < lists; i++)
                frame.Add(0x91);
            frame.Add(0xc0);
            return frame.ToArray();
        }
    }
}
