using System;
using System.Collections.Generic;

namespace NpcVoice
{
    /// <summary>The mouth shapes of Oculus Lipsync, by number.</summary>
    public static class Viseme
    {
        public const int Count = 15;

        /// <summary>Their names; a name's place is its number.</summary>
        public static readonly IReadOnlyList<string> Names = new[]
        {
            "sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "ih", "oh", "ou",
        };
    }

    /// <summary>
    /// The mouth of one piece of speech. Rows that share a start are one state; a state blends linearly into
    /// the next over its last 60 ms or, if that is shorter, its last half.
    /// </summary>
    public sealed class Mouth
    {
        private const double BlendS = 0.060;

        private readonly IReadOnlyList<VisemeRow> _rows;
        private readonly double _endS;

        /// <param name="rows">In the order in which the sidecar sends them; null: a mouth that stays shut.</param>
        /// <param name="endS">Where the last state ends, in the seconds of the rows.</param>
        public Mouth(IReadOnlyList<VisemeRow> rows, double endS)
        {
            _rows = rows ?? new VisemeRow[0];
            _endS = endS;
        }

        /// <summary>
        /// The weights of the 15 shapes at a time, into <paramref name="weights"/>; all 0 outside the piece.
        /// Allocates nothing.
        /// </summary>
        public void Weigh(double atS, float[] weights)
        {
            Array.Clear(weights, 0, Viseme.Count);
            int from = StateAt(atS);
            if (from < 0 || atS >= _endS)
                return;
            int next = EndOfState(from);
            float share = BlendShare(from, next, atS);
            Add(from, 1 - share, weights);
            if (next < _rows.Count)
                Add(next, share, weights);
        }

        /// <summary>How far a state has given way to the next, 0 to 1.</summary>
        private float BlendShare(int from, int next, double atS)
        {
            if (next == _rows.Count)
                return 0;
            double endS = _rows[next].StartS;
            double blendS = Math.Min(BlendS, (endS - _rows[from].StartS) / 2);
            return blendS <= 0 ? 0 : (float)Math.Max(0, 1 - (endS - atS) / blendS);
        }

        /// <summary>The first row of the state at a time; -1 before the first.</summary>
        private int StateAt(double atS)
        {
            int low = 0;
            int high = _rows.Count;
            while (low < high)
            {
                int middle = (low + high) / 2;
                if (_rows[middle].StartS <= atS)
                    low = middle + 1;
                else
                    high = middle;
            }
            int row = low - 1;
            while (row > 0 && _rows[row - 1].StartS == _rows[row].StartS)
                row--;
            return row;
        }

        private int EndOfState(int row)
        {
            double startS = _rows[row].StartS;
            while (row < _rows.Count && _rows[row].StartS == startS)
                row++;
            return row;
        }

        private void Add(int row, float share, float[] weights)
        {
            double startS = _rows[row].StartS;
            for (; row < _rows.Count && _rows[row].StartS == startS; row++)
                weights[_rows[row].Id] += share * _rows[row].Weight;
        }
    }
}
