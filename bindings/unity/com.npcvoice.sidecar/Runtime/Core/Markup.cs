using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;

namespace NpcVoice
{
    /// <summary>A line's markup, of whatever engine, read as the sidecar reads it
    /// (<c>sidecar/text/markup/edits.py</c>). The vectors of <c>markup.json</c> hold both to the same.</summary>
    internal sealed class Markup
    {
        private const int PairsInPairs = 2; // **so _or_ so**

        private static readonly Regex Any = Compiled(string.Join(
            "|", MarkupForms.Forms.Select(form => "(?<" + form.Key + ">" + form.Value + ")")));

        private static readonly Regex Closers = Compiled(MarkupForms.Closers);
        private static readonly Regex Closing = Compiled(MarkupForms.Closing);
        private static readonly Regex Opening = Compiled(MarkupForms.Opening);
        private static readonly Regex Argued = Compiled(MarkupForms.Argued);
        private static readonly Regex Duration = Compiled(MarkupForms.Duration);
        private static readonly Regex Bar = Compiled(MarkupForms.Bar);
        private static readonly Regex Alternatives = Compiled(MarkupForms.Alternatives);
        private static readonly Regex Entity = Compiled(MarkupForms.Entity);
        private static readonly Regex Paired = Compiled(MarkupForms.Paired);
        private static readonly Regex Spaces = Compiled(" {2,}");

        private static readonly Dictionary<string, Regex> Nameless =
            MarkupForms.Nameless.ToDictionary(form => form.Key, form => Compiled(form.Value));

        private readonly string _text;
        private readonly List<Edit> _edits = new List<Edit>();

        /// <summary>A bracket and a name, and all tags that close it, in order.</summary>
        private readonly Dictionary<string, List<Match>> _partners = new Dictionary<string, List<Match>>();

        private Markup(string text)
        {
            _text = text;
            foreach (Match found in Closers.Matches(text))
                AddPartner(found, Closing.Match(Inner(found)));
            Read(0, text.Length);
        }

        /// <summary>A line as a subtitle shows it.</summary>
        public static string Plain(string line)
        {
            string text = Replaced(line, Characters(line));
            text = Replaced(text, new Markup(text)._edits);
            for (int time = 0; time < PairsInPairs; time++)
                text = Replaced(text, MarksOfPairs(text));
            return Spaces.Replace(text, " ").Trim();
        }

        /// <summary>Where a line has markup or names of characters.</summary>
        public static List<Edit> Places(string line)
        {
            return new Markup(line)._edits.Concat(Characters(line)).ToList();
        }

        private static Regex Compiled(string pattern)
        {
            return new Regex(pattern, RegexOptions.CultureInvariant);
        }

        private static string Replaced(string text, IEnumerable<Edit> edits)
        {
            var result = new StringBuilder();
            int at = 0;
            foreach (Edit edit in edits)
            {
                result.Append(text, at, edit.Start - at).Append(edit.Text);
                at = edit.End;
            }
            return result.Append(text, at, text.Length - at).ToString();
        }

        /// <summary><c>&amp;amp;</c> and the like.</summary>
        private static List<Edit> Characters(string text)
        {
            var result = new List<Edit>();
            foreach (Match found in Entity.Matches(text))
            {
                string character = Character(Inner(found));
                if (character != null)
                    result.Add(new Edit(found.Index, found.Index + found.Length, character));
            }
            return result;
        }

        private static string Character(string name)
        {
            if (name[0] != '#')
                return MarkupForms.Entities.TryGetValue(name, out string known) ? known : null;
            int code = name[1] == 'x' || name[1] == 'X'
                ? int.Parse(name.Substring(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
                : int.Parse(name.Substring(1), NumberStyles.None, CultureInfo.InvariantCulture);
            bool exists = code > 0 && code < 0x110000 && !(code >= 0xd800 && code < 0xe000);
            return exists ? char.ConvertFromUtf32(code) : MarkupForms.NoCharacter;
        }

        /// <summary>The stars of *so* and the like.</summary>
        private static List<Edit> MarksOfPairs(string text)
        {
            var result = new List<Edit>();
            foreach (Match found in Paired.Matches(text))
            {
                int end = found.Index + found.Length;
                int width = found.Groups[1].Length + found.Groups[2].Length + found.Groups[3].Length;
                result.Add(new Edit(found.Index, found.Index + width, ""));
                result.Add(new Edit(end - width, end, ""));
            }
            return result;
        }

        private void AddPartner(Match found, Match closing)
        {
            if (!closing.Success)
                return;
            string key = found.Value.Substring(0, 1) + closing.Groups[1].Value.ToLowerInvariant();
            if (!_partners.ContainsKey(key))
                _partners[key] = new List<Match>();
            _partners[key].Add(found);
        }

        private void Read(int at, int end)
        {
            for (Match found = Any.Match(_text, at); found.Success && found.Index < end; found = Any.Match(_text, at))
            {
                int known = _edits.Count;
                if (found.Index + found.Length <= end)
                    Add(found);
                at = _edits.Count == known ? found.Index + 1 : _edits[_edits.Count - 1].End;
            }
        }

        private void Add(Match found)
        {
            int start = found.Index;
            switch (MarkupForms.Forms.Keys.First(name => found.Groups[name].Success))
            {
                case "override":
                    Put(found, found.Value.Substring(2, found.Value.IndexOf('|') - 2));
                    break;
                case "choice":
                    Keep(found, start + 2, _text.IndexOf('|', start));
                    break;
                case "plural":
                    string[] forms = found.Value.Substring(2).Split(':');
                    int second = start + 3 + forms[0].Length;
                    Keep(found, second, second + forms[1].TrimEnd(';').Length);
                    break;
                case "quest_choice":
                    Keep(found, start + (_text[start + 2] == ' ' ? 3 : 2), _text.IndexOf(':', start));
                    break;
                case "image":
                case "link":
                    int end = start + found.Value.LastIndexOf("](", StringComparison.Ordinal);
                    Keep(found, _text.IndexOf('[', start) + 1, end);
                    break;
                case "square":
                case "curly":
                case "angle":
                    AddTag(found);
                    break;
                case "newline":
                case "pipe_newline":
                case "quest_newline":
                    Put(found, "\n");
                    break;
                case "texture":
                case "gap":
                    Put(found, " ");
                    break;
                case "escape":
                    Put(found, found.Value.Substring(1));
                    break;
                case "pipe":
                    string begun = found.Value == "|r" ? "|c" : "|H";
                    if (_text.IndexOf(begun, 0, start, StringComparison.Ordinal) >= 0)
                        Put(found, "");
                    break;
                default:
                    Put(found, "");
                    break;
            }
        }

        private void Put(Match found, string text)
        {
            _edits.Add(new Edit(found.Index, found.Index + found.Length, text));
        }

        /// <summary>Nothing of it but what stands from start to end, which may have markup of its own.</summary>
        private void Keep(Match found, int start, int end)
        {
            _edits.Add(new Edit(found.Index, start, ""));
            Read(start, end);
            _edits.Add(new Edit(end, found.Index + found.Length, ""));
        }

        private static string Inner(Match found)
        {
            return found.Value.Substring(1, found.Length - 2);
        }

        private void AddTag(Match found)
        {
            string bracket = found.Value.Substring(0, 1);
            string inner = Inner(found);
            Match closing = Closing.Match(inner);
            int bar = bracket == "{" ? BarIn(found) : -1;
            Match opening = Opening.Match(inner);
            if (closing.Success)
                Put(found, IsIn(MarkupForms.Breaking, closing.Groups[1].Value) ? "\n" : "");
            else if (bar >= 0)
                Keep(found, found.Index + 1 + Condition(inner, bar - found.Index - 1), bar);
            else if (Nameless[bracket].IsMatch(inner))
                Put(found, "");
            else if (opening.Success)
                AddNamed(found, opening.Groups[1].Value.ToLowerInvariant(), inner.Substring(opening.Length));
        }

        private static bool IsIn(HashSet<string> names, string name)
        {
            return names.Contains(name.ToLowerInvariant());
        }

        private static int Condition(string inner, int length)
        {
            return Alternatives.Match(inner.Substring(0, length)).Length;
        }

        /// <summary>Where the first alternative ends; the bar in <c>[[word|phonemes]]</c> parts none.</summary>
        private int BarIn(Match found)
        {
            Match bar = Bar.Match(found.Value);
            while (bar.Success && bar.Value != "|")
                bar = bar.NextMatch();
            return bar.Success ? found.Index + bar.Index : -1;
        }

        private void AddNamed(Match found, string name, string rest)
        {
            bool isCurly = found.Value[0] == '{';
            bool isArgued = Argued.IsMatch(rest);
            bool waits = MarkupForms.Waits.Contains(name) || (isCurly && MarkupForms.WaitsCurly.Contains(name));
            if (waits && (rest == "" || Duration.IsMatch(rest) || isArgued))
            {
                Put(found, MarkupForms.Breaking.Contains(name) ? "\n" : "");
                return;
            }
            Match ending = MarkupForms.Else.Contains(name) ? Partner(found.Value[0] + "if", found.Index) : null;
            if (ending != null)
            {
                _edits.Add(new Edit(found.Index, ending.Index, ""));
                return;
            }
            Match partner = Partner(found.Value.Substring(0, 1) + name, found.Index + found.Length);
            HashSet<string> lone = isCurly ? MarkupForms.LoneCurly : MarkupForms.Lone;
            if (partner == null && !isArgued && !(rest == "" && lone.Contains(name)))
                return;
            if (partner != null && IsSilent(name, found.Index + found.Length, partner.Index))
                _edits.Add(new Edit(found.Index, partner.Index + partner.Length, InPlace(name)));
            else if (MarkupForms.Breaking.Contains(name))
                Put(found, "\n");
            else
                Put(found, MarkupForms.Written.TryGetValue(name, out string shown) ? shown : InPlace(name));
        }

        private static string InPlace(string name)
        {
            return MarkupForms.Showing.Contains(name) ? " " : "";
        }

        /// <summary>Yarn's <c>[character name="Mara"]Mara: [/character]</c> says who speaks.</summary>
        private bool IsSilent(string name, int start, int end)
        {
            bool isName = name == "character" && _text.Substring(start, end - start).Trim().EndsWith(":");
            return isName || MarkupForms.Silent.Contains(name);
        }

        /// <summary>The first tag behind a place that closes a name, with its bracket, or all; null for
        /// none.</summary>
        private Match Partner(string name, int behind)
        {
            Match first = null;
            foreach (string key in new[] { name, name.Substring(0, 1) })
                if (_partners.TryGetValue(key, out List<Match> closing))
                    first = Earlier(first, FirstBehind(closing, behind));
            return first;
        }

        private static Match Earlier(Match one, Match other)
        {
            return one == null || (other != null && other.Index < one.Index) ? other : one;
        }

        private static Match FirstBehind(List<Match> closing, int behind)
        {
            int low = 0;
            int high = closing.Count;
            while (low < high)
            {
                int middle = (low + high) / 2;
                if (closing[middle].Index < behind)
                    low = middle + 1;
                else
                    high = middle;
            }
            return low < closing.Count ? closing[low] : null;
        }

        /// <summary>A text in place of what stands from start to end.</summary>
        public sealed class Edit
        {
            public readonly int Start;
            public readonly int End;
            public readonly string Text;

            public Edit(int start, int end, string text)
            {
                Start = start;
                End = end;
                Text = text;
            }
        }
    }
}
