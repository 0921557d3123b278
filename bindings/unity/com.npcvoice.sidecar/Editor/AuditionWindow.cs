using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;
using UnityEditor;
using UnityEngine;

namespace NpcVoice
{
    /// <summary>
    /// Says a line in the editor, by a member of a cast or any speaker. While the window is open its sidecar
    /// stays, so that entering play mode need not wait for one.
    /// </summary>
    public sealed class AuditionWindow : EditorWindow
    {
        private static readonly string[] NothingYet = new string[0];

        private NpcVoiceClient _client;
        private Cast _cast;
        private int _member;
        private string _text = "Halt! Who goes there?";
        private string[] _speakers = NothingYet;
        private string[] _emotions = NothingYet;
        private int _speaker;
        private int _emotion;
        private float _intensity = 0.5f;
        private string _status = "";
        private bool _isBusy;

        [MenuItem("Window/NPC Voice/Audition")]
        public static void Open()
        {
            GetWindow<AuditionWindow>("NPC Voice");
        }

        private void OnEnable()
        {
            _client = new NpcVoiceClient(new NpcVoiceOptions { Start = true });
            Run(FetchLists, "looking for a sidecar");
        }

        private void OnDisable()
        {
            _client.Dispose();
            _client = null;
        }

        private void OnGUI()
        {
            _cast = (Cast)EditorGUILayout.ObjectField("Cast", _cast, typeof(Cast), false);
            if (_cast == null)
                ChooseSpeaker();
            else
                _member = EditorGUILayout.Popup("Character", _member, MemberNames());
            _text = EditorGUILayout.TextArea(_text, GUILayout.MinHeight(40));
            EditorGUI.BeginDisabledGroup(_isBusy);
            if (GUILayout.Button("Say"))
                Run(Audition, "speaking");
            EditorGUI.EndDisabledGroup();
            EditorGUILayout.HelpBox(_status, MessageType.Info);
        }

        private void ChooseSpeaker()
        {
            _speaker = EditorGUILayout.Popup("Speaker", _speaker, _speakers);
            _emotion = EditorGUILayout.Popup("Emotion", _emotion, _emotions);
            _intensity = EditorGUILayout.Slider("Intensity", _intensity, 0, 1);
        }

        private string[] MemberNames()
        {
            return _cast.Members.ConvertAll(member => member.Character).ToArray();
        }

        private async Task FetchLists()
        {
            SpeakersReply speakers = await _client.Speakers();
            IReadOnlyList<EmotionRow> emotions = await _client.Emotions();
            _speakers = speakers.Speakers.Select(row => row.Name).ToArray();
            _emotions = emotions.Select(row => row.Name).ToArray();
            _speaker = Math.Max(0, Array.IndexOf(_speakers, speakers.Default));
            _status = _speakers.Length + " speakers, " + _emotions.Length + " emotions";
        }

        private async Task Audition()
        {
            if (_speakers.Length == 0)
                await FetchLists();
            string text = _cast == null ? _text : _cast.Pronounced(_text);
            Line line = await _client.Say(text, Options());
            float[] samples = line.ToFloats();
            AudioClip clip = AudioClip.Create(
                "audition", line.Frames, line.Channels, line.SampleRateHz, false);
            clip.SetData(samples, 0);
            Preview.Play(clip);
            _status = line.DurationS.ToString("0.0") + " s by " + line.Model.Name + " " + line.Model.Version;
        }

        private SayOptions Options()
        {
            if (_cast != null && _cast.Members.Count > 0)
                return _cast.Members[Math.Min(_member, _cast.Members.Count - 1)].ToOptions();
            return new SayOptions
            {
                Speaker = _speakers[_speaker], Emotion = _emotions[_emotion], Intensity = _intensity,
            };
        }

        /// <summary>Does some work and says in the window how it went; the window may be closed meanwhile.</summary>
        private async void Run(Func<Task> work, string doing)
        {
            _isBusy = true;
            _status = doing + " ...";
            try
            {
                await work();
            }
            catch (NpcVoiceError error)
            {
                _status = error.Message;
            }
            finally
            {
                _isBusy = false;
                if (_client != null)
                    Repaint();
            }
        }
    }

    /// <summary>Plays a clip outside play mode. Unity has no public way, so its own is looked up.</summary>
    internal static class Preview
    {
        private const BindingFlags Any = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

        public static void Play(AudioClip clip)
        {
            Type util = typeof(AudioImporter).Assembly.GetType("UnityEditor.AudioUtil");
            MethodInfo play = util?.GetMethod(
                "PlayPreviewClip", Any, null, new[] { typeof(AudioClip), typeof(int), typeof(bool) }, null);
            if (play == null)
                throw new NpcVoiceError("unsupported", "this version of Unity plays no clips outside play mode");
            play.Invoke(null, new object[] { clip, 0, false });
        }
    }
}
