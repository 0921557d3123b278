using System.Collections.Generic;

namespace NpcVoice
{
    /// <summary>A word or phoneme and when it is said, in seconds from the line's start.</summary>
    public struct TimedText
    {
        public TimedText(string text, double startS, double endS)
        {
            Text = text;
            StartS = startS;
            EndS = endS;
        }

        public string Text { get; }

        public double StartS { get; }

        public double EndS { get; }
    }

    /// <summary>A mouth shape (see <see cref="Viseme"/>) of that weight, 0 to 1, from that time on.</summary>
    public struct VisemeRow
    {
        public VisemeRow(double startS, int id, float weight)
        {
            StartS = startS;
            Id = id;
            Weight = weight;
        }

        public double StartS { get; }

        public int Id { get; }

        public float Weight { get; }
    }

    /// <summary>Which model it is; <see cref="Sha256"/> is that of its weights.</summary>
    public struct ModelName
    {
        internal ModelName(Fields model)
        {
            Name = model.Text("name");
            Version = model.Text("version");
            Sha256 = model.Text("sha256");
        }

        public string Name { get; }

        public string Version { get; }

        public string Sha256 { get; }
    }

    /// <summary>Wall time by stage of a line or chunk, in milliseconds.</summary>
    public struct LineTiming
    {
        internal LineTiming(Fields timing)
        {
            QueueMs = timing.OptionalNumber("queue_ms") ?? 0;
            TextMs = timing.OptionalNumber("text_ms") ?? 0;
            InferMs = timing.OptionalNumber("infer_ms") ?? 0;
            EncodeMs = timing.OptionalNumber("encode_ms") ?? 0;
            TotalMs = timing.OptionalNumber("total_ms") ?? 0;
        }

        public double QueueMs { get; }

        public double TextMs { get; }

        public double InferMs { get; }

        public double EncodeMs { get; }

        public double TotalMs { get; }
    }

    /// <summary>Speech, or a chunk of it: audio in the format asked for, and what the sidecar says of it.</summary>
    public sealed class Line
    {
        private const int HighestRateHz = 192000;
        private const int MostChannels = 8;

        internal Line(string id, Answer answer)
        {
            Fields audio = answer.Header.Map("audio");
            Id = id;
            Audio = answer.Body;
            Format = audio.Text("format");
            SampleRateHz = Within(audio, "sample_rate", HighestRateHz);
            Channels = Within(audio, "channels", MostChannels);
            Frames = audio.Count("frames");
            CheckSize(audio);
            Model = new ModelName(answer.Header.Map("model"));
            Timing = new LineTiming(answer.Header.Map("timing"));
            Cached = answer.Header.Flag("cached");
            Seed = answer.Header.Whole("seed");
            Words = answer.Header.TimedTexts("words");
            Phonemes = answer.Header.TimedTexts("phonemes");
            Visemes = answer.Header.Visemes("visemes");
            Stream = answer.Header.OptionalText("stream");
            if (answer.Header.Has("chunk"))
            {
                Fields chunk = answer.Header.Map("chunk");
                ChunkIndex = chunk.Count("index");
                IsLast = chunk.Flag("last");
            }
        }

        /// <summary>The id of the request that asked for the line.</summary>
        public string Id { get; }

        public byte[] Audio { get; }

        public string Format { get; }

        public int SampleRateHz { get; }

        public int Channels { get; }

        /// <summary>Samples a channel.</summary>
        public int Frames { get; }

        public double DurationS
        {
            get { return (double)Frames / SampleRateHz; }
        }

        public ModelName Model { get; }

        public LineTiming Timing { get; }

        public bool Cached { get; }

        public long Seed { get; }

        /// <summary>Null unless asked for, as are the next two.</summary>
        public IReadOnlyList<TimedText> Words { get; }

        public IReadOnlyList<TimedText> Phonemes { get; }

        public IReadOnlyList<VisemeRow> Visemes { get; }

        /// <summary>The place of a chunk in its line, from 0.</summary>
        public int ChunkIndex { get; }

        /// <summary>Whether nothing of the line comes after this.</summary>
        public bool IsLast { get; } = true;

        /// <summary>The handle of the stream that a chunk belongs to.</summary>
        internal string Stream { get; }

        /// <summary>Samples from -1 to 1, channel by channel in each frame. Raw formats only.</summary>
        public float[] ToFloats()
        {
            return Pcm.ToFloats(Audio, Format);
        }

        private static int Within(Fields audio, string name, int highest)
        {
            int value = audio.Count(name);
            return value >= 1 && value <= highest ? value : throw audio.Wrong(name, "from 1 to " + highest);
        }

        /// <summary>What is said of raw audio is what is there.</summary>
        private void CheckSize(Fields audio)
        {
            int sampleBytes = Pcm.SampleBytes(Format);
            if (sampleBytes != 0 && (long)Frames * Channels * sampleBytes != Audio.Length)
                throw audio.Wrong("frames", "what the body holds, which has " + Audio.Length + " bytes");
        }
    }

    /// <summary>Raw samples.</summary>
    internal static class Pcm
    {
        private const float FullScale = 32768f;

        /// <summary>0 for formats that are not raw.</summary>
        public static int SampleBytes(string format)
        {
            return format == "pcm_s16le" ? 2 : format == "pcm_f32le" ? 4 : 0;
        }

        public static float[] ToFloats(byte[] audio, string format)
        {
            int sampleBytes = SampleBytes(format);
            if (sampleBytes == 0)
                throw new NpcVoiceError(
                    NpcVoiceError.BadRequest, "format is " + format + ", expected pcm_s16le or pcm_f32le", "format");
            var samples = new float[audio.Length / sampleBytes];
            if (sampleBytes == 4)
                System.Buffer.BlockCopy(audio, 0, samples, 0, 4 * samples.Length);
            else
                for (int i = 0; i < samples.Length; i++)
                    samples[i] = (short)(audio[2 * i] | audio[2 * i + 1] << 8) / FullScale;
            return samples;
        }
    }
}
