using System;
using System.IO;
using System.Runtime.InteropServices;

namespace NpcVoice
{
    /// <summary>Where models, caches and the connection file live on this machine.</summary>
    public static class Home
    {
        /// <summary><c>NPC_VOICE_HOME</c>, or the platform's folder for user data.</summary>
        public static string Folder()
        {
            string given = Environment.GetEnvironmentVariable("NPC_VOICE_HOME");
            return string.IsNullOrEmpty(given) ? Path.Combine(UserData(), "npc-voice") : given;
        }

        public static string ConnectionFile()
        {
            return Path.Combine(Folder(), "connection.json");
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
