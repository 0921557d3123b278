using System;
using System.Collections.Generic;
using System.Linq;

namespace NpcVoice
{
    /// <summary>A request, with the id and session that it keeps however often it is sent.</summary>
    internal sealed class Request
    {
        private const int Version = 1;

        private readonly Dictionary<string, object> _fields;
        /// <summary>Fields that the first sidecars pass over: <c>hello</c> is asked first for them.</summary>
        private static readonly string[] Later = { "manner", "baseline", "loudness", "effect" };

        private readonly byte[][] _bodies;

        public Request(
            string op, Dictionary<string, object> fields, string session, string id, params byte[][] bodies)
        {
            Op = op;
            _fields = fields;
            _bodies = bodies;
            Session = session;
            Id = id ?? Guid.NewGuid().ToString("N");
        }

        public string Op { get; }

        public string Id { get; }

        /// <summary>Whether it is answered once something has been spoken, which takes its time.</summary>
        public bool IsSpeech
        {
            get { return Op == "synthesize" || Op == "next"; }
        }

        public string Session { get; }

        /// <summary>The header, encoded.</summary>
        public byte[] Header(string token)
        {
            return MsgPack.Encode(new Dictionary<string, object>(_fields)
            {
                { "v", Version }, { "op", Op }, { "id", Id }, { "token", token }, { "session", Session },
            });
        }

        /// <summary>The whole message as it goes over the wire.</summary>
        public byte[] Message(string token)
        {
            var parts = new List<byte[]> { Header(token) };
            parts.AddRange(_bodies);
            return Zmtp.Message(parts.ToArray());
        }

        /// <summary>Whether some sidecar might pass over a field of it.</summary>
        public bool HasLaterFields
        {
            get { return Array.Exists(Later, _fields.ContainsKey); }
        }

        /// <summary>Why a sidecar that says so of itself cannot be sent this; null where it can.</summary>
        public NpcVoiceError UnreadBy(HelloReply hello)
        {
            string missing = Array.Find(Later, name => _fields.ContainsKey(name) && !hello.Fields.Contains(name));
            if (missing == null)
                return null;
            return new NpcVoiceError(
                "unsupported", hello.Server + " does not know " + missing + ": start a newer one", missing);
        }

        /// <summary>
        /// The answer in those parts (delimiter, header and perhaps body); null when it is another request's.
        /// Throws <see cref="NpcVoiceError"/> (bad_reply) for what is not an answer.
        /// </summary>
        public Answer Answer(List<byte[]> parts)
        {
            var header = new Fields(MsgPack.Decode(parts[1]), "");
            if (header.Whole("v") != Version)
                throw NpcVoiceError.Bad("the reply has version " + header.Whole("v") + ", expected " + Version, "v");
            string id = header.Text("id");
            NpcVoiceError refusal = header.Flag("ok") ? null : Refusal(header.Map("error"));
            byte[] body = parts.Count > 2 ? parts[2] : new byte[0];
            return id == Id ? new Answer(header, body, refusal) : null;
        }

        private static NpcVoiceError Refusal(Fields error)
        {
            return new NpcVoiceError(
                error.Text("code"), error.Text("message"), error.OptionalText("field"), error.Flag("retryable", false),
                error.OptionalCount("retry_after_ms"));
        }
    }

    /// <summary>A reply as it came; <see cref="Refusal"/> is null when the sidecar did what was asked.</summary>
    internal sealed class Answer
    {
        public Answer(Fields header, byte[] body, NpcVoiceError refusal)
        {
            Header = header;
            Body = body;
            Refusal = refusal;
        }

        public Fields Header { get; }

        public byte[] Body { get; }

        public NpcVoiceError Refusal { get; }
    }
}
