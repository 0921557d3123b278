using System.Collections.Generic;

namespace NpcVoice
{
    /// <summary>What becomes of a line that is given to somebody who is speaking.</summary>
    public enum WhenBusy
    {
        /// <summary>It is said when all before it have been said.</summary>
        Queue,

        /// <summary>It is said now; what is being said and what waits is not said any more.</summary>
        Interrupt,

        /// <summary>It is not said.</summary>
        Drop,
    }

    /// <summary>Whose turn it is among lines of one speaker.</summary>
    public sealed class Turns<T>
        where T : class
    {
        /// <summary>How many lines may wait; one more is not said.</summary>
        public const int MostWaiting = 32;

        private readonly List<T> _waiting = new List<T>();

        /// <summary>Whose turn it is, or null.</summary>
        public T Current { get; private set; }

        /// <summary>Whose turn is next, or null.</summary>
        public T Next
        {
            get { return _waiting.Count > 0 ? _waiting[0] : null; }
        }

        public int Waiting
        {
            get { return _waiting.Count; }
        }

        /// <summary>
        /// Whether the line is taken. It then waits, or is <see cref="Current"/>; those that had to give way to it
        /// are added to <paramref name="ended"/>.
        /// </summary>
        public bool Offer(T line, WhenBusy policy, List<T> ended)
        {
            if (Current == null)
            {
                Current = line;
                return true;
            }
            if (policy == WhenBusy.Interrupt)
            {
                Clear(ended);
                Current = line;
                return true;
            }
            if (policy == WhenBusy.Drop || _waiting.Count == MostWaiting)
                return false;
            _waiting.Add(line);
            return true;
        }

        /// <summary>The current line is over; the next one has its turn.</summary>
        public void Advance()
        {
            Current = Next;
            if (Current != null)
                _waiting.RemoveAt(0);
        }

        /// <summary>Nobody has a turn; those that had are added to <paramref name="ended"/>.</summary>
        public void Clear(List<T> ended)
        {
            if (Current != null)
                ended.Add(Current);
            ended.AddRange(_waiting);
            _waiting.Clear();
            Current = null;
        }
    }
}
