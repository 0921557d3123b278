using System;
using System.Collections.Generic;
using System.IO;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace NpcVoice
{
    /// <summary>
    /// Listens to events until it is disposed, over restarts of the sidecar. Events that were told while no
    /// connection was there are not told again.
    /// </summary>
    public sealed class Subscription : IDisposable
    {
        private const int TopicBytes = 255;
        private static readonly string[] Publishers = { "PUB", "XPUB" };

        private readonly NpcVoiceClient _client;
        private readonly string _topic;
        private readonly Action<VoiceEvent> _handler;
        private readonly SynchronizationContext _context = SynchronizationContext.Current;
        private readonly CancellationTokenSource _stop;
        private readonly TaskCompletionSource<bool> _listening =
            new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);

        internal Subscription(NpcVoiceClient client, string topic, Action<VoiceEvent> handler)
        {
            _client = client;
            _topic = topic;
            _handler = handler ?? throw new ArgumentNullException(nameof(handler));
            _stop = CancellationTokenSource.CreateLinkedTokenSource(client.Closing);
            Completion = Task.Run(Listen);
            RequestLink.Observe(Completion);
        }

        /// <summary>Done when the subscription is disposed; fails with what a handler of the pool threw.</summary>
        public Task Completion { get; }

        /// <summary>Done when the first connection stands and events are asked for.</summary>
        public Task Listening
        {
            get { return _listening.Task; }
        }

        /// <summary>Why the last connection ended, or could not be made; null while none has failed.</summary>
        public NpcVoiceError LastError { get; private set; }

        public void Dispose()
        {
            _stop.Cancel();
        }

        private async Task Listen()
        {
            for (int attempt = 0; !_stop.IsCancellationRequested; attempt++)
            {
                try
                {
                    using (NetworkStream stream = await Connected().ConfigureAwait(false))
                    using (_stop.Token.Register(stream.Dispose))
                        await Receive(stream).ConfigureAwait(false);
                }
                catch (NpcVoiceError error)
                {
                    LastError = error;
                }
                catch (Exception error) when (error is IOException || error is ObjectDisposedException)
                {
                    attempt = 0;
                    LastError = SidecarAddress.Absent(error.Message);
                }
                await Task.WhenAny(Task.Delay(Pool.Pause(attempt), _stop.Token)).ConfigureAwait(false);
            }
        }

        private Task<NetworkStream> Connected()
        {
            SidecarAddress sidecar = SidecarAddress.Read(_client.ConnectionFile);
            return RequestLink.Connect(sidecar.Events);
        }

        private async Task Receive(NetworkStream stream)
        {
            var reader = new FrameReader(stream);
            await Greet(stream, reader).ConfigureAwait(false);
            byte[] wish = Zmtp.Subscription(_topic);
            await stream.WriteAsync(wish, 0, wish.Length).ConfigureAwait(false);
            _listening.TrySetResult(true);
            int[] limits = { TopicBytes, _client.Options.HeaderBytes };
            while (true)
            {
                List<byte[]> parts = await reader.Message(limits, limits.Length).ConfigureAwait(false);
                Tell(new VoiceEvent(Encoding.UTF8.GetString(parts[0]), MsgPack.Decode(parts[1])));
            }
        }

        private async Task Greet(NetworkStream stream, FrameReader reader)
        {
            Task greeting = Zmtp.Handshake(stream, reader, "SUB", Publishers);
            RequestLink.Observe(greeting);
            Task patience = Task.Delay(TimeSpan.FromSeconds(_client.Options.TimeoutS), _stop.Token);
            if (await Task.WhenAny(greeting, patience).ConfigureAwait(false) != greeting)
                throw new IOException("the handshake was not finished in time");
            await greeting.ConfigureAwait(false);
        }

        private void Tell(VoiceEvent told)
        {
            if (_stop.IsCancellationRequested)
                return;
            if (_context == null)
                _handler(told);
            else
                _context.Post(TellHere, told);
        }

        private void TellHere(object told)
        {
            if (!_stop.IsCancellationRequested)
                _handler((VoiceEvent)told);
        }
    }
}
