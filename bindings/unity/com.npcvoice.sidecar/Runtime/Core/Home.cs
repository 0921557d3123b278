using System;
using System.IO;
using System.Runtime.InteropServices;

namespace NpcVoice
{
    /// <summary>Where models, caches and the connection file live on this machine.</summary>
    public static class Home
    {
        private const string WinesRoot = "Z:";

        /// <summary><c>NPC_VOICE_HOME</c>, or the platform's folder for user data.</summary>
        public static string Folder()
        {
            string given = Environment.GetEnvironmentVariable("NPC_VOICE_HOME");
            return string.IsNullOrEmpty(given)
                ? Path.Combine(UserData(), "npc-voice") : LocalPath(given, "NPC_VOICE_HOME");
        }

        public static string ConnectionFile()
        {
            return Path.Combine(Folder(), "connection.json");
        }

        /// <summary>
        /// The path as this system calls it: Wine and Proton show a game for Windows the whole of Linux as drive
        /// Z:. Throws <see cref="NpcVoiceError"/> (bad_request) for a drive that only Wine knows.
        /// </summary>
        internal static string LocalPath(string path, string field)
        {
            string slashed = path.Replace('\\', '/');
            if (RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
            {
                bool isOfUnix = slashed.StartsWith("/", StringComparison.Ordinal)
                    && !slashed.StartsWith("//", StringComparison.Ordinal);
                return isOfUnix && File.Exists(WinesRoot + "/etc/passwd") ? WinesRoot + slashed : path;
            }
            if (slashed.Length < 3 || !char.IsLetter(slashed[0]) || slashed[1] != ':' || slashed[2] != '/')
                return path;
            if (char.ToUpperInvariant(slashed[0]) == WinesRoot[0])
                return slashed.Substring(WinesRoot.Length);
            throw new NpcVoiceError(
                NpcVoiceError.BadRequest,
                path + " is a path of Windows, which this system does not know: drive C: of Wine or Proton is the"
                + " folder drive_c of its prefix", field);
        }

        private static string UserData()
        {
            if (RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
                return Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
            string user = Environment.GetEnvironmentVariable("HOME") ?? "/";
            if (RuntimeInformation.IsOSPlatform(OSPlatform.OSX))
                return Path.Combine(user, "Library", "Application Support");
            string given = (Environment.GetEnvironmentVariable("XDG_DATA_HOME") ?? "").Trim();
            return given.Length > 0 ? given : Path.Combine(user, ".local", "share");
        }
    }
}
