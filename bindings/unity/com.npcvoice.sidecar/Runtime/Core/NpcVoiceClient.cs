using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace NpcVoice
{
    /// <summary>
    /// Speaks lines through a sidecar. Any number of callers may share one client; all work is done on the
    /// thread pool, so that no call holds up the thread that makes it. Dispose it, or await
    /// <see cref="Close"/>.
    ///
    /// A request that is not answered in time is sent again with the same id over a new connection, after
    /// another look at the connection file: it survives a sidecar that is killed and started again, and is
    /// never synthesised twice by the same one. All methods throw <see cref="NpcVoiceError"/>.
    /// </summary>
    public sealed class NpcVoiceClient : IDisposable
    {
        /// <summary>How often a waiting client looks whether the sidecar that owes it an answer is there.</summary>
        private const double LookEveryS = 0.5;
        private const double SpeakingS = 2;

        private const double LongestPauseS = 2;
        private static readonly Dictionary<string, object> Nothing = new Dictionary<string, object>();

        private readonly NpcVoiceOptions _options;
        private readonly OwnSidecar _own;
        private readonly Pool _pool;
        private readonly CancellationTokenSource _closing = new CancellationTokenSource();
        private SidecarAddress _lost;
        private Greeted _greeted;

        public NpcVoiceClient(NpcVoiceOptions options = null)
        {
            _options = (options ?? new NpcVoiceOptions()).Checked();
            _own = new OwnSidecar(_options);
            _pool = new Pool(_options, _own, OnLost);
        }

        /// <summary>
        /// The sidecar has hung up: it died, or was stopped. Told once for each, on a thread of the pool.
        /// </summary>
        public event Action SidecarLost;

        public string Session
        {
            get { return _options.Session; }
        }

        public string ConnectionFile
        {
            get { return _options.ConnectionFile; }
        }

        /// <summary>Whether this client starts a sidecar where there is none.</summary>
        public bool Starts
        {
            get { return _options.Start; }
        }

        /// <summary>Connections that are open now, idle or in use.</summary>
        public int OpenConnections
        {
            get { return _pool.OpenCount; }
        }

        internal NpcVoiceOptions Options
        {
            get { return _options; }
        }

        internal CancellationToken Closing
        {
            get { return _closing.Token; }
        }

        /// <summary>
        /// One line, whole. Cancelling drops the connection and tells the sidecar to stop work on the line; the
        /// call then throws <see cref="OperationCanceledException"/>.
        /// </summary>
        public Task<Line> Say(
            string text, SayOptions options = null, CancellationToken cancellation = default(CancellationToken))
        {
            return Task.Run(() => SayWhole(text, options ?? new SayOptions(), cancellation));
        }

        /// <summary>One line chunk by chunk, the first as soon as it is spoken.</summary>
        public LineStream Stream(string text, SayOptions options = null)
        {
            options = options ?? new SayOptions();
            return new LineStream(this, Synthesize(text, options, true));
        }

        /// <summary>
        /// Ends a line of a session (the client's own if null); false when it was over or never there.
        /// </summary>
        public Task<bool> Cancel(string target, string session = null)
        {
            return Get("cancel", Field("target", target), reply => reply.Flag("cancelled"), session);
        }

        public Task<HelloReply> Hello()
        {
            return Get("hello", Nothing, reply => new HelloReply(reply));
        }

        public Task Ping()
        {
            return Get("ping", Nothing, reply => true);
        }

        public Task<SpeakersReply> Speakers()
        {
            return Get("speakers", Nothing, reply => new SpeakersReply(reply));
        }

        public Task<IReadOnlyList<EmotionRow>> Emotions()
        {
            return Get<IReadOnlyList<EmotionRow>>(
                "emotions", Nothing, reply => Reply.Each(reply.Maps("emotions"), row => new EmotionRow(row)));
        }

        public Task<IReadOnlyList<ModelRow>> Models()
        {
            return GetModels("models", Nothing);
        }

        /// <summary>Makes <c>name@version</c> live and pins it; a name alone unpins.</summary>
        public Task<IReadOnlyList<ModelRow>> Activate(string model)
        {
            return GetModels("activate", Field("model", model));
        }

        /// <summary>Back to the version of that name that was live before.</summary>
        public Task<IReadOnlyList<ModelRow>> Rollback(string model)
        {
            return GetModels("rollback", Field("model", model));
        }

        /// <summary><c>name@version</c>, or all versions of a name, are gone: drop, copy and voice.</summary>
        public Task<IReadOnlyList<ModelRow>> Remove(string model)
        {
            return GetModels("remove", Field("model", model));
        }

        /// <summary>Gives <c>name@version</c> a share of the sessions, 0 to 1; 0 ends the trial.</summary>
        public Task<IReadOnlyList<ModelRow>> Canary(string model, double share)
        {
            Dictionary<string, object> fields = Field("model", model);
            fields.Add("share", share);
            return GetModels("canary", fields);
        }

        /// <summary>Has the sidecar look at its models folder now.</summary>
        public Task<IReadOnlyList<ModelRow>> Rescan()
        {
            return GetModels("rescan", Nothing);
        }

        public Task<StatsReply> Stats()
        {
            return Get("stats", Nothing, reply => new StatsReply(reply));
        }

        /// <summary>Ends the sidecar; how many lines it still finishes.</summary>
        public Task<int> Shutdown()
        {
            return Get("shutdown", Nothing, reply => reply.Count("lines"));
        }

        /// <summary>Whether a sidecar is there and listens, at this moment; starts none and waits for none.</summary>
        public Task<bool> IsThere()
        {
            return Task.Run(() => _pool.IsThere());
        }

        /// <summary>
        /// Calls <paramref name="handler"/> with every event whose name starts so, until the result is disposed.
        /// It is called in the SynchronizationContext of the caller if there is one (in Unity: on the main
        /// thread), else on a thread of the pool.
        /// </summary>
        public Subscription Subscribe(string topic, Action<VoiceEvent> handler)
        {
            return new Subscription(this, topic ?? "", handler);
        }

        /// <summary>Drops the connections and ends the sidecar if it is ours, by force after ten seconds.</summary>
        public Task Close()
        {
            if (!_closing.IsCancellationRequested)
                _closing.Cancel();
            _pool.Close();
            return _own.Stop();
        }

        /// <summary>As <see cref="Close"/>, without waiting for the end.</summary>
        public void Dispose()
        {
            RequestLink.Observe(Close());
        }

        /// <summary>
        /// As <see cref="Stream"/>; with what only a whole line can have, the whole is the only chunk.
        /// </summary>
        internal LineStream Pieces(string text, SayOptions options)
        {
            return new LineStream(this, Synthesize(text, options, !options.IsWhole));
        }

        internal Request Next(string stream, string session)
        {
            return new Request("next", Field("stream", stream), session, null);
        }

        /// <summary>
        /// Sends until it is answered. Throws the answer's error, and <see cref="OperationCanceledException"/> when
        /// the caller has cancelled.
        /// </summary>
        internal async Task<Answer> Ask(Request request, CancellationToken cancellation)
        {
            using (var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _closing.Token))
                try
                {
                    return await AskUntilAnswered(request, stop.Token).ConfigureAwait(false);
                }
                catch (Exception) when (_closing.IsCancellationRequested)
                {
                    throw new NpcVoiceError(NpcVoiceError.Cancelled, "the client is closed");
                }
        }

        /// <summary>Tells the sidecar that nobody waits for that request any more, and does not wait itself.</summary>
        internal void CancelLater(Request request)
        {
            if (!_closing.IsCancellationRequested)
                RequestLink.Observe(Cancel(request.Id, request.Session));
        }

        private async Task<Line> SayWhole(string text, SayOptions options, CancellationToken cancellation)
        {
            Request request = Synthesize(text, options, false);
            try
            {
                return new Line(request.Id, await Ask(request, cancellation).ConfigureAwait(false));
            }
            catch (OperationCanceledException)
            {
                CancelLater(request);
                throw;
            }
        }

        private Request Synthesize(string text, SayOptions options, bool stream)
        {
            return new Request(
                "synthesize", options.Header(text, stream), options.Session ?? Session, options.Id,
                options.Bodies());
        }

        private Task<IReadOnlyList<ModelRow>> GetModels(string op, Dictionary<string, object> fields)
        {
            return Get<IReadOnlyList<ModelRow>>(
                op, fields, reply => Reply.Each(reply.Maps("models"), row => new ModelRow(row)));
        }

        private Task<T> Get<T>(
            string op, Dictionary<string, object> fields, Func<Fields, T> read, string session = null)
        {
            var request = new Request(op, fields, session ?? Session, null);
            return Task.Run(
                async () => read((await Ask(request, CancellationToken.None).ConfigureAwait(false)).Header));
        }

        private async Task<Answer> AskUntilAnswered(Request request, CancellationToken stop)
        {
            NpcVoiceError problem = null;
            for (int attempt = 0; attempt < _options.Attempts; attempt++)
            {
                Answer answer = await Try(request, stop).ConfigureAwait(false);
                while (answer == null && request.IsSpeech && await IsSpeaking(stop).ConfigureAwait(false))
                    answer = await Try(request, stop).ConfigureAwait(false);
                if (answer != null && answer.Refusal == null)
                    return answer;
                problem = answer?.Refusal ?? Unanswered(attempt + 1);
                double? pauseS = PauseBeforeRetryS(problem, attempt);
                if (pauseS == null)
                    break;
                if (attempt + 1 < _options.Attempts)
                    await Task.Delay(TimeSpan.FromSeconds(pauseS.Value), stop).ConfigureAwait(false);
            }
            throw problem;
        }

        /// <summary>
        /// How long to wait before asking again; null when that is no use. A token is wrong at the first attempt
        /// when the sidecar was started again on the same port.
        /// </summary>
        private static double? PauseBeforeRetryS(NpcVoiceError error, int attempt)
        {
            if (error.Code == "unauthorized" && attempt == 0)
                return 0;
            if (!error.Retryable)
                return null;
            return error.RetryAfterMs / 1000.0 ?? Math.Min(LongestPauseS, 0.05 * Math.Pow(2, attempt));
        }

        private static NpcVoiceError Unanswered(int times)
        {
            return new NpcVoiceError(
                NpcVoiceError.TimedOut, "the sidecar did not answer, " + times + " times", retryable: true);
        }

        /// <summary>One attempt; null when no answer came.</summary>
        private async Task<Answer> Try(Request request, CancellationToken stop)
        {
            Lent lent = await _pool.Lend(stop).ConfigureAwait(false);
            RequestLink link = lent.Link;
            try
            {
                Answer answer = await Told(lent, request, stop).ConfigureAwait(false);
                Settle(link, answer);
                return answer;
            }
            catch
            {
                _pool.Drop(link);
                throw;
            }
        }

        private void Settle(RequestLink link, Answer answer)
        {
            string code = answer?.Refusal?.Code;
            bool isDeadEnd = answer == null || code == "unauthorized" || code == "shutting_down";
            if (answer != null)
                _own.HasAnswered();
            if (!isDeadEnd)
            {
                _pool.GiveBack(link);
                return;
            }
            _pool.ForgetIdle();
            _pool.Drop(link);
        }

        /// <summary>
        /// What comes over this connection. A sidecar that might pass over a field says first what it knows.
        /// </summary>
        private async Task<Answer> Told(Lent lent, Request request, CancellationToken stop)
        {
            RequestLink link = lent.Link;
            var until = new Deadline(_options.TimeoutS);
            if (lent.IsNew && !await InTime(link.Greet(), link, until, stop).ConfigureAwait(false))
                return null;
            if (!request.HasLaterFields)
                return await Exchanged(link, request, until, stop).ConfigureAwait(false);
            Greeted greeted = _greeted;
            if (greeted == null || greeted.Token != link.Sidecar.Token)
            {
                var hello = new Request("hello", Nothing, Session, null);
                Answer told = await Exchanged(link, hello, until, stop).ConfigureAwait(false);
                if (told == null || told.Refusal != null)
                    return told;
                _greeted = greeted = new Greeted(link.Sidecar.Token, new HelloReply(told.Header));
            }
            NpcVoiceError unread = request.UnreadBy(greeted.Hello);
            if (unread != null)
                return new Answer(new Fields(Nothing, ""), new byte[0], unread);
            return await Exchanged(link, request, until, stop).ConfigureAwait(false);
        }

        private async Task<Answer> Exchanged(RequestLink link, Request request, Deadline until, CancellationToken stop)
        {
            Task<List<byte[]>> reply = link.Ask(request.Message(link.Sidecar.Token));
            bool hasCome = await InTime(reply, link, until, stop).ConfigureAwait(false)
                || request.IsSpeech && await InLateTime(reply, link, stop).ConfigureAwait(false);
            return hasCome ? request.Answer(reply.Result) : null;
        }

        /// <summary>
        /// Waits on, for as long as all attempts, while the sidecar speaks: it drops the lines of a connection
        /// that closes, and would begin again.
        /// </summary>
        private async Task<bool> InLateTime(Task reply, RequestLink link, CancellationToken stop)
        {
            for (int wait = 1; wait < _options.Attempts; wait++)
            {
                if (!link.IsOpen || !link.Sidecar.IsCurrent(_options.ConnectionFile))
                    return false;
                if (!await IsSpeaking(stop).ConfigureAwait(false))
                    return false;
                var until = new Deadline(_options.TimeoutS);
                if (await InTime(reply, link, until, stop).ConfigureAwait(false))
                    return true;
            }
            return false;
        }

        /// <summary>Whether the sidecar, asked on the side, has lines under way.</summary>
        private async Task<bool> IsSpeaking(CancellationToken stop)
        {
            Task<Answer> asked = Try(new Request("stats", Nothing, Session, null), stop);
            RequestLink.Observe(asked);
            try
            {
                Task first = await Task.WhenAny(asked, Task.Delay(TimeSpan.FromSeconds(Math.Min(SpeakingS, _options.TimeoutS))))
                    .ConfigureAwait(false);
                Answer answer = first == asked ? await asked.ConfigureAwait(false) : null;
                if (answer == null || answer.Refusal != null)
                    return false;
                var stats = new StatsReply(answer.Header);
                return stats.LinesRunning + stats.LinesWaiting > 0;
            }
            catch (NpcVoiceError)
            {
                return false;
            }
        }

        /// <summary>
        /// Waits for what a connection does, as long as the sidecar behind it is there; false when it has not
        /// come in time or the connection ended.
        /// </summary>
        private async Task<bool> InTime(Task work, RequestLink link, Deadline until, CancellationToken stop)
        {
            RequestLink.Observe(work);
            while (!work.IsCompleted)
            {
                double leftS = until.LeftS;
                if (leftS <= 0)
                    return false;
                await Look(work, Math.Min(leftS, LookEveryS), stop).ConfigureAwait(false);
                stop.ThrowIfCancellationRequested();
                if (!work.IsCompleted && !link.Sidecar.IsCurrent(_options.ConnectionFile))
                    return false;
            }
            try
            {
                await work.ConfigureAwait(false);
                return true;
            }
            catch (IOException)
            {
                return false;
            }
        }

        /// <summary>Until it is done, or so many seconds have passed.</summary>
        private static async Task Look(Task work, double seconds, CancellationToken stop)
        {
            using (var enough = CancellationTokenSource.CreateLinkedTokenSource(stop))
            {
                Task pause = Task.Delay(TimeSpan.FromSeconds(seconds), enough.Token);
                await Task.WhenAny(work, pause).ConfigureAwait(false);
                enough.Cancel();
            }
        }

        private void OnLost(SidecarAddress sidecar)
        {
            SidecarAddress before = Interlocked.Exchange(ref _lost, sidecar);
            if (!_closing.IsCancellationRequested && before?.Token != sidecar.Token)
                SidecarLost?.Invoke();
        }

        private static Dictionary<string, object> Field(string name, string value)
        {
            if (value == null)
                throw new NpcVoiceError(NpcVoiceError.BadRequest, name + " must be text, got nothing", name);
            return new Dictionary<string, object> { { name, value } };
        }

        /// <summary>What the sidecar with that token says of itself.</summary>
        private sealed class Greeted
        {
            public readonly string Token;
            public readonly HelloReply Hello;

            public Greeted(string token, HelloReply hello)
            {
                Token = token;
                Hello = hello;
            }
        }
    }
}
