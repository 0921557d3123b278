// A stand-in for the part of UnityEditor that the package uses: it only has to compile.
using System;
using UnityEngine;

namespace UnityEditor
{
    [AttributeUsage(AttributeTargets.Class)]
    public sealed class InitializeOnLoadAttribute : Attribute
    {
    }

    [AttributeUsage(AttributeTargets.Method)]
    public sealed class MenuItem : Attribute
    {
        public MenuItem(string itemName)
        {
        }
    }

    public enum PlayModeStateChange
    {
        EnteredEditMode,
        ExitingEditMode,
        EnteredPlayMode,
        ExitingPlayMode,
    }

    public enum MessageType
    {
        None,
        Info,
        Warning,
        Error,
    }

    public static class EditorApplication
    {
        public static event Action<PlayModeStateChange> playModeStateChanged;

        public static event Action quitting;

        /// <summary>Not part of Unity in this form.</summary>
        public static void Tell(PlayModeStateChange change)
        {
            playModeStateChanged?.Invoke(change);
        }

        public static void Quit()
        {
            quitting?.Invoke();
        }
    }

    public static class AssemblyReloadEvents
    {
        public delegate void AssemblyReloadCallback();

        public static event AssemblyReloadCallback beforeAssemblyReload;

        /// <summary>Not part of Unity in this form.</summary>
        public static void Reload()
        {
            beforeAssemblyReload?.Invoke();
        }
    }

    public sealed class AudioImporter
    {
    }

    public class EditorWindow : ScriptableObject
    {
        public static T GetWindow<T>(string title)
            where T : EditorWindow, new()
        {
            return new T();
        }

        public void Repaint()
        {
        }
    }

    public static class EditorGUI
    {
        public static void BeginDisabledGroup(bool disabled)
        {
        }

        public static void EndDisabledGroup()
        {
        }
    }

    public static class EditorGUILayout
    {
        public static UnityEngine.Object ObjectField(
            string label, UnityEngine.Object value, Type type, bool allowSceneObjects, params GUILayoutOption[] options)
        {
            return value;
        }

        public static int Popup(string label, int selected, string[] shown, params GUILayoutOption[] options)
        {
            return selected;
        }

        public static string TextArea(string text, params GUILayoutOption[] options)
        {
            return text;
        }

        public static float Slider(string label, float value, float least, float most, params GUILayoutOption[] options)
        {
            return value;
        }

        public static void HelpBox(string message, MessageType type)
        {
        }
    }
}
