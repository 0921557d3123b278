using System.Collections.Generic;
using System.Text;

namespace NpcVoice.Samples
{
    /// <summary>Tables of comma-separated values with a first row of names; quotes may hold commas and quotes.</summary>
    public static class Csv
    {
        public static List<Dictionary<string, string>> Parse(string text)
        {
            List<List<string>> rows = Rows(text);
            var named = new List<Dictionary<string, string>>();
            for (int row = 1; row < rows.Count; row++)
            {
                if (rows[row].Count != rows[0].Count)
                    continue; // an empty line
                var values = new Dictionary<string, string>();
                for (int column = 0; column < rows[0].Count; column++)
                    values[rows[0][column]] = rows[row][column];
                named.Add(values);
            }
            return named;
        }

        private static List<List<string>> Rows(string text)
        {
            var rows = new List<List<string>> { new List<string>() };
            var cell = new StringBuilder();
            bool isQuoted = false;
            foreach (char character in text.Replace("\r", "") + "\n")
            {
                if (character == '"')
                {
                    isQuoted = !isQuoted;
                    if (isQuoted && cell.Length > 0)
                        cell.Append('"'); // two in a row stand for one
                }
                else if (!isQuoted && (character == ',' || character == '\n'))
                {
                    rows[rows.Count - 1].Add(cell.ToString());
                    cell.Length = 0;
                    if (character == '\n')
                        rows.Add(new List<string>());
                }
                else
                {
                    cell.Append(character);
                }
            }
            return rows;
        }
    }
}
