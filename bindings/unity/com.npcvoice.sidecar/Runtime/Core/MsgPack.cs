using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Text;

namespace NpcVoice
{
    /// <summary>
    /// Headers as msgpack maps. Values are null, bool, long, ulong (beyond the longest long), double, string,
    /// byte[], List of objects and Dictionary from string. Nothing else is read or written.
    /// </summary>
    public static class MsgPack
    {
        /// <summary>How deep maps and lists may lie in each other, the header being the first.</summary>
        public const int Nesting = 8;

        internal static readonly UTF8Encoding Utf8 = new UTF8Encoding(false, true);

        /// <summary>A header as one frame. Throws <see cref="NpcVoiceError"/> for values that have no form.</summary>
        public static byte[] Encode(IDictionary<string, object> header)
        {
            var writer = new Writer();
            writer.Map(header);
            return writer.Bytes();
        }

        /// <summary>
        /// One frame as a header. Throws <see cref="NpcVoiceError"/> (bad_reply) for anything that is not a map
        /// with text keys, repeated keys, ext types, deep nesting, and bytes after the end. Lengths are
        /// compared with what is there before memory is taken.
        /// </summary>
        public static Dictionary<string, object> Decode(byte[] frame)
        {
            var reader = new Reader(frame);
            object value = reader.Value(Nesting);
            var header = value as Dictionary<string, object>;
            if (header == null)
                throw NpcVoiceError.Bad("the header must be a map");
            if (!reader.AtEnd)
                throw NpcVoiceError.Bad("there are bytes after the header's end");
            return header;
        }

        private sealed class Writer
        {
            private readonly MemoryStream _out = new MemoryStream(256);

            public byte[] Bytes()
            {
                return _out.ToArray();
            }

            public void Map(IDictionary<string, object> map)
            {
                Head(map.Count, 0x80, 15, 0xde, 0xdf);
                foreach (KeyValuePair<string, object> pair in map)
                {
                    Text(pair.Key);
                    Value(pair.Value);
                }
            }

            private void Value(object value)
            {
                if (value == null)
                    _out.WriteByte(0xc0);
                else if (value is bool yes)
                    _out.WriteByte(yes ? (byte)0xc3 : (byte)0xc2);
                else if (value is string text)
                    Text(text);
                else if (value is int small)
                    Integer(small);
                else if (value is long whole)
                    Integer(whole);
                else if (value is ulong large)
                    Unsigned(large);
                else if (value is float single)
                    Float(single);
                else if (value is double number)
                    Float(number);
                else if (value is byte[] bytes)
                    Binary(bytes);
                else if (value is IDictionary<string, object> map)
                    Map(map);
                else if (value is IList list)
                    List(list);
                else
                    throw new NpcVoiceError(
                        NpcVoiceError.BadRequest, value.GetType().Name + " has no form in a header");
            }

            private void Text(string text)
            {
                byte[] bytes = Encoded(text);
                if (bytes.Length > 31 && bytes.Length < 256)
                    Numbered(0xd9, 1, (ulong)bytes.Length);
                else
                    Head(bytes.Length, 0xa0, 31, 0xda, 0xdb);
                _out.Write(bytes, 0, bytes.Length);
            }

            private static byte[] Encoded(string text)
            {
                try
                {
                    return Utf8.GetBytes(text);
                }
                catch (EncoderFallbackException)
                {
                    throw new NpcVoiceError(NpcVoiceError.BadRequest, "a text has half a surrogate pair in it");
                }
            }

            private void Binary(byte[] bytes)
            {
                if (bytes.Length < 256)
                    Numbered(0xc4, 1, (ulong)bytes.Length);
                else if (bytes.Length < 65536)
                    Numbered(0xc5, 2, (ulong)bytes.Length);
                else
                    Numbered(0xc6, 4, (ulong)bytes.Length);
                _out.Write(bytes, 0, bytes.Length);
            }

            private void List(IList list)
            {
                Head(list.Count, 0x90, 15, 0xdc, 0xdd);
                foreach (object item in list)
                    Value(item);
            }

            private void Integer(long value)
            {
                if (value >= 0)
                    Unsigned((ulong)value);
                else if (value >= -32)
                    _out.WriteByte((byte)value);
                else if (value >= sbyte.MinValue)
                    Numbered(0xd0, 1, (ulong)value);
                else if (value >= short.MinValue)
                    Numbered(0xd1, 2, (ulong)value);
                else if (value >= int.MinValue)
                    Numbered(0xd2, 4, (ulong)value);
                else
                    Numbered(0xd3, 8, (ulong)value);
            }

            private void Unsigned(ulong value)
            {
                if (value < 128)
                    _out.WriteByte((byte)value);
                else if (value <= byte.MaxValue)
                    Numbered(0xcc, 1, value);
                else if (value <= ushort.MaxValue)
                    Numbered(0xcd, 2, value);
                else if (value <= uint.MaxValue)
                    Numbered(0xce, 4, value);
                else
                    Numbered(0xcf, 8, value);
            }

            private void Float(double value)
            {
                Numbered(0xcb, 8, (ulong)BitConverter.DoubleToInt64Bits(value));
            }

            private void Head(int count, int shortKind, int shortest, byte kind16, byte kind32)
            {
                if (count <= shortest)
                    _out.WriteByte((byte)(shortKind | count));
                else if (count < 65536)
                    Numbered(kind16, 2, (ulong)count);
                else
                    Numbered(kind32, 4, (ulong)count);
            }

            /// <summary>A kind, and a number in so many bytes, the highest first.</summary>
            private void Numbered(byte kind, int size, ulong value)
            {
                _out.WriteByte(kind);
                for (int shift = 8 * (size - 1); shift >= 0; shift -= 8)
                    _out.WriteByte((byte)(value >> shift));
            }
        }

        private sealed class Reader
        {
            private readonly byte[] _in;
            private int _at;

            public Reader(byte[] bytes)
            {
                _in = bytes;
            }

            public bool AtEnd
            {
                get { return _at == _in.Length; }
            }

            public object Value(int levels)
            {
                int kind = (int)Number(1);
                if (kind < 0x80)
                    return (long)kind;
                if (kind < 0x90)
                    return Map(kind & 15, levels);
                if (kind < 0xa0)
                    return List(kind & 15, levels);
                if (kind < 0xc0)
                    return Text(kind & 31);
                if (kind >= 0xe0)
                    return (long)(sbyte)kind;
                return Long(kind, levels);
            }

            private object Long(int kind, int levels)
            {
                switch (kind)
                {
                    case 0xc0: return null;
                    case 0xc2: return false;
                    case 0xc3: return true;
                    case 0xc4: return Bytes(Number(1));
                    case 0xc5: return Bytes(Number(2));
                    case 0xc6: return Bytes(Number(4));
                    case 0xca: return Single((uint)Number(4));
                    case 0xcb: return BitConverter.Int64BitsToDouble((long)Number(8));
                    case 0xcc: return (long)Number(1);
                    case 0xcd: return (long)Number(2);
                    case 0xce: return (long)Number(4);
                    case 0xcf: return Unsigned(Number(8));
                    case 0xd0: return (long)(sbyte)Number(1);
                    case 0xd1: return (long)(short)Number(2);
                    case 0xd2: return (long)(int)Number(4);
                    case 0xd3: return (long)Number(8);
                    case 0xd9: return Text(Number(1));
                    case 0xda: return Text(Number(2));
                    case 0xdb: return Text(Number(4));
                    case 0xdc: return List(Number(2), levels);
                    case 0xdd: return List(Number(4), levels);
                    case 0xde: return Map(Number(2), levels);
                    case 0xdf: return Map(Number(4), levels);
                    default:
                        throw NpcVoiceError.Bad("0x" + kind.ToString("x2") + " is not msgpack that the protocol has");
                }
            }

            private Dictionary<string, object> Map(ulong count, int levels)
            {
                return Map((long)count, levels);
            }

            private Dictionary<string, object> Map(long count, int levels)
            {
                CheckRoom(2 * count, levels);
                var map = new Dictionary<string, object>();
                for (long i = 0; i < count; i++)
                {
                    var key = Value(0) as string;
                    if (key == null)
                        throw NpcVoiceError.Bad("a key of the header is not text");
                    if (map.ContainsKey(key))
                        throw NpcVoiceError.Bad("a key of the header is given twice", Shown(key));
                    map.Add(key, Value(levels - 1));
                }
                return map;
            }

            private List<object> List(ulong count, int levels)
            {
                return List((long)count, levels);
            }

            private List<object> List(long count, int levels)
            {
                CheckRoom(count, levels);
                var list = new List<object>();
                for (long i = 0; i < count; i++)
                    list.Add(Value(levels - 1));
                return list;
            }

            /// <summary>Every value takes a byte at least.</summary>
            private void CheckRoom(long values, int levels)
            {
                if (levels <= 0)
                    throw NpcVoiceError.Bad("the header is nested too deeply");
                if (values > _in.Length - _at)
                    throw NpcVoiceError.Bad("the header is cut short");
            }

            private string Text(ulong size)
            {
                int start = Skip(size);
                try
                {
                    return Utf8.GetString(_in, start, (int)size);
                }
                catch (DecoderFallbackException)
                {
                    throw NpcVoiceError.Bad("a text of the header is not UTF-8");
                }
            }

            private string Text(int size)
            {
                return Text((ulong)size);
            }

            private byte[] Bytes(ulong size)
            {
                int start = Skip(size);
                var bytes = new byte[(int)size];
                Buffer.BlockCopy(_in, start, bytes, 0, bytes.Length);
                return bytes;
            }

            private static double Single(uint bits)
            {
                return BitConverter.ToSingle(BitConverter.GetBytes(bits), 0);
            }

            private static object Unsigned(ulong value)
            {
                return value <= long.MaxValue ? (object)(long)value : value;
            }

            private ulong Number(int size)
            {
                int start = Skip((ulong)size);
                ulong value = 0;
                for (int i = 0; i < size; i++)
                    value = value << 8 | _in[start + i];
                return value;
            }

            /// <summary>Where the next bytes start, which are all there.</summary>
            private int Skip(ulong size)
            {
                if (size > (ulong)(_in.Length - _at))
                    throw NpcVoiceError.Bad("the header is cut short");
                int start = _at;
                _at += (int)size;
                return start;
            }

            private static string Shown(string key)
            {
                return key.Length <= 40 ? key : key.Substring(0, 40);
            }
        }
    }
}
