using UnityEngine;

namespace NpcVoice
{
    /// <summary>
    /// The client that all speakers of a game share. It is made when it is first used, and closed when the game
    /// quits, play mode is left, or scripts are reloaded.
    /// </summary>
    public static class SharedSidecar
    {
        private static NpcVoiceClient _client;

        /// <summary>How the client is made; to be set before it is first used. A sidecar is started by default.</summary>
        public static NpcVoiceOptions Options { get; set; } = new NpcVoiceOptions { Start = true };

        public static NpcVoiceClient Client
        {
            get { return _client ?? (_client = new NpcVoiceClient(Options)); }
        }

        /// <summary>Closes the client and ends the sidecar if it is ours. The next use makes another.</summary>
        public static void Close()
        {
            _client?.Dispose();
            _client = null;
        }

        /// <summary>Statics outlive play mode where the editor does not reload the domain.</summary>
        [RuntimeInitializeOnLoadMethod(RuntimeInitializeLoadType.SubsystemRegistration)]
        private static void BeginPlay()
        {
            Close();
            Application.quitting -= Close;
            Application.quitting += Close;
        }
    }
}
