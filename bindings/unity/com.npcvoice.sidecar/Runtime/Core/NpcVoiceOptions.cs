using System;
using System.Collections.Generic;

namespace NpcVoice
{
    /// <summary>How a client finds its sidecar and how patient it is. Copied when a client is made.</summary>
    public sealed class NpcVoiceOptions
    {
        /// <summary>Where the sidecar says how it is reached; "": in the user's data folder.</summary>
        public string ConnectionFile = "";

        /// <summary>The wait for one reply before it is asked for again, in seconds.</summary>
        public double TimeoutS = 10;

        /// <summary>How often a request is asked at most.</summary>
        public int Attempts = 6;

        /// <summary>Start a sidecar when none is there, and stop it at the end.</summary>
        public bool Start;

        /// <summary>How long a start may take, in seconds: the first one converts the voice.</summary>
        public double StartS = 120;

        /// <summary>The program that is started, with what comes before <c>serve</c>.</summary>
        public IList<string> Command = new[] { "npc-voice" };

        /// <summary>What follows <c>serve</c>, besides the connection file and the parent's number.</summary>
        public IList<string> Arguments = new string[0];

        /// <summary>How many connections are kept open for the next requests.</summary>
        public int Connections = 4;

        /// <summary>Names this client to the sidecar over reconnections; null: a random one.</summary>
        public string Session;

        /// <summary>The longest header that a reply may have; timings of a long line take over 64 KiB.</summary>
        public int HeaderBytes = 4 * 1024 * 1024;

        /// <summary>The longest body that a reply may have.</summary>
        public int BodyBytes = 16 * 1024 * 1024;

        internal NpcVoiceOptions Checked()
        {
            Require(TimeoutS > 0 && TimeoutS <= 86400, "timeout_s", "a number over 0, at most 86400");
            Require(StartS > 0 && StartS <= 86400, "start_s", "a number over 0, at most 86400");
            Require(Attempts >= 1, "attempts", "1 or more");
            Require(Connections >= 1, "connections", "1 or more");
            Require(HeaderBytes >= 1024, "header_bytes", "1024 or more");
            Require(BodyBytes >= 1024, "body_bytes", "1024 or more");
            Require(Command != null && Command.Count > 0, "command", "a program and what it is given first");
            var copy = (NpcVoiceOptions)MemberwiseClone();
            copy.ConnectionFile = string.IsNullOrEmpty(ConnectionFile)
                ? Home.ConnectionFile() : Home.LocalPath(ConnectionFile, "connection_file");
            copy.Session = Session ?? Guid.NewGuid().ToString("N");
            copy.Command = new List<string>(Command);
            copy.Arguments = new List<string>(Arguments ?? new string[0]);
            return copy;
        }

        private static void Require(bool holds, string field, string expected)
        {
            if (!holds)
                throw new NpcVoiceError(NpcVoiceError.BadRequest, field + " must be " + expected, field);
        }
    }
}
