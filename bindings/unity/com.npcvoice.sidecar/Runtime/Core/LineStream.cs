using System;
using System.Threading;
using System.Threading.Tasks;

namespace NpcVoice
{
    /// <summary>
    /// A line that comes chunk by chunk, also where the sidecar is killed and started again in the middle.
    /// Disposing it early cancels the rest. One caller at a time.
    /// </summary>
    public sealed class LineStream : IDisposable
    {
        private readonly NpcVoiceClient _client;
        private readonly Request _first;
        private readonly CancellationTokenSource _stop = new CancellationTokenSource();
        private string _handle;
        private int _chunks;
        private bool _hasBegun;
        private bool _isOver;

        internal LineStream(NpcVoiceClient client, Request first)
        {
            _client = client;
            _first = first;
        }

        /// <summary>The id of the line, for <see cref="NpcVoiceClient.Cancel"/>.</summary>
        public string Id
        {
            get { return _first.Id; }
        }

        /// <summary>
        /// The next chunk as soon as it is spoken; null after the last. Throws <see cref="NpcVoiceError"/>, and
        /// <see cref="OperationCanceledException"/> when the stream is disposed meanwhile.
        /// </summary>
        public Task<Line> Next()
        {
            if (_isOver)
                return Task.FromResult<Line>(null);
            _hasBegun = true;
            return Task.Run(Pull);
        }

        public void Dispose()
        {
            if (_isOver)
                return;
            _isOver = true;
            _stop.Cancel();
            if (_hasBegun)
                _client.CancelLater(_first);
        }

        private async Task<Line> Pull()
        {
            try
            {
                Line chunk = _handle == null ? await Open().ConfigureAwait(false) : await Go().ConfigureAwait(false);
                _chunks++;
                _isOver |= chunk.IsLast;
                return chunk;
            }
            catch (NpcVoiceError)
            {
                _isOver = true;
                throw;
            }
        }

        private Task<Line> Open()
        {
            return Asked(_first);
        }

        /// <summary>
        /// The next chunk. A sidecar that was started again does not know the stream: the line is then asked for
        /// again, and what was there already is passed over.
        /// </summary>
        private async Task<Line> Go()
        {
            try
            {
                return await Asked(_client.Next(_handle, _first.Session)).ConfigureAwait(false);
            }
            catch (NpcVoiceError error) when (error.Code == NpcVoiceError.BadRequest && error.Field == "stream")
            {
                Line chunk = await Open().ConfigureAwait(false);
                while (chunk.ChunkIndex < _chunks && !chunk.IsLast)
                    chunk = await Asked(_client.Next(_handle, _first.Session)).ConfigureAwait(false);
                return chunk;
            }
        }

        private async Task<Line> Asked(Request request)
        {
            var chunk = new Line(_first.Id, await _client.Ask(request, _stop.Token).ConfigureAwait(false));
            if (chunk.Stream == null && !chunk.IsLast)
                throw NpcVoiceError.Bad("stream must be text, got nothing", "stream");
            _handle = chunk.Stream;
            return chunk;
        }
    }
}
