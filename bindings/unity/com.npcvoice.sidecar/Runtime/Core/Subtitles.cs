using System;

namespace NpcVoice
{
    /// <summary>A line as text to be read.</summary>
    public static class Subtitles
    {
        private const double LettersPerS = 15;
        private const double IdeographsPerS = 6;
        private const double ShortestS = 1.5;
        private const char FirstIdeograph = '\u2e80';

        /// <summary>The text without markup, pauses, stars of stress and pronunciations:
        /// <c>[[word|phonemes]]</c> is read as <c>word</c>.</summary>
        public static string Plain(string text)
        {
            return Markup.Plain(text);
        }

        /// <summary>How long a reader takes, in seconds.</summary>
        public static double ReadingTimeS(string text)
        {
            int ideographs = 0;
            string plain = Plain(text);
            foreach (char character in plain)
                if (character >= FirstIdeograph)
                    ideographs++;
            double seconds = ideographs / IdeographsPerS + (plain.Length - ideographs) / LettersPerS;
            return Math.Max(ShortestS, seconds);
        }
    }
}
