using System;
using System.Collections.Generic;
using UnityEngine;

namespace NpcVoice
{
    /// <summary>
    /// Gives a character a voice: <c>speaker.Say("Halt!")</c>. Sound comes out of the AudioSource beside it, so
    /// place, distance and mixer are set there; mouth shapes go to blend shapes of a face.
    /// </summary>
    [RequireComponent(typeof(AudioSource))]
    [AddComponentMenu("NPC Voice/NPC Speaker")]
    public sealed class NpcSpeaker : MonoBehaviour, ISpeechOutput
    {
        [Tooltip("Where the character below is looked up. Without one, the fields below are used.")]
        public Cast Cast;

        [Tooltip("The character's name in the cast.")]
        public string Character = "";

        [Tooltip("How the character speaks, where there is no cast.")]
        public CastMember Voice = new CastMember();

        [Tooltip("What becomes of a line while another is being said.")]
        public WhenBusy WhenBusy = WhenBusy.Queue;

        [Tooltip("bark, dialogue, ambient or bake: the more urgent is spoken first.")]
        public string Priority = "dialogue";

        [Tooltip("The face whose blend shapes move with the speech; none: no lip-sync.")]
        public SkinnedMeshRenderer Face;

        [Tooltip("The blend shape of each of the 15 mouth shapes, sil to ou; empty: none.")]
        public string[] BlendShapes = DefaultBlendShapes();

        [Tooltip("The weight of a blend shape that is whole.")]
        public float FullWeight = 100;

        private readonly int[] _shapes = new int[NpcVoice.Viseme.Count];
        private AudioSource _source;
        private AudioClip _clip;
        private Speech _speech;
        private bool _isPaused;
        private bool _isMouthMoved;
        private bool _hasWarned;

        /// <summary>A line begins to sound, or to be shown.</summary>
        public event Action<string> LineStarted;

        /// <summary>A word begins.</summary>
        public event Action<string> Word;

        /// <summary>A mouth shape (see <see cref="NpcVoice.Viseme"/>) begins, with its weight, 0 to 1.</summary>
        public event Action<int, float> Viseme;

        public event Action<string> LineFinished;

        /// <summary>A line ends early; with the code <c>cancelled</c> when another took its place.</summary>
        public event Action<string, NpcVoiceError> LineFailed;

        /// <summary>A line has no sound, because no sidecar is there: show it for so many seconds.</summary>
        public event Action<string, float> SubtitleOnly;

        /// <summary>Whom to speak through; null: <see cref="SharedSidecar.Client"/>.</summary>
        public NpcVoiceClient Client { get; set; }

        public bool IsSpeaking
        {
            get { return _speech != null && _speech.IsBusy; }
        }

        /// <summary>The 15 mouth shapes as they are now, for faces that are not made of blend shapes.</summary>
        public IReadOnlyList<float> MouthWeights
        {
            get { return _speech.MouthWeights; }
        }

        bool ISpeechOutput.IsPlaying
        {
            get { return _source.isPlaying || _isPaused || AudioListener.pause; }
        }

        double ISpeechOutput.PositionS
        {
            get { return _source.time; }
        }

        /// <summary>Says a line as this character; false when it is dropped.</summary>
        public bool Say(string text)
        {
            return Say(text, null, null);
        }

        /// <summary>Says a line in an emotion, 0 to 1 of it.</summary>
        public bool Say(string text, string emotion, float intensity = 0.5f)
        {
            SayOptions options = Defaults();
            if (options == null)
                return false;
            options.Emotion = emotion;
            options.Intensity = Math.Round((double)intensity, 4);
            return Say(text, options, null);
        }

        /// <summary>
        /// Says a line with options of its own (null: the character's) and a policy of its own (null:
        /// <see cref="WhenBusy"/>).
        /// </summary>
        public bool Say(string text, SayOptions options, WhenBusy? whenBusy)
        {
            options = options ?? Defaults();
            if (options == null || !isActiveAndEnabled)
                return false;
            string line = Cast == null ? text : Cast.Pronounced(text);
            return _speech.Say(Client ?? SharedSidecar.Client, line, options, whenBusy ?? WhenBusy);
        }

        /// <summary>How this character speaks; null, with an error in the console, when it is not in the cast.</summary>
        public SayOptions Defaults()
        {
            try
            {
                CastMember member = Cast == null ? Voice : Cast.Member(Character);
                SayOptions options = member.ToOptions();
                options.Priority = Priority;
                return options;
            }
            catch (NpcVoiceError error)
            {
                Debug.LogError(error.Message, this);
                return null;
            }
        }

        /// <summary>Ends the line and forgets those that wait.</summary>
        public void StopSpeaking()
        {
            _speech?.Stop();
        }

        /// <summary>Holds the line where it is, or goes on with it.</summary>
        public void Pause(bool isPaused)
        {
            _isPaused = isPaused;
            if (isPaused)
                _source.Pause();
            else
                _source.UnPause();
        }

        void ISpeechOutput.Play(float[] samples, int channels, int sampleRateHz)
        {
            ForgetClip();
            _clip = AudioClip.Create("line", samples.Length / channels, channels, sampleRateHz, false);
            _clip.SetData(samples, 0);
            _source.clip = _clip;
            _source.loop = false;
            _source.Play();
        }

        void ISpeechOutput.Stop()
        {
            _isPaused = false;
            _source.Stop();
            ForgetClip();
        }

        private static string[] DefaultBlendShapes()
        {
            var shapes = new string[NpcVoice.Viseme.Count];
            for (int id = 0; id < shapes.Length; id++)
                shapes[id] = "viseme_" + NpcVoice.Viseme.Names[id];
            return shapes;
        }

        private void Awake()
        {
            _source = GetComponent<AudioSource>();
            _speech = new Speech(this);
            _speech.LineStarted += text => LineStarted?.Invoke(text);
            _speech.Word += word => Word?.Invoke(word);
            _speech.Viseme += (id, weight) => Viseme?.Invoke(id, weight);
            _speech.LineFinished += text => LineFinished?.Invoke(text);
            _speech.LineFailed += Fail;
            _speech.SubtitleOnly += ShowOnly;
        }

        private void OnEnable()
        {
            for (int id = 0; id < _shapes.Length; id++)
                _shapes[id] = ShapeOf(id);
        }

        private void OnDisable()
        {
            _speech.Stop();
            ShutMouth();
        }

        private void Update()
        {
            _speech.Tick(Time.deltaTime);
        }

        /// <summary>After animations, which would overwrite the mouth.</summary>
        private void LateUpdate()
        {
            if (_speech.IsBusy)
                MoveMouth();
            else if (_isMouthMoved)
                ShutMouth();
        }

        private void MoveMouth()
        {
            _isMouthMoved = true;
            IReadOnlyList<float> weights = _speech.MouthWeights;
            for (int id = 0; id < _shapes.Length; id++)
                if (_shapes[id] >= 0)
                    Face.SetBlendShapeWeight(_shapes[id], FullWeight * weights[id]);
        }

        private void ShutMouth()
        {
            if (_isMouthMoved)
                MoveMouth();
            _isMouthMoved = false;
        }

        private int ShapeOf(int id)
        {
            if (Face == null || id >= BlendShapes.Length || string.IsNullOrEmpty(BlendShapes[id]))
                return -1;
            return Face.sharedMesh.GetBlendShapeIndex(BlendShapes[id]);
        }

        private void ForgetClip()
        {
            if (_clip == null)
                return;
            _source.clip = null;
            Destroy(_clip);
            _clip = null;
        }

        private void Fail(string text, NpcVoiceError error)
        {
            if (error.Code != NpcVoiceError.Cancelled)
                Debug.LogWarning("NPC Voice could not say '" + text + "': " + error.Message, this);
            LineFailed?.Invoke(text, error);
        }

        /// <summary>One warning for a speaker, not one for a line.</summary>
        private void ShowOnly(string text, float seconds)
        {
            if (!_hasWarned)
                Debug.LogWarning("NPC Voice has no sidecar; lines are shown only", this);
            _hasWarned = true;
            SubtitleOnly?.Invoke(text, seconds);
        }
    }
}
