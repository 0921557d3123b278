using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;

namespace NpcVoice
{
    /// <summary>
    /// A connection that carries one request at a time. It listens all the time, so that the sidecar's death
    /// is noticed at once, in the middle of a request or between two. Closing it ends every wait.
    /// </summary>
    internal sealed class RequestLink : IDisposable
    {
        private const int ConnectMs = 1000;
        private const int DelimiterBytes = 0;
        private static readonly string[] Servers = { "ROUTER", "REP" };

        private readonly object _lock = new object();
        private readonly NetworkStream _stream;
        private readonly FrameReader _reader;
        private readonly int[] _limits;
        private readonly Action<RequestLink> _onLost;
        private TaskCompletionSource<List<byte[]>> _awaited;
        private Exception _end;

        private RequestLink(
            NetworkStream stream, SidecarAddress sidecar, NpcVoiceOptions options, Action<RequestLink> onLost)
        {
            _stream = stream;
            _reader = new FrameReader(stream);
            _limits = new[] { DelimiterBytes, options.HeaderBytes, options.BodyBytes };
            _onLost = onLost;
            Sidecar = sidecar;
        }

        /// <summary>Where this leads to.</summary>
        public SidecarAddress Sidecar { get; }

        public bool IsOpen
        {
            get
            {
                lock (_lock)
                    return _end == null;
            }
        }

        /// <summary>
        /// A connection that is not yet greeted. <paramref name="onLost"/> is called once when it ends by itself.
        /// Throws <see cref="NpcVoiceError"/> (no_sidecar) when nobody listens.
        /// </summary>
        public static async Task<RequestLink> Connect(
            SidecarAddress sidecar, NpcVoiceOptions options, Action<RequestLink> onLost)
        {
            NetworkStream stream = await Connect(sidecar.Commands).ConfigureAwait(false);
            return new RequestLink(stream, sidecar, options, onLost);
        }

        public static async Task<NetworkStream> Connect(IPEndPoint endpoint)
        {
            var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                Task connecting = socket.ConnectAsync(endpoint);
                Observe(connecting);
                if (await Task.WhenAny(connecting, Task.Delay(ConnectMs)).ConfigureAwait(false) != connecting)
                    throw SidecarAddress.Absent("nobody answers on port " + endpoint.Port);
                await connecting.ConfigureAwait(false);
                return new NetworkStream(socket, true);
            }
            catch (SocketException error)
            {
                socket.Dispose();
                throw SidecarAddress.Absent("port " + endpoint.Port + ": " + error.Message);
            }
            catch (NpcVoiceError)
            {
                socket.Dispose();
                throw;
            }
        }

        /// <summary>Greets and begins to listen. Throws as <see cref="Ask"/> does.</summary>
        public async Task Greet()
        {
            try
            {
                await Zmtp.Handshake(_stream, _reader, "REQ", Servers).ConfigureAwait(false);
            }
            catch (ObjectDisposedException error)
            {
                throw new IOException("the connection was closed", error);
            }
            Observe(Listen());
        }

        /// <summary>
        /// The parts of the answer. Throws <see cref="IOException"/> when the connection ends and
        /// <see cref="NpcVoiceError"/> (bad_reply) when what comes is not a message.
        /// </summary>
        public async Task<List<byte[]>> Ask(byte[] message)
        {
            var awaited = new TaskCompletionSource<List<byte[]>>(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (_lock)
            {
                if (_end != null)
                    throw new IOException("the connection has ended", _end);
                _awaited = awaited;
            }
            Observe(awaited.Task);
            try
            {
                await _stream.WriteAsync(message, 0, message.Length).ConfigureAwait(false);
            }
            catch (Exception error) when (error is IOException || error is ObjectDisposedException)
            {
                End(error);
            }
            return await awaited.Task.ConfigureAwait(false);
        }

        public void Dispose()
        {
            End(new IOException("the connection was closed"));
        }

        /// <summary>A failure that nobody waits for any more is not an unobserved one.</summary>
        public static void Observe(Task task)
        {
            task.ContinueWith(
                failed => failed.Exception,
                TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously);
        }

        private async Task Listen()
        {
            try
            {
                while (true)
                {
                    List<byte[]> parts = await _reader.Message(_limits, 2).ConfigureAwait(false);
                    Taken().SetResult(parts);
                }
            }
            catch (Exception error)
            {
                if (End(error))
                    _onLost(this);
            }
        }

        private TaskCompletionSource<List<byte[]>> Taken()
        {
            lock (_lock)
            {
                TaskCompletionSource<List<byte[]>> awaited = _awaited;
                _awaited = null;
                return awaited ?? throw NpcVoiceError.Bad("an answer came that nobody had asked for");
            }
        }

        /// <summary>Closes the connection and tells who waits; whether it was open.</summary>
        private bool End(Exception reason)
        {
            TaskCompletionSource<List<byte[]>> awaited;
            lock (_lock)
            {
                if (_end != null)
                    return false;
                _end = reason;
                awaited = _awaited;
                _awaited = null;
            }
            _stream.Dispose();
            bool isTyped = reason is NpcVoiceError || reason is IOException;
            awaited?.SetException(isTyped ? reason : new IOException(reason.Message, reason));
            return true;
        }
    }
}
