using System;
using System.IO;
using NUnit.Framework;

namespace NpcVoice.Tests
{
    /// <summary>What the caller of these tests has prepared for them, in environment variables.</summary>
    internal static class Prepared
    {
        public const string Halt = "Halt! Who goes there?";

        public static string Vectors
        {
            get { return Of("NPC_VOICE_TEST_VECTORS"); }
        }

        /// <summary>The connection file of a sidecar that all tests share.</summary>
        public static string ConnectionFile
        {
            get { return Of("NPC_VOICE_TEST_CONNECTION"); }
        }

        /// <summary>Connection files of peers that misbehave, and what comes of each.</summary>
        public static string Hostile
        {
            get { return Of("NPC_VOICE_TEST_HOSTILE"); }
        }

        public static string Python
        {
            get { return Of("NPC_VOICE_TEST_PYTHON"); }
        }

        /// <summary>A folder for what tests write.</summary>
        public static string Folder
        {
            get { return Of("NPC_VOICE_TEST_FOLDER"); }
        }

        public static string TavernDialogue
        {
            get { return Of("NPC_VOICE_TEST_TAVERN"); }
        }

        /// <summary>The data folder of sidecars that tests start.</summary>
        public static string Home
        {
            get { return Of("NPC_VOICE_TEST_HOME"); }
        }

        /// <summary>A file with the samples of <see cref="Halt"/> as the Python client hears them.</summary>
        public static string HaltSound
        {
            get { return Of("NPC_VOICE_TEST_SOUND"); }
        }

        /// <summary>A client of the shared sidecar.</summary>
        public static NpcVoiceClient Client()
        {
            return new NpcVoiceClient(new NpcVoiceOptions { ConnectionFile = ConnectionFile, TimeoutS = 30 });
        }

        public static bool IsRunning(int pid)
        {
            string state = "/proc/" + pid + "/stat";
            return File.Exists(state) && !File.ReadAllText(state).Contains(") Z ");
        }

        private static string Of(string variable)
        {
            string value = Environment.GetEnvironmentVariable(variable);
            if (string.IsNullOrEmpty(value))
                Assert.Fail(variable + " is not set: run these tests through tests/bindings/test_mono.py");
            return value;
        }
    }
}
