using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading.Tasks;

namespace NpcVoice
{
    /// <summary>Where sound goes: in a game, an audio source of the engine.</summary>
    public interface ISpeechOutput
    {
        /// <summary>Whether the last piece still sounds, or is held.</summary>
        bool IsPlaying { get; }

        /// <summary>How far the last piece has been played, in seconds.</summary>
        double PositionS { get; }

        /// <summary>Begins a piece at once. Samples are from -1 to 1, channel by channel in each frame.</summary>
        void Play(float[] samples, int channels, int sampleRateHz);

        void Stop();
    }

    /// <summary>
    /// What one character says: lines in turn, their sound, mouth and words. All of it happens in
    /// <see cref="Tick"/>, on one thread and without waiting; a tick in which nobody speaks allocates nothing.
    /// Where no sidecar is there, lines are shown for as long as it takes to read them.
    /// </summary>
    public sealed class Speech : IDisposable
    {
        private static readonly string[] Timings = { "words", "visemes" };

        private readonly ISpeechOutput _output;
        private readonly Turns<SpokenLine> _turns = new Turns<SpokenLine>();
        private readonly float[] _weights = new float[NpcVoice.Viseme.Count];
        private Stage _stage;
        private Piece _piece;
        private int _wordsTold;
        private int _visemesTold;
        private double _readingS;

        public Speech(ISpeechOutput output)
        {
            _output = output;
        }

        /// <summary>A line begins to sound, or to be shown.</summary>
        public event Action<string> LineStarted;

        /// <summary>A word begins.</summary>
        public event Action<string> Word;

        /// <summary>A mouth shape begins, with its weight, 0 to 1.</summary>
        public event Action<int, float> Viseme;

        public event Action<string> LineFinished;

        /// <summary>A line ends early; with the code <c>cancelled</c> when another took its place.</summary>
        public event Action<string, NpcVoiceError> LineFailed;

        /// <summary>A line has no sound, because no sidecar is there: show it for so many seconds.</summary>
        public event Action<string, float> SubtitleOnly;

        private enum Stage
        {
            /// <summary>For the next piece of the line whose turn it is.</summary>
            Waiting,
            Playing,
            Reading,
        }

        public bool IsBusy
        {
            get { return _turns.Current != null; }
        }

        /// <summary>The 15 mouth shapes as they are now, blended; the same array all the time.</summary>
        public IReadOnlyList<float> MouthWeights
        {
            get { return _weights; }
        }

        /// <summary>Says a line; false when it is dropped, because somebody speaks or too many lines wait.</summary>
        public bool Say(NpcVoiceClient client, string text, SayOptions options, WhenBusy policy)
        {
            SayOptions wanted = (options ?? new SayOptions()).Copy();
            wanted.Format = "pcm_s16le";
            wanted.Timings = Timings;
            var line = new SpokenLine(text, client, wanted);
            var ended = new List<SpokenLine>();
            bool isTaken = _turns.Offer(line, policy, ended);
            FetchAhead();
            if (ended.Count > 0)
                GiveUp(ended);
            return isTaken;
        }

        /// <summary>Nothing is said any more; lines that were to be said fail with <c>cancelled</c>.</summary>
        public void Stop()
        {
            var ended = new List<SpokenLine>();
            _turns.Clear(ended);
            GiveUp(ended);
        }

        /// <summary>To be called once a frame.</summary>
        public void Tick(double deltaS)
        {
            SpokenLine line = _turns.Current;
            if (line == null)
                return;
            if (_stage == Stage.Playing)
                Follow(line);
            else if (_stage == Stage.Reading)
                Read(line, deltaS);
            if (_stage == Stage.Waiting && _turns.Current == line)
                Continue(line);
        }

        public void Dispose()
        {
            Stop();
        }

        /// <summary>The line that is said and the one after it are fetched; more would keep others waiting.</summary>
        private void FetchAhead()
        {
            _turns.Current?.Fetch();
            _turns.Next?.Fetch();
        }

        private void Continue(SpokenLine line)
        {
            if (line.TryTake(out Piece piece))
            {
                Play(line, piece);
                return;
            }
            NpcVoiceError error = line.Problem;
            if (error == null)
                return;
            if (error.Code == NpcVoiceError.NoSidecar || error.Code == NpcVoiceError.TimedOut)
                Show(line);
            else
                End(line, error);
        }

        private void Play(SpokenLine line, Piece piece)
        {
            _piece = piece;
            _wordsTold = 0;
            _visemesTold = 0;
            _stage = Stage.Playing;
            _output.Play(piece.Samples, piece.Channels, piece.SampleRateHz);
            Begin(line);
            if (_turns.Current == line)
                Follow(line);
        }

        /// <summary>Tells what has been reached of the piece that sounds.</summary>
        private void Follow(SpokenLine line)
        {
            Piece piece = _piece;
            bool isPlaying = _output.IsPlaying;
            double atS = isPlaying ? piece.StartS + _output.PositionS : piece.EndS;
            piece.Mouth.Weigh(atS, _weights);
            while (IsOn(line, piece) && _visemesTold < piece.Visemes.Count && piece.Visemes[_visemesTold].StartS <= atS)
            {
                VisemeRow row = piece.Visemes[_visemesTold++];
                Viseme?.Invoke(row.Id, row.Weight);
            }
            while (IsOn(line, piece) && _wordsTold < piece.Words.Count && piece.Words[_wordsTold].StartS <= atS)
                Word?.Invoke(piece.Words[_wordsTold++].Text);
            if (isPlaying || !IsOn(line, piece))
                return;
            if (piece.IsLast)
                End(line, null);
            else
                _stage = Stage.Waiting;
        }

        /// <summary>What is called back may have stopped the line.</summary>
        private bool IsOn(SpokenLine line, Piece piece)
        {
            return _turns.Current == line && _piece == piece;
        }

        private void Show(SpokenLine line)
        {
            _stage = Stage.Reading;
            _readingS = Subtitles.ReadingTimeS(line.Text);
            Begin(line);
            if (_turns.Current == line)
                SubtitleOnly?.Invoke(line.Text, (float)_readingS);
        }

        private void Read(SpokenLine line, double deltaS)
        {
            _readingS -= deltaS;
            if (_readingS <= 0)
                End(line, null);
        }

        private void Begin(SpokenLine line)
        {
            if (line.HasBegun)
                return;
            line.HasBegun = true;
            LineStarted?.Invoke(line.Text);
        }

        private void End(SpokenLine line, NpcVoiceError error)
        {
            Hush();
            _turns.Advance();
            FetchAhead();
            Tell(line, error);
        }

        private void GiveUp(List<SpokenLine> lines)
        {
            Hush();
            foreach (SpokenLine line in lines)
                Tell(line, new NpcVoiceError(NpcVoiceError.Cancelled, "another line took its place, or it was stopped"));
        }

        private void Hush()
        {
            if (_stage == Stage.Playing)
                _output.Stop();
            _stage = Stage.Waiting;
            _piece = null;
            Array.Clear(_weights, 0, _weights.Length);
        }

        private void Tell(SpokenLine line, NpcVoiceError error)
        {
            line.Dispose();
            if (error == null)
                LineFinished?.Invoke(line.Text);
            else
                LineFailed?.Invoke(line.Text, error);
        }
    }

    /// <summary>A line that is said or waits for its turn. Its pieces are fetched as they are spoken.</summary>
    internal sealed class SpokenLine : IDisposable
    {
        private readonly NpcVoiceClient _client;
        private readonly LineStream _stream;
        private readonly ConcurrentQueue<Piece> _pieces = new ConcurrentQueue<Piece>();
        private Task _fetching;

        public SpokenLine(string text, NpcVoiceClient client, SayOptions options)
        {
            Text = Subtitles.Plain(text);
            _client = client;
            _stream = client.Pieces(text, options);
        }

        /// <summary>As a reader sees it.</summary>
        public string Text { get; }

        public bool HasBegun { get; set; }

        /// <summary>Why no piece comes any more; null while some may.</summary>
        public NpcVoiceError Problem
        {
            get
            {
                if (!_fetching.IsCompleted || !_pieces.IsEmpty)
                    return null;
                Exception error = _fetching.Exception?.InnerException;
                return error as NpcVoiceError
                    ?? new NpcVoiceError(NpcVoiceError.Cancelled, error?.Message ?? "the line was stopped");
            }
        }

        public bool TryTake(out Piece piece)
        {
            return _pieces.TryDequeue(out piece);
        }

        /// <summary>Begins to fetch, once.</summary>
        public void Fetch()
        {
            if (_fetching != null)
                return;
            _fetching = Task.Run(FetchAll);
            RequestLink.Observe(_fetching);
        }

        public void Dispose()
        {
            _stream.Dispose();
        }

        /// <summary>A client that starts no sidecar does not make a line wait for one.</summary>
        private async Task FetchAll()
        {
            if (!_client.Starts && !await _client.IsThere().ConfigureAwait(false))
                throw SidecarAddress.Absent("nobody listens");
            double startS = 0;
            Line chunk = await _stream.Next().ConfigureAwait(false);
            while (chunk != null)
            {
                var piece = new Piece(chunk, startS);
                _pieces.Enqueue(piece);
                startS = piece.EndS;
                chunk = await _stream.Next().ConfigureAwait(false);
            }
        }
    }

    /// <summary>A chunk of a line, ready to be played. Times count from the line's start.</summary>
    internal sealed class Piece
    {
        public Piece(Line chunk, double startS)
        {
            Samples = chunk.ToFloats();
            Channels = chunk.Channels;
            SampleRateHz = chunk.SampleRateHz;
            StartS = startS;
            EndS = startS + chunk.DurationS;
            Words = chunk.Words ?? new TimedText[0];
            Visemes = chunk.Visemes ?? new VisemeRow[0];
            Mouth = new Mouth(Visemes, EndS);
            IsLast = chunk.IsLast;
        }

        public float[] Samples { get; }

        public int Channels { get; }

        public int SampleRateHz { get; }

        public double StartS { get; }

        public double EndS { get; }

        public IReadOnlyList<TimedText> Words { get; }

        public IReadOnlyList<VisemeRow> Visemes { get; }

        public Mouth Mouth { get; }

        public bool IsLast { get; }
    }
}
