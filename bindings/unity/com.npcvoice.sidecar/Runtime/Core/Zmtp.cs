using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Threading.Tasks;

namespace NpcVoice
{
    /// <summary>ZMTP 3.0 (rfc.zeromq.org, 23/ZMTP) with the NULL mechanism, as bytes.</summary>
    public static class Zmtp
    {
        internal const int More = 1;
        internal const int LongSize = 2;
        internal const int Command = 4;
        internal const int GreetingBytes = 64;
        private const int SignatureBytes = 10;
        private const int ReadyBytes = 512;

        /// <summary>What either side sends first.</summary>
        public static byte[] Greeting()
        {
            var greeting = new byte[GreetingBytes];
            greeting[0] = 0xff;
            greeting[9] = 0x7f;
            greeting[10] = 3;
            Encoding.ASCII.GetBytes("NULL").CopyTo(greeting, 12);
            return greeting;
        }

        /// <summary>The command that ends the handshake of a socket of that type, with an empty identity.</summary>
        public static byte[] Ready(string socketType)
        {
            var body = new MemoryStream();
            body.WriteByte(5);
            Write(body, Encoding.ASCII.GetBytes("READY"));
            WriteProperty(body, "Socket-Type", Encoding.ASCII.GetBytes(socketType));
            WriteProperty(body, "Identity", new byte[0]);
            var frame = new MemoryStream();
            WriteFrame(frame, body.ToArray(), Command);
            return frame.ToArray();
        }

        /// <summary>Parts as one message of a REQ socket: the empty delimiter comes first.</summary>
        public static byte[] Message(params byte[][] parts)
        {
            int size = 2;
            foreach (byte[] part in parts)
                size += part.Length + 9;
            var message = new MemoryStream(size);
            WriteFrame(message, new byte[0], More);
            for (int i = 0; i < parts.Length; i++)
                WriteFrame(message, parts[i], i + 1 < parts.Length ? More : 0);
            return message.ToArray();
        }

        /// <summary>The message with which a SUB socket asks for events whose name starts so.</summary>
        internal static byte[] Subscription(string topic)
        {
            byte[] name = MsgPack.Utf8.GetBytes(topic);
            var content = new byte[name.Length + 1];
            content[0] = 1;
            name.CopyTo(content, 1);
            var frame = new MemoryStream();
            WriteFrame(frame, content, 0);
            return frame.ToArray();
        }

        /// <summary>
        /// Greets the other side, which must be a socket of one of the types in <paramref name="peers"/>.
        /// Throws <see cref="NpcVoiceError"/> (bad_reply), or <see cref="IOException"/> when it hangs up.
        /// </summary>
        public static async Task Handshake(Stream stream, FrameReader reader, string socketType, string[] peers)
        {
            byte[] greeting = Greeting();
            await stream.WriteAsync(greeting, 0, greeting.Length).ConfigureAwait(false);
            CheckSignature(await reader.Exactly(SignatureBytes).ConfigureAwait(false));
            CheckMechanism(await reader.Exactly(GreetingBytes - SignatureBytes).ConfigureAwait(false));
            byte[] ready = Ready(socketType);
            await stream.WriteAsync(ready, 0, ready.Length).ConfigureAwait(false);
            string peer = PeerType(await reader.CommandBody(ReadyBytes).ConfigureAwait(false));
            if (Array.IndexOf(peers, peer) < 0)
                throw NpcVoiceError.Bad("a " + peer + " socket listens there, expected " + string.Join(" or ", peers));
        }

        private static void CheckSignature(byte[] signature)
        {
            if (signature[0] != 0xff || signature[9] != 0x7f)
                throw NpcVoiceError.Bad("what listens there does not speak ZeroMQ");
        }

        private static void CheckMechanism(byte[] rest)
        {
            if (rest[0] < 3)
                throw NpcVoiceError.Bad("ZMTP " + rest[0] + " is spoken there, expected 3");
            string mechanism = Encoding.ASCII.GetString(rest, 2, 20).TrimEnd('\0');
            if (mechanism != "NULL")
                throw NpcVoiceError.Bad("keys are wanted there (" + mechanism + "), this client has none");
        }

        /// <summary>The type of socket in a READY command.</summary>
        private static string PeerType(byte[] body)
        {
            if (body.Length < 6 || body[0] != 5 || Encoding.ASCII.GetString(body, 1, 5) != "READY")
                throw NpcVoiceError.Bad("the handshake was not ended by READY");
            int at = 6;
            while (at < body.Length)
            {
                string name = Encoding.ASCII.GetString(body, at + 1, Sized(body, at, 1));
                at += 1 + name.Length;
                int size = Sized(body, at, 4);
                if (string.Equals(name, "Socket-Type", StringComparison.OrdinalIgnoreCase))
                    return Encoding.ASCII.GetString(body, at + 4, size);
                at += 4 + size;
            }
            throw NpcVoiceError.Bad("READY names no type of socket");
        }

        /// <summary>The size that is written at that place, of bytes that are there.</summary>
        private static int Sized(byte[] body, int at, int sizeBytes)
        {
            long size = 0;
            for (int i = at; i < at + sizeBytes; i++)
                size = size << 8 | (i < body.Length ? body[i] : 0xffL);
            if (at + sizeBytes + size > body.Length)
                throw NpcVoiceError.Bad("READY is cut short");
            return (int)size;
        }

        private static void WriteFrame(MemoryStream target, byte[] content, int flags)
        {
            if (content.Length < 256)
            {
                target.WriteByte((byte)flags);
                target.WriteByte((byte)content.Length);
            }
            else
            {
                target.WriteByte((byte)(flags | LongSize));
                WriteNumber(target, content.Length, 8);
            }
            Write(target, content);
        }

        private static void WriteProperty(MemoryStream target, string name, byte[] value)
        {
            target.WriteByte((byte)name.Length);
            Write(target, Encoding.ASCII.GetBytes(name));
            WriteNumber(target, value.Length, 4);
            Write(target, value);
        }

        private static void WriteNumber(MemoryStream target, long value, int size)
        {
            for (int shift = 8 * (size - 1); shift >= 0; shift -= 8)
                target.WriteByte((byte)(value >> shift));
        }

        private static void Write(MemoryStream target, byte[] bytes)
        {
            target.Write(bytes, 0, bytes.Length);
        }
    }

    /// <summary>
    /// Frames out of a stream, within limits that are looked at before memory is taken. One caller at a time.
    /// </summary>
    public sealed class FrameReader
    {
        private const int BufferBytes = 16 * 1024;
        private const int GrowFromBytes = 1024 * 1024;

        /// <summary>Every frame has as many bytes at least: its flags and its size.</summary>
        private const int ShortHead = 2;

        private readonly Stream _stream;
        private readonly byte[] _buffer = new byte[BufferBytes];
        private int _start;
        private int _end;

        public FrameReader(Stream stream)
        {
            _stream = stream;
        }

        /// <summary>
        /// The parts of the next message. Part n has at most <c>limits[n]</c> bytes, and there are at least
        /// <paramref name="fewest"/> parts and at most as many as limits. Throws <see cref="NpcVoiceError"/>
        /// (bad_reply), or <see cref="IOException"/> when the other side hangs up.
        /// </summary>
        public async Task<List<byte[]>> Message(int[] limits, int fewest)
        {
            var parts = new List<byte[]>(limits.Length);
            int flags;
            do
            {
                if (parts.Count == limits.Length)
                    throw NpcVoiceError.Bad("a message has more than " + limits.Length + " parts");
                if (_end - _start < ShortHead)
                    await Fill(ShortHead).ConfigureAwait(false);
                flags = _buffer[_start++];
                if ((flags & ~(Zmtp.More | Zmtp.LongSize)) != 0)
                    throw NpcVoiceError.Bad("a frame has the flags " + flags + ", which no message has");
                int sizeBytes = SizeBytes(flags);
                if (_end - _start < sizeBytes)
                    await Fill(sizeBytes).ConfigureAwait(false);
                int size = Size(sizeBytes, limits[parts.Count]);
                parts.Add(await Exactly(size).ConfigureAwait(false));
            }
            while ((flags & Zmtp.More) != 0);
            if (parts.Count < fewest)
                throw NpcVoiceError.Bad("a message has " + parts.Count + " parts, expected " + fewest);
            return parts;
        }

        internal async Task<byte[]> CommandBody(int limit)
        {
            await Fill(ShortHead).ConfigureAwait(false);
            int flags = _buffer[_start++];
            if ((flags & ~Zmtp.LongSize) != Zmtp.Command)
                throw NpcVoiceError.Bad("a frame has the flags " + flags + ", expected a command");
            int sizeBytes = SizeBytes(flags);
            await Fill(sizeBytes).ConfigureAwait(false);
            return await Exactly(Size(sizeBytes, limit)).ConfigureAwait(false);
        }

        /// <summary>So many bytes. Room is made as they come, however many were announced.</summary>
        internal async Task<byte[]> Exactly(int size)
        {
            var result = new byte[Math.Min(size, GrowFromBytes)];
            int have = TakeBuffered(result);
            while (have < size)
            {
                if (have == result.Length)
                    Array.Resize(ref result, (int)Math.Min(size, 2L * have));
                have += await Some(result, have).ConfigureAwait(false);
            }
            return result;
        }

        private static int SizeBytes(int flags)
        {
            return (flags & Zmtp.LongSize) != 0 ? 8 : 1;
        }

        /// <summary>The size that is next in the buffer.</summary>
        private int Size(int sizeBytes, int limit)
        {
            ulong size = 0;
            for (int i = 0; i < sizeBytes; i++)
                size = size << 8 | _buffer[_start++];
            if (size > (ulong)limit)
                throw NpcVoiceError.Bad("a frame of " + size + " bytes was announced, at most " + limit + " fit");
            return (int)size;
        }

        /// <summary>At least so many bytes are in the buffer.</summary>
        private async Task Fill(int count)
        {
            Buffer.BlockCopy(_buffer, _start, _buffer, 0, _end - _start);
            _end -= _start;
            _start = 0;
            while (_end < count)
                _end += Heard(await _stream.ReadAsync(_buffer, _end, BufferBytes - _end).ConfigureAwait(false));
        }

        /// <summary>Some bytes more; short pieces come by way of the buffer.</summary>
        private async Task<int> Some(byte[] target, int have)
        {
            int wanted = target.Length - have;
            if (wanted >= BufferBytes)
                return Heard(await _stream.ReadAsync(target, have, wanted).ConfigureAwait(false));
            _start = 0;
            _end = Heard(await _stream.ReadAsync(_buffer, 0, BufferBytes).ConfigureAwait(false));
            return TakeBuffered(target, have);
        }

        private static int Heard(int count)
        {
            if (count == 0)
                throw new EndOfStreamException("the sidecar has hung up");
            return count;
        }

        private int TakeBuffered(byte[] target, int have = 0)
        {
            int count = Math.Min(target.Length - have, _end - _start);
            Buffer.BlockCopy(_buffer, _start, target, have, count);
            _start += count;
            return count;
        }
    }
}
