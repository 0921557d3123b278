using System;
using System.Collections.Generic;
using System.IO;
using System.Net;

namespace NpcVoice
{
    /// <summary>Where a running sidecar listens, out of its connection file. The token is never shown.</summary>
    internal sealed class SidecarAddress
    {
        private const int FileBytes = 64 * 1024;
        private const int Protocol = 1;
        private const string Scheme = "tcp://";

        private SidecarAddress(Fields file)
        {
            long protocol = file.Whole("protocol");
            if (protocol != Protocol)
                throw NpcVoiceError.Bad("protocol is " + protocol + ", this client speaks " + Protocol, "protocol");
            if (file.OptionalText("server_key") != null)
                throw NpcVoiceError.Bad("the sidecar wants CURVE keys, which this client has not", "server_key");
            Commands = Endpoint(file, "commands");
            Events = Endpoint(file, "events");
            Token = file.Text("token");
        }

        public IPEndPoint Commands { get; }

        public IPEndPoint Events { get; }

        public string Token { get; }

        /// <summary>Throws <see cref="NpcVoiceError"/> (no_sidecar) when there is no such file or it is damaged.</summary>
        public static SidecarAddress Read(string path)
        {
            try
            {
                return new SidecarAddress(new Fields(Parsed(path), ""));
            }
            catch (Exception error) when (error is IOException || error is UnauthorizedAccessException
                || error is InvalidDataException || error is NpcVoiceError)
            {
                throw Absent(error.Message);
            }
        }

        public static NpcVoiceError Absent(string why)
        {
            return new NpcVoiceError(
                NpcVoiceError.NoSidecar,
                "no sidecar is running: " + why + "; start one with npc-voice serve", retryable: true);
        }

        /// <summary>
        /// Whether the file still names this very sidecar. Only a connection tells whether it is there: the
        /// number of its process says nothing to a game in another world, as under Wine or Proton.
        /// </summary>
        public bool IsCurrent(string path)
        {
            try
            {
                SidecarAddress now = Read(path);
                return now.Token == Token && now.Commands.Equals(Commands);
            }
            catch (NpcVoiceError)
            {
                return false;
            }
        }

        private static Dictionary<string, object> Parsed(string path)
        {
            if (new FileInfo(path).Length > FileBytes)
                throw new InvalidDataException(path + " is larger than a connection file");
            var map = Json.Parse(File.ReadAllText(path, MsgPack.Utf8)) as Dictionary<string, object>;
            if (map == null)
                throw new InvalidDataException(path + " holds no map");
            return map;
        }

        /// <summary>Only this machine is ever spoken to.</summary>
        private static IPEndPoint Endpoint(Fields file, string name)
        {
            string text = file.Text(name);
            int colon = text.LastIndexOf(':');
            IPAddress address = null;
            ushort port = 0;
            bool readable = text.StartsWith(Scheme, StringComparison.Ordinal) && colon > Scheme.Length
                && IPAddress.TryParse(text.Substring(Scheme.Length, colon - Scheme.Length).Trim('[', ']'), out address)
                && ushort.TryParse(text.Substring(colon + 1), out port);
            if (!readable || !IPAddress.IsLoopback(address))
                throw NpcVoiceError.Bad(name + " must be tcp:// and an address of this machine", name);
            return new IPEndPoint(address, port);
        }
    }
}
