using System.Collections.Generic;

namespace NpcVoice
{
    /// <summary>
    /// Typed fields of a map that came from the sidecar. Each method throws <see cref="NpcVoiceError"/>
    /// (bad_reply) that names the field and what fits. Null counts as missing.
    /// </summary>
    internal struct Fields
    {
        private readonly IDictionary<string, object> _map;
        private readonly string _within;

        public Fields(IDictionary<string, object> map, string within)
        {
            _map = map;
            _within = within;
        }

        public bool Has(string name)
        {
            return Value(name) != null;
        }

        public string Text(string name)
        {
            return OptionalText(name) ?? throw Wrong(name, "text");
        }

        public string OptionalText(string name)
        {
            object value = Value(name);
            if (value != null && !(value is string))
                throw Wrong(name, "text");
            return (string)value;
        }

        public bool Flag(string name, bool? missing = null)
        {
            object value = Value(name) ?? missing;
            return value is bool yes ? yes : throw Wrong(name, "true or false");
        }

        public long Whole(string name)
        {
            return Value(name) is long whole ? whole : throw Wrong(name, "a whole number");
        }

        public int Count(string name)
        {
            long whole = Whole(name);
            return whole >= 0 && whole <= int.MaxValue ? (int)whole : throw Wrong(name, "a count");
        }

        public int? OptionalCount(string name)
        {
            return Has(name) ? Count(name) : (int?)null;
        }

        public double Number(string name)
        {
            return Number(name, Value(name));
        }

        public double? OptionalNumber(string name)
        {
            return Has(name) ? Number(name) : (double?)null;
        }

        public Fields Map(string name)
        {
            return Map(name, Value(name));
        }

        public string[] Texts(string name)
        {
            List<object> list = List(name);
            var texts = new string[list.Count];
            for (int i = 0; i < texts.Length; i++)
                texts[i] = list[i] as string ?? throw Wrong(name, "a list of texts");
            return texts;
        }

        public Fields[] Maps(string name)
        {
            List<object> list = List(name);
            var maps = new Fields[list.Count];
            for (int i = 0; i < maps.Length; i++)
                maps[i] = Map(name, list[i]);
            return maps;
        }

        public Dictionary<string, string> TextMap(string name)
        {
            var texts = new Dictionary<string, string>();
            Fields map = Map(name);
            foreach (string key in map._map.Keys)
                texts.Add(key, map.Text(key));
            return texts;
        }

        public Dictionary<string, long> WholeMap(string name)
        {
            var numbers = new Dictionary<string, long>();
            Fields map = Map(name);
            foreach (string key in map._map.Keys)
                numbers.Add(key, map.Whole(key));
            return numbers;
        }

        public Dictionary<string, Fields> MapMap(string name)
        {
            var maps = new Dictionary<string, Fields>();
            Fields map = Map(name);
            foreach (string key in map._map.Keys)
                maps.Add(key, map.Map(key));
            return maps;
        }

        /// <summary>Rows of [text, start_s, end_s], or null where there are none.</summary>
        public TimedText[] TimedTexts(string name)
        {
            List<object>[] rows = Rows(name, 3);
            if (rows == null)
                return null;
            var texts = new TimedText[rows.Length];
            for (int i = 0; i < rows.Length; i++)
            {
                string text = rows[i][0] as string ?? throw Wrong(name, "rows that begin with a text");
                texts[i] = new TimedText(text, Number(name, rows[i][1]), Number(name, rows[i][2]));
            }
            return texts;
        }

        /// <summary>Rows of [start_s, id, weight], or null where there are none.</summary>
        public VisemeRow[] Visemes(string name)
        {
            List<object>[] rows = Rows(name, 3);
            if (rows == null)
                return null;
            var visemes = new VisemeRow[rows.Length];
            for (int i = 0; i < rows.Length; i++)
            {
                if (!(rows[i][1] is long id) || id < 0 || id >= Viseme.Count)
                    throw Wrong(name, "rows whose second is a number from 0 to " + (Viseme.Count - 1));
                visemes[i] = new VisemeRow(Number(name, rows[i][0]), (int)id, (float)Number(name, rows[i][2]));
            }
            return visemes;
        }

        public NpcVoiceError Wrong(string name, string expected)
        {
            return NpcVoiceError.Bad(_within + name + " must be " + expected, _within + name);
        }

        private List<object>[] Rows(string name, int columns)
        {
            if (!Has(name))
                return null;
            List<object> list = List(name);
            var rows = new List<object>[list.Count];
            for (int i = 0; i < rows.Length; i++)
            {
                rows[i] = list[i] as List<object>;
                if (rows[i] == null || rows[i].Count != columns)
                    throw Wrong(name, "rows of " + columns);
            }
            return rows;
        }

        private List<object> List(string name)
        {
            return Value(name) as List<object> ?? throw Wrong(name, "a list");
        }

        private Fields Map(string name, object value)
        {
            var map = value as Dictionary<string, object> ?? throw Wrong(name, "a map");
            return new Fields(map, _within + name + ".");
        }

        private double Number(string name, object value)
        {
            if (value is double number && !double.IsNaN(number) && !double.IsInfinity(number))
                return number;
            return value is long whole ? whole : throw Wrong(name, "a number");
        }

        private object Value(string name)
        {
            return _map.TryGetValue(name, out object value) ? value : null;
        }
    }
}
