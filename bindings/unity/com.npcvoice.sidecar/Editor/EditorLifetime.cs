using UnityEditor;

namespace NpcVoice
{
    /// <summary>Closes the shared client before scripts are reloaded and when play mode is left.</summary>
    [InitializeOnLoad]
    internal static class EditorLifetime
    {
        static EditorLifetime()
        {
            AssemblyReloadEvents.beforeAssemblyReload += SharedSidecar.Close;
            EditorApplication.quitting += SharedSidecar.Close;
            EditorApplication.playModeStateChanged += OnPlayMode;
        }

        private static void OnPlayMode(PlayModeStateChange change)
        {
            if (change == PlayModeStateChange.ExitingPlayMode)
                SharedSidecar.Close();
        }
    }
}
