using System;
using System.Collections.Generic;

namespace NpcVoice
{
    /// <summary>A request, with the id and session that it keeps however often it is sent.</summary>
    internal sealed class Request
    {
        private const int Version = 1;

        private readonly Dictionary<string, object> _fields;
        private readonly byte[] _body;

        public Request(string op, Dictionary<string, object> fields, string session, string id, byte[] body = null)
        {
            Op = op;
            _fields = fields;
            _body = body;
            Session = session;
            Id = id ?? Guid.NewGuid().ToString("N");
        }

        public string Op { get; }

        public string Id { get; }

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
            return _body == null ? Zmtp.Message(Header(token)) : Zmtp.Message(Header(token), _body);
        }

        /// <summary>
        /// The answer in those parts (delimiter, header and perhaps body); null when it is another request's.
        /// Throws <see cref="NpcVoiceError"/> (bad_reply) for what is no answer.
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
