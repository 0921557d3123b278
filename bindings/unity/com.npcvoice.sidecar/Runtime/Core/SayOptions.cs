using System.Collections;
using System.Collections.Generic;

namespace NpcVoice
{
    /// <summary>A speaker: a name, an index, the model's own numbers, or a blend of names.</summary>
    public struct SpeakerChoice
    {
        internal readonly object Value;

        private SpeakerChoice(object value)
        {
            Value = value;
        }

        public static implicit operator SpeakerChoice(string name)
        {
            return new SpeakerChoice(string.IsNullOrEmpty(name) ? null : name);
        }

        public static implicit operator SpeakerChoice(int index)
        {
            return new SpeakerChoice(index);
        }

        public static implicit operator SpeakerChoice(float[] numbers)
        {
            return new SpeakerChoice(numbers?.Clone());
        }

        public static implicit operator SpeakerChoice(Dictionary<string, double> blend)
        {
            return new SpeakerChoice(Blend.Copied(blend));
        }
    }

    /// <summary>An emotion: a label, or a mixture of labels with weights.</summary>
    public struct EmotionChoice
    {
        internal readonly object Value;

        private EmotionChoice(object value)
        {
            Value = value;
        }

        public static implicit operator EmotionChoice(string label)
        {
            return new EmotionChoice(string.IsNullOrEmpty(label) ? null : label);
        }

        public static implicit operator EmotionChoice(Dictionary<string, double> mixture)
        {
            return new EmotionChoice(Blend.Copied(mixture));
        }
    }

    internal static class Blend
    {
        public static Dictionary<string, object> Copied(Dictionary<string, double> weights)
        {
            if (weights == null)
                return null;
            var copy = new Dictionary<string, object>();
            foreach (KeyValuePair<string, double> pair in weights)
                copy.Add(pair.Key, pair.Value);
            return copy;
        }
    }

    /// <summary>
    /// How a line is said: the fields of the protocol's <c>synthesize</c>. What is not set is left to the
    /// sidecar, which also checks what is set.
    /// </summary>
    public sealed class SayOptions
    {
        /// <summary>The longest clip that the sidecar reads.</summary>
        internal const int ReferenceBytes = 16 * 1024 * 1024;

        public SpeakerChoice Speaker;

        /// <summary>Another speaker, who lends tune and rhythm.</summary>
        public SpeakerChoice Manner;

        public EmotionChoice Emotion;

        /// <summary>How much of the emotion, 0 to 1.</summary>
        public double? Intensity;

        /// <summary>Tempo, 0.5 to 2.</summary>
        public double? Speed;

        /// <summary>Semitones, -12 to 12.</summary>
        public double? Pitch;

        /// <summary>A clip, WAV, FLAC or OGG, of somebody whose emotion, or voice, is to be spoken.</summary>
        public byte[] Reference;

        /// <summary>What the clip is a reference for: emotion, voice or both.</summary>
        public string ReferenceUse = "emotion";

        /// <summary>A neutral clip of the same person, with which the reference is compared.</summary>
        public byte[] Baseline;

        /// <summary>en-US, en-GB or zh-CN.</summary>
        public string Language;

        /// <summary><c>name</c> or <c>name@version</c>.</summary>
        public string Model;

        /// <summary>bark, dialogue, ambient or bake.</summary>
        public string Priority;

        /// <summary>Milliseconds until the answer is of no use.</summary>
        public int? DeadlineMs;

        /// <summary>pcm_s16le, pcm_f32le, wav or ogg.</summary>
        public string Format;

        /// <summary>In Hz, 8000 to 192000.</summary>
        public int? SampleRate;

        /// <summary>Of the whole line, in LUFS, -60 to -5; not for streams.</summary>
        public double? Loudness;

        /// <summary>Any of words, phonemes and visemes.</summary>
        public string[] Timings;

        public long? Seed;

        /// <summary>How to speak, in words, for models that read prompts.</summary>
        public string Prompt;

        /// <summary>A creature's or machine's voice, by name; of the whole line, not for streams.</summary>
        public string Effect;

        /// <summary>Which NPC or conversation this belongs to; null: the client's.</summary>
        public string Session;

        /// <summary>The request's id, for <see cref="NpcVoiceClient.Cancel"/>; null: a random one.</summary>
        public string Id;

        public SayOptions Copy()
        {
            return (SayOptions)MemberwiseClone();
        }

        /// <summary>Whether something is asked for that only a whole line can have.</summary>
        internal bool IsWhole
        {
            get { return Loudness != null || !string.IsNullOrEmpty(Effect); }
        }

        /// <summary>What is sent of a line, in the protocol's order.</summary>
        internal Dictionary<string, object> Header(string text, bool stream)
        {
            if (text == null)
                throw new NpcVoiceError(NpcVoiceError.BadRequest, "text must be text, got nothing", "text");
            CheckLength("reference", Reference);
            CheckLength("baseline", Baseline);
            var header = new Dictionary<string, object> { { "text", text } };
            Add(header, "speaker", Speaker.Value);
            Add(header, "manner", Manner.Value);
            Add(header, "emotion", Emotion.Value);
            Add(header, "intensity", Intensity);
            Add(header, "speed", Speed);
            Add(header, "pitch", Pitch);
            if (Reference != null)
                Add(header, "reference", new Dictionary<string, object> { { "use", ReferenceUse } });
            if (Baseline != null)
                Add(header, "baseline", true);
            Add(header, "language", Language);
            Add(header, "model", Model);
            Add(header, "priority", Priority);
            Add(header, "deadline_ms", DeadlineMs);
            Add(header, "format", Format);
            Add(header, "sample_rate", SampleRate);
            Add(header, "loudness", Loudness);
            if (stream)
                Add(header, "stream", true);
            Add(header, "timings", Timings);
            Add(header, "seed", Seed);
            Add(header, "prompt", Prompt);
            Add(header, "effect", Effect);
            return header;
        }

        /// <summary>The clips that are sent beside the header.</summary>
        internal byte[][] Bodies()
        {
            var bodies = new List<byte[]> { Reference, Baseline };
            bodies.RemoveAll(body => body == null);
            return bodies.ToArray();
        }

        private static void CheckLength(string name, byte[] clip)
        {
            if (clip != null && clip.Length > ReferenceBytes)
                throw new NpcVoiceError(
                    "too_large", name + " has " + clip.Length + " bytes, at most " + ReferenceBytes + " fit", name);
        }

        private static void Add(Dictionary<string, object> header, string name, object value)
        {
            bool nothing = value == null || value as string == "" || (value is IList list && list.Count == 0);
            if (!nothing)
                header.Add(name, value);
        }
    }
}
