using System;
using System.Collections.Generic;
using System.Text.RegularExpressions;

namespace NpcVoice
{
    /// <summary>How a word is said, in phonemes.</summary>
    [Serializable]
    public sealed class Pronunciation
    {
        public string Word = "";
        public string Phonemes = "";
    }

    /// <summary>How one character speaks. Fields that are empty or at their default are left to the sidecar.</summary>
    [Serializable]
    public sealed class CastMember
    {
        /// <summary>The character's name in the game.</summary>
        public string Character = "";

        /// <summary>A speaker's name.</summary>
        public string Speaker = "";

        /// <summary>Another speaker's name, who lends tune and rhythm; empty: nobody.</summary>
        public string Manner = "";

        public string Emotion = "neutral";

        /// <summary>How much of the emotion, 0 to 1.</summary>
        public float Intensity = 0.5f;

        /// <summary>Tempo, 0.5 to 2.</summary>
        public float Speed = 1;

        /// <summary>Semitones, -12 to 12.</summary>
        public float Pitch;

        /// <summary>en-US, en-GB, zh-CN, or empty: the speaker's own.</summary>
        public string Language = "";

        /// <summary><c>name</c> or <c>name@version</c>, or empty: the live one.</summary>
        public string Model = "";

        /// <summary>A creature's or machine's voice, by name; empty: none.</summary>
        public string Effect = "";

        /// <summary>What a line of this character is said with.</summary>
        public SayOptions ToOptions()
        {
            return new SayOptions
            {
                Speaker = Speaker, Manner = Manner, Emotion = Emotion, Intensity = Rounded(Intensity), Speed = Rounded(Speed),
                Pitch = Rounded(Pitch), Language = Language, Model = Model, Effect = Effect,
            };
        }

        /// <summary>0.8 is sent, and not what a float makes of it: the same line has the same key everywhere.</summary>
        internal static double Rounded(float value)
        {
            return Math.Round((double)value, 4);
        }
    }

    /// <summary>Words and how they are said, put into lines as <c>[[word|phonemes]]</c>.</summary>
    public sealed class Lexicon
    {
        private const char FirstIdeograph = '\u2e80';

        private readonly Dictionary<string, string> _phonemes =
            new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);

        private readonly Regex _words;

        public Lexicon(IEnumerable<Pronunciation> entries)
        {
            var patterns = new List<string>();
            foreach (Pronunciation entry in entries)
            {
                if (string.IsNullOrEmpty(entry.Word) || string.IsNullOrEmpty(entry.Phonemes))
                    continue;
                _phonemes[entry.Word] = entry.Phonemes;
                patterns.Add(Whole(entry.Word));
            }
            _words = new Regex(string.Join("|", patterns), RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
        }

        /// <summary>The line with its pronunciations; markup stays, and words that have one already keep
        /// it.</summary>
        public string Apply(string text)
        {
            if (_phonemes.Count == 0)
                return text;
            List<Markup.Edit> places = Markup.Places(text);
            return _words.Replace(text, match => IsIn(places, match) ? match.Value : Pronounced(match));
        }

        private static bool IsIn(List<Markup.Edit> places, Match match)
        {
            return places.Exists(place => place.Start < match.Index + match.Length && match.Index < place.End);
        }

        /// <summary>A word is not found inside another, except where words are written without spaces.</summary>
        private static string Whole(string word)
        {
            string pattern = Regex.Escape(word);
            if (word[0] < FirstIdeograph)
                pattern = @"(?<![\p{L}\p{N}])" + pattern;
            if (word[word.Length - 1] < FirstIdeograph)
                pattern += @"(?![\p{L}\p{N}])";
            return pattern;
        }

        private string Pronounced(Match match)
        {
            return "[[" + match.Value + "|" + _phonemes[match.Value] + "]]";
        }
    }
}
