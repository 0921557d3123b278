using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;

namespace NpcVoice
{
    /// <summary>
    /// Reads JSON into the values of <see cref="MsgPack"/>. Throws <see cref="InvalidDataException"/> for
    /// anything that is not JSON, keys given twice, and nesting deeper than 64.
    /// </summary>
    public sealed class Json
    {
        private const int Levels = 64;

        private readonly string _text;
        private int _at;

        private Json(string text)
        {
            _text = text;
        }

        public static object Parse(string text)
        {
            var reader = new Json(text);
            object value = reader.Value(Levels);
            reader.SkipSpace();
            if (reader._at != text.Length)
                throw reader.Wrong("more after the end");
            return value;
        }

        private object Value(int levels)
        {
            SkipSpace();
            switch (Peek())
            {
                case '{': return Map(levels);
                case '[': return List(levels);
                case '"': return Text();
                case 't': return Word("true", true);
                case 'f': return Word("false", false);
                case 'n': return Word("null", null);
                default: return Number();
            }
        }

        private Dictionary<string, object> Map(int levels)
        {
            Enter(levels);
            var map = new Dictionary<string, object>();
            if (TryTake('}'))
                return map;
            do
            {
                SkipSpace();
                string key = Text();
                SkipSpace();
                Take(':');
                if (map.ContainsKey(key))
                    throw Wrong("a key given twice");
                map.Add(key, Value(levels - 1));
            }
            while (TryTake(','));
            Take('}');
            return map;
        }

        private List<object> List(int levels)
        {
            Enter(levels);
            var list = new List<object>();
            if (TryTake(']'))
                return list;
            do
                list.Add(Value(levels - 1));
            while (TryTake(','));
            Take(']');
            return list;
        }

        private void Enter(int levels)
        {
            if (levels == 0)
                throw Wrong("nesting too deep");
            _at++;
        }

        private string Text()
        {
            Take('"');
            var result = new StringBuilder();
            while (Peek() != '"')
            {
                char next = _text[_at++];
                if (next < ' ')
                    throw Wrong("a control character in a text");
                result.Append(next == '\\' ? Escaped() : next);
            }
            _at++;
            return result.ToString();
        }

        private char Escaped()
        {
            char kind = Peek();
            _at++;
            switch (kind)
            {
                case '"':
                case '\\':
                case '/': return kind;
                case 'b': return '\b';
                case 'f': return '\f';
                case 'n': return '\n';
                case 'r': return '\r';
                case 't': return '\t';
                case 'u': return CodeUnit();
                default: throw Wrong("an unknown escape");
            }
        }

        private char CodeUnit()
        {
            ushort unit;
            if (_at + 4 > _text.Length || !ushort.TryParse(
                    _text.Substring(_at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out unit))
                throw Wrong("an unknown escape");
            _at += 4;
            return (char)unit;
        }

        private object Word(string word, object value)
        {
            if (string.CompareOrdinal(_text, _at, word, 0, word.Length) != 0)
                throw Wrong("an unknown word");
            _at += word.Length;
            return value;
        }

        private object Number()
        {
            int start = _at;
            while (_at < _text.Length && "+-.0123456789Ee".IndexOf(_text[_at]) >= 0)
                _at++;
            string digits = _text.Substring(start, _at - start);
            if (long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole))
                return whole;
            if (double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out double number))
                return number;
            throw Wrong("no value");
        }

        private void SkipSpace()
        {
            while (_at < _text.Length && " \t\r\n".IndexOf(_text[_at]) >= 0)
                _at++;
        }

        private char Peek()
        {
            if (_at >= _text.Length)
                throw Wrong("an early end");
            return _text[_at];
        }

        private bool TryTake(char expected)
        {
            SkipSpace();
            if (Peek() != expected)
                return false;
            _at++;
            return true;
        }

        private void Take(char expected)
        {
            if (!TryTake(expected))
                throw Wrong("no '" + expected + "'");
        }

        private InvalidDataException Wrong(string what)
        {
            return new InvalidDataException("not JSON: " + what + " at character " + _at);
        }
    }
}
