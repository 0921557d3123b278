using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace NpcVoice
{
    /// <summary>
    /// Connections to the sidecar. Every request under way has one of its own, so a bark does not wait behind a
    /// monologue; some stay open for the next requests. Safe to use from any thread.
    /// </summary>
    internal sealed class Pool
    {
        private const double FirstPauseS = 0.05;
        private const double LongestPauseS = 1;

        private readonly NpcVoiceOptions _options;
        private readonly OwnSidecar _own;
        private readonly Action<SidecarAddress> _onLost;
        private readonly HashSet<RequestLink> _open = new HashSet<RequestLink>();
        private readonly List<RequestLink> _idle = new List<RequestLink>();
        private bool _isClosed;

        public Pool(NpcVoiceOptions options, OwnSidecar own, Action<SidecarAddress> onLost)
        {
            _options = options;
            _own = own;
            _onLost = onLost;
        }

        public int OpenCount
        {
            get
            {
                lock (_open)
                    return _open.Count;
            }
        }

        /// <summary>
        /// An idle connection, or a new one that is not greeted yet (<paramref name="isNew"/> of the result).
        /// Waits for a sidecar that is being started, by us if asked to. Throws <see cref="NpcVoiceError"/>
        /// (no_sidecar) when none comes.
        /// </summary>
        public async Task<Lent> Lend(CancellationToken stop)
        {
            RequestLink idle = TakeIdle();
            if (idle != null)
                return new Lent(idle, false);
            double patienceS = _options.Start ? _options.StartS : _options.TimeoutS;
            var until = new Deadline(patienceS);
            for (int attempt = 0; ; attempt++)
            {
                stop.ThrowIfCancellationRequested();
                try
                {
                    return new Lent(await Connected().ConfigureAwait(false), true);
                }
                catch (NpcVoiceError error) when (error.Code == NpcVoiceError.NoSidecar && until.LeftS > 0)
                {
                    if (_options.Start)
                        _own.Start();
                }
                await Task.Delay(Pause(attempt), stop).ConfigureAwait(false);
            }
        }

        /// <summary>A sidecar is there and listens, at this moment.</summary>
        public async Task<bool> IsThere()
        {
            if (OpenCount > 0)
                return true;
            try
            {
                Drop(await Connected().ConfigureAwait(false));
                return true;
            }
            catch (NpcVoiceError)
            {
                return false;
            }
        }

        /// <summary>Done with; it is kept for the next request if there is room.</summary>
        public void GiveBack(RequestLink link)
        {
            lock (_open)
            {
                if (!_isClosed && link.IsOpen && _idle.Count < _options.Connections)
                {
                    _idle.Add(link);
                    return;
                }
            }
            Drop(link);
        }

        /// <summary>It may still owe an answer, which would come as the next request's.</summary>
        public void Drop(RequestLink link)
        {
            lock (_open)
                _open.Remove(link);
            link.Dispose();
        }

        /// <summary>Idle connections lead to the same sidecar, and that has failed us.</summary>
        public void ForgetIdle()
        {
            RequestLink[] idle;
            lock (_open)
            {
                idle = _idle.ToArray();
                _idle.Clear();
            }
            foreach (RequestLink link in idle)
                Drop(link);
        }

        public void Close()
        {
            RequestLink[] open;
            lock (_open)
            {
                _isClosed = true;
                open = new List<RequestLink>(_open).ToArray();
                _open.Clear();
                _idle.Clear();
            }
            foreach (RequestLink link in open)
                link.Dispose();
        }

        public static TimeSpan Pause(int attempt)
        {
            return TimeSpan.FromSeconds(Math.Min(LongestPauseS, FirstPauseS * Math.Pow(2, attempt)));
        }

        private RequestLink TakeIdle()
        {
            lock (_open)
                while (_idle.Count > 0)
                {
                    RequestLink link = _idle[_idle.Count - 1];
                    _idle.RemoveAt(_idle.Count - 1);
                    if (link.IsOpen)
                        return link;
                    _open.Remove(link);
                }
            return null;
        }

        private async Task<RequestLink> Connected()
        {
            SidecarAddress sidecar = SidecarAddress.Read(_options.ConnectionFile);
            RequestLink link = await RequestLink.Connect(sidecar, _options, OnLost).ConfigureAwait(false);
            lock (_open)
                if (!_isClosed)
                {
                    _open.Add(link);
                    return link;
                }
            link.Dispose();
            throw new IOException("the client is closed");
        }

        private void OnLost(RequestLink link)
        {
            lock (_open)
                _open.Remove(link);
            _onLost(link.Sidecar);
        }
    }

    /// <summary>A moment that comes whatever happens to the clock on the wall.</summary>
    internal sealed class Deadline
    {
        private readonly Stopwatch _watch = Stopwatch.StartNew();
        private readonly double _seconds;

        public Deadline(double seconds)
        {
            _seconds = seconds;
        }

        public double LeftS
        {
            get { return _seconds - _watch.Elapsed.TotalSeconds; }
        }
    }

    /// <summary>A connection out of the pool.</summary>
    internal struct Lent
    {
        public Lent(RequestLink link, bool isNew)
        {
            Link = link;
            IsNew = isNew;
        }

        public RequestLink Link { get; }

        /// <summary>It is still to be greeted.</summary>
        public bool IsNew { get; }
    }
}
