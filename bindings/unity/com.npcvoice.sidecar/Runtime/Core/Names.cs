using System;
using System.Collections.Generic;

namespace NpcVoice
{
    /// <summary>Help with a name that is not known.</summary>
    public static class Names
    {
        private const int MostShown = 6;

        /// <summary>The tail of a message: the nearest known name, or a few that exist.</summary>
        public static string DidYouMean(string asked, IList<string> known)
        {
            string nearest = null;
            int fewest = (asked ?? "").Length / 2 + 1;
            foreach (string name in known)
            {
                int changes = Changes(asked ?? "", name);
                if (changes < fewest)
                {
                    nearest = name;
                    fewest = changes;
                }
            }
            if (nearest != null)
                return ": did you mean '" + nearest + "'?";
            var shown = new List<string>(known);
            if (shown.Count > MostShown)
                shown.RemoveRange(MostShown, shown.Count - MostShown);
            return shown.Count == 0 ? ": it is empty" : ": known are " + string.Join(", ", shown);
        }

        /// <summary>How many letters must be put in, taken out or replaced to get from one to the other.</summary>
        private static int Changes(string from, string to)
        {
            var row = new int[to.Length + 1];
            for (int j = 0; j <= to.Length; j++)
                row[j] = j;
            for (int i = 1; i <= from.Length; i++)
            {
                int corner = row[0];
                row[0] = i;
                for (int j = 1; j <= to.Length; j++)
                {
                    bool isSame = char.ToLowerInvariant(from[i - 1]) == char.ToLowerInvariant(to[j - 1]);
                    int replaced = corner + (isSame ? 0 : 1);
                    corner = row[j];
                    row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
                }
            }
            return row[to.Length];
        }
    }
}
