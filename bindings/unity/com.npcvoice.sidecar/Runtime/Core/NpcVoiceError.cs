using System;

namespace NpcVoice
{
    /// <summary>
    /// What the sidecar refused, or why it could not be asked. <see cref="Code"/> is one of the protocol's
    /// codes or one of the four that only clients have.
    /// </summary>
    public sealed class NpcVoiceError : Exception
    {
        /// <summary>There is no sidecar, or it could not be started.</summary>
        public const string NoSidecar = "no_sidecar";

        /// <summary>The sidecar is there and did not answer, however often it was asked.</summary>
        public const string TimedOut = "timed_out";

        /// <summary>The line was cancelled, or the client was closed.</summary>
        public const string Cancelled = "cancelled";

        /// <summary>What came is not an answer: broken, too large, or of another form.</summary>
        public const string BadReply = "bad_reply";

        /// <summary>A field of the request cannot be sent.</summary>
        public const string BadRequest = "bad_request";

        public NpcVoiceError(
            string code, string message, string field = null, bool retryable = false, int? retryAfterMs = null)
            : base(message)
        {
            Code = code;
            Field = field;
            Retryable = retryable;
            RetryAfterMs = retryAfterMs;
        }

        public string Code { get; }

        /// <summary>The field of the request or reply that is to blame, or null.</summary>
        public string Field { get; }

        public bool Retryable { get; }

        /// <summary>How long the sidecar asks to be left alone, in milliseconds.</summary>
        public int? RetryAfterMs { get; }

        public override string ToString()
        {
            return "NpcVoiceError " + Code + ": " + Message;
        }

        internal static NpcVoiceError Bad(string message, string field = null)
        {
            return new NpcVoiceError(BadReply, message, field);
        }
    }
}
