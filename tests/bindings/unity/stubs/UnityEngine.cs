// A stand-in for the part of UnityEngine that the package uses, written from its public documentation. It
// proves that our code compiles and keeps to the main thread; it proves nothing about Unity itself.
using System;
using System.Collections.Generic;
using System.Reflection;
using System.Threading;

namespace UnityEngine
{
    [AttributeUsage(AttributeTargets.Class)]
    public sealed class RequireComponent : Attribute
    {
        public readonly Type Required;

        public RequireComponent(Type required)
        {
            Required = required;
        }
    }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class AddComponentMenu : Attribute
    {
        public AddComponentMenu(string menuName)
        {
        }
    }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class TooltipAttribute : Attribute
    {
        public TooltipAttribute(string tooltip)
        {
        }
    }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class CreateAssetMenuAttribute : Attribute
    {
        public string fileName { get; set; }

        public string menuName { get; set; }
    }

    public enum RuntimeInitializeLoadType
    {
        AfterSceneLoad,
        BeforeSceneLoad,
        AfterAssembliesLoaded,
        BeforeSplashScreen,
        SubsystemRegistration,
    }

    [AttributeUsage(AttributeTargets.Method)]
    public sealed class RuntimeInitializeOnLoadMethodAttribute : Attribute
    {
        public RuntimeInitializeOnLoadMethodAttribute(RuntimeInitializeLoadType loadType)
        {
        }
    }

    /// <summary>Stands in for the engine's loop; not part of Unity.</summary>
    public static class Engine
    {
        private static readonly List<GameObject> Scene = new List<GameObject>();
        private static int _mainThread;

        public static int ClipsAlive { get; internal set; }

        /// <summary>This thread is the main one from now on, and the scene is empty.</summary>
        public static void Begin()
        {
            _mainThread = Thread.CurrentThread.ManagedThreadId;
            foreach (GameObject gone in new List<GameObject>(Scene))
                Object.Destroy(gone);
            Scene.Clear();
            Debug.Lines.Clear();
            AudioListener.pause = false;
        }

        public static void CheckThread()
        {
            if (Thread.CurrentThread.ManagedThreadId != _mainThread)
                throw new InvalidOperationException("the engine was called from another thread than the main one");
        }

        /// <summary>One frame of so many seconds: sound goes on, then everybody is updated.</summary>
        public static void Frame(float seconds)
        {
            Time.deltaTime = seconds;
            for (int i = 0; i < Scene.Count; i++)
                Scene[i].Each(Moment.Sound);
            for (int i = 0; i < Scene.Count; i++)
                Scene[i].Each(Moment.Update);
            for (int i = 0; i < Scene.Count; i++)
                Scene[i].Each(Moment.LateUpdate);
            for (int i = 0; i < Scene.Count; i++)
                Scene[i].Each(Moment.Gui);
        }

        internal static void Add(GameObject made)
        {
            CheckThread();
            Scene.Add(made);
        }

        internal static void Remove(GameObject gone)
        {
            Scene.Remove(gone);
        }
    }

    internal enum Moment
    {
        Sound,
        Update,
        LateUpdate,
        Gui,
    }

    public class Object
    {
        public string name = "";

        public static void Destroy(Object gone)
        {
            Engine.CheckThread();
            gone.OnDestroyed();
        }

        internal virtual void OnDestroyed()
        {
        }
    }

    public class Component : Object
    {
        public GameObject gameObject { get; internal set; }

        public Transform transform
        {
            get { return gameObject.transform; }
        }

        public T GetComponent<T>()
            where T : Component
        {
            return gameObject.GetComponent<T>();
        }
    }

    public class Transform : Component
    {
        public Vector3 position { get; set; }

        public Vector3 localPosition { get; set; }

        public Vector3 localScale { get; set; }

        public void SetParent(Transform parent, bool worldPositionStays)
        {
        }
    }

    public class Behaviour : Component
    {
        public bool enabled = true;

        public bool isActiveAndEnabled
        {
            get { return enabled && gameObject != null; }
        }
    }

    public class MonoBehaviour : Behaviour
    {
        private Action _update;
        private Action _lateUpdate;
        private Action _gui;
        private Action _start;

        internal void Wake()
        {
            _update = Message("Update");
            _lateUpdate = Message("LateUpdate");
            _gui = Message("OnGUI");
            _start = Message("Start");
            Message("Awake")?.Invoke();
            Message("OnEnable")?.Invoke();
        }

        internal void At(Moment moment)
        {
            if (!enabled)
                return;
            if (moment == Moment.Update)
            {
                Action start = _start;
                _start = null;
                start?.Invoke();
                _update?.Invoke();
            }
            else if (moment == Moment.LateUpdate)
            {
                _lateUpdate?.Invoke();
            }
            else
            {
                _gui?.Invoke();
            }
        }

        internal Action Message(string method)
        {
            const BindingFlags any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
            MethodInfo found = GetType().GetMethod(method, any, null, Type.EmptyTypes, null);
            return found == null ? null : (Action)Delegate.CreateDelegate(typeof(Action), this, found);
        }

        internal override void OnDestroyed()
        {
            Message("OnDisable")?.Invoke();
            Message("OnDestroy")?.Invoke();
            enabled = false;
        }
    }

    public class ScriptableObject : Object
    {
        public static T CreateInstance<T>()
            where T : ScriptableObject, new()
        {
            return new T();
        }
    }

    public enum PrimitiveType
    {
        Sphere,
        Capsule,
        Cylinder,
        Cube,
        Plane,
        Quad,
    }

    public sealed class GameObject : Object
    {
        private readonly List<Component> _components = new List<Component>();

        public GameObject(string name)
        {
            this.name = name;
            Engine.Add(this);
            transform = new Transform { gameObject = this };
        }

        public Transform transform { get; }

        public static GameObject CreatePrimitive(PrimitiveType type)
        {
            return new GameObject(type.ToString());
        }

        public T AddComponent<T>()
            where T : Component, new()
        {
            foreach (RequireComponent need in typeof(T).GetCustomAttributes(typeof(RequireComponent), true))
                if (!_components.Exists(there => need.Required.IsInstanceOfType(there)))
                    Add((Component)Activator.CreateInstance(need.Required));
            var made = new T();
            Add(made);
            return made;
        }

        public T GetComponent<T>()
            where T : Component
        {
            return (T)_components.Find(there => there is T);
        }

        internal void Each(Moment moment)
        {
            for (int i = 0; i < _components.Count; i++)
            {
                if (moment == Moment.Sound)
                    (_components[i] as AudioSource)?.Sound(Time.deltaTime);
                else
                    (_components[i] as MonoBehaviour)?.At(moment);
            }
        }

        internal override void OnDestroyed()
        {
            foreach (Component part in _components)
                part.OnDestroyed();
            Engine.Remove(this);
        }

        private void Add(Component made)
        {
            made.gameObject = this;
            _components.Add(made);
            (made as MonoBehaviour)?.Wake();
        }
    }

    public sealed class AudioClip : Object
    {
        private AudioClip()
        {
        }

        public int samples { get; private set; }

        public int channels { get; private set; }

        public int frequency { get; private set; }

        public float length
        {
            get { return (float)samples / frequency; }
        }

        /// <summary>What was set; not part of Unity.</summary>
        public float[] Content { get; private set; }

        public static AudioClip Create(string name, int lengthSamples, int channels, int frequency, bool stream)
        {
            Engine.CheckThread();
            if (lengthSamples <= 0 || channels <= 0 || frequency <= 0)
                throw new ArgumentException("a clip needs samples, channels and a frequency");
            Engine.ClipsAlive++;
            return new AudioClip { name = name, samples = lengthSamples, channels = channels, frequency = frequency };
        }

        public bool SetData(float[] data, int offsetSamples)
        {
            Engine.CheckThread();
            Content = data;
            return true;
        }

        internal override void OnDestroyed()
        {
            Engine.ClipsAlive--;
        }
    }

    public sealed class AudioListener : Behaviour
    {
        public static bool pause { get; set; }
    }

    public sealed class AudioSource : Behaviour
    {
        private bool _plays;
        private bool _isPaused;
        private float _time;
        private AudioClip _clip;

        /// <summary>Every sample that was heard, whole clips only; not part of Unity.</summary>
        public readonly List<float> Heard = new List<float>();

        public AudioClip clip
        {
            get { return Checked(_clip); }
            set { _clip = Checked(value); }
        }

        public bool loop { get; set; }

        public float spatialBlend { get; set; }

        public bool isPlaying
        {
            get { return Checked(_plays && !_isPaused && !AudioListener.pause); }
        }

        public float time
        {
            get { return Checked(_time); }
        }

        public void Play()
        {
            Engine.CheckThread();
            _plays = _clip != null;
            _isPaused = false;
            _time = 0;
        }

        public void Stop()
        {
            Engine.CheckThread();
            _plays = false;
            _time = 0;
        }

        public void Pause()
        {
            _isPaused = true;
        }

        public void UnPause()
        {
            _isPaused = false;
        }

        internal void Sound(float seconds)
        {
            if (!_plays || _isPaused || AudioListener.pause)
                return;
            _time += seconds;
            if (_time < _clip.length)
                return;
            Heard.AddRange(_clip.Content);
            _plays = false;
            _time = 0;
        }

        private static T Checked<T>(T value)
        {
            Engine.CheckThread();
            return value;
        }
    }

    public sealed class Mesh : Object
    {
        private readonly List<string> _shapes = new List<string>();

        /// <summary>Not part of Unity in this form.</summary>
        public void AddShape(string shape)
        {
            _shapes.Add(shape);
        }

        public int GetBlendShapeIndex(string blendShapeName)
        {
            return _shapes.IndexOf(blendShapeName);
        }
    }

    public sealed class SkinnedMeshRenderer : Component
    {
        private readonly Dictionary<int, float> _weights = new Dictionary<int, float>();

        public Mesh sharedMesh { get; set; }

        public float GetBlendShapeWeight(int index)
        {
            return _weights.TryGetValue(index, out float weight) ? weight : 0;
        }

        public void SetBlendShapeWeight(int index, float value)
        {
            Engine.CheckThread();
            _weights[index] = value;
        }
    }

    public static class Time
    {
        public static float deltaTime { get; internal set; }
    }

    public static class Application
    {
        public static event Action quitting;

        /// <summary>Not part of Unity in this form.</summary>
        public static void Quit()
        {
            quitting?.Invoke();
        }
    }

    public static class Debug
    {
        /// <summary>What was logged; not part of Unity.</summary>
        public static readonly List<string> Lines = new List<string>();

        public static void Log(object message)
        {
            Lines.Add("log: " + message);
        }

        public static void LogWarning(object message, Object context)
        {
            Lines.Add("warning: " + message);
        }

        public static void LogError(object message, Object context)
        {
            Lines.Add("error: " + message);
        }
    }

    public struct Vector3
    {
        public float x;
        public float y;
        public float z;

        public Vector3(float x, float y, float z)
        {
            this.x = x;
            this.y = y;
            this.z = z;
        }
    }

    public sealed class TextAsset : Object
    {
        public TextAsset(string text)
        {
            this.text = text;
        }

        public string text { get; }
    }

    public static class Resources
    {
        private static readonly Dictionary<string, Object> Assets = new Dictionary<string, Object>();

        /// <summary>Not part of Unity.</summary>
        public static void Add(string path, Object asset)
        {
            Assets[path] = asset;
        }

        public static T Load<T>(string path)
            where T : Object
        {
            return (T)Assets[path];
        }
    }

    public enum EventType
    {
        MouseDown = 0,
        KeyDown = 4,
        Repaint = 7,
    }

    public enum KeyCode
    {
        A = 97,
        V = 118,
    }

    public sealed class Event
    {
        public static Event current { get; set; } = new Event { type = EventType.Repaint };

        public EventType type { get; set; }

        public KeyCode keyCode { get; set; }
    }

    public sealed class GUILayoutOption
    {
    }

    public static class GUILayout
    {
        public static bool Button(string text, params GUILayoutOption[] options)
        {
            return false;
        }

        public static void Label(string text, params GUILayoutOption[] options)
        {
        }

        public static GUILayoutOption MinHeight(float minHeight)
        {
            return null;
        }
    }
}
