using System.Collections.Generic;
using UnityEngine;

namespace NpcVoice.Samples
{
    /// <summary>
    /// Three characters who talk in turn. Put it on an empty object in an empty scene and press Play: it builds
    /// the rest. "Angry" (key A) makes everybody angry, "Swap" (key V) gives them the other version of their
    /// voice while they talk.
    /// </summary>
    public sealed class Tavern : MonoBehaviour
    {
        private const float SpacingM = 2;

        private readonly Dictionary<string, Guest> _guests = new Dictionary<string, Guest>();
        private List<Dictionary<string, string>> _lines;
        private int _next;
        private bool _isAngry;
        private string _subtitle = "";

        /// <summary>How many lines have been said or shown.</summary>
        public int LinesSaid { get; private set; }

        /// <summary>What the last button did.</summary>
        public string Status { get; private set; } = "";

        public IEnumerable<Guest> Guests
        {
            get { return _guests.Values; }
        }

        /// <summary>Everybody is angry from the next line on, or as written again.</summary>
        public void ToggleAnger()
        {
            _isAngry = !_isAngry;
            Status = _isAngry ? "everybody is angry" : "everybody is as written";
        }

        /// <summary>Makes another version of the live voice the live one, if one is there.</summary>
        public async void SwapVoice()
        {
            try
            {
                Status = await Swapped();
            }
            catch (NpcVoiceError error)
            {
                Status = error.Message;
            }
        }

        private static async System.Threading.Tasks.Task<string> Swapped()
        {
            NpcVoiceClient client = SharedSidecar.Client;
            IReadOnlyList<ModelRow> models = await client.Models();
            foreach (ModelRow model in models)
                if (model.State == "ready")
                {
                    await client.Activate(model.Name + "@" + model.Version);
                    return "the voice changes to " + model.Name + " " + model.Version;
                }
            return "there is no other voice: drop a pack into the models folder";
        }

        private void Start()
        {
            _lines = Csv.Parse(Resources.Load<TextAsset>("tavern_dialogue").text);
            foreach (Dictionary<string, string> line in _lines)
                if (!_guests.ContainsKey(line["speaker"]))
                    _guests.Add(line["speaker"], Seat(line));
            SayNext();
        }

        private Guest Seat(Dictionary<string, string> line)
        {
            var guest = new Guest(line["speaker"], new Vector3(SpacingM * _guests.Count, 0, 4));
            guest.Speaker.Voice.Speaker = line["voice"];
            guest.Speaker.Voice.Language = line["language"];
            guest.Speaker.LineStarted += text => _subtitle = line["speaker"] + ": " + text;
            guest.Speaker.LineFinished += text => SayNext();
            guest.Speaker.LineFailed += (text, error) => SayNext();
            return guest;
        }

        private void SayNext()
        {
            Dictionary<string, string> line = _lines[_next++ % _lines.Count];
            if (_next > 1)
                LinesSaid++;
            string emotion = _isAngry ? "angry" : line["mood"];
            _guests[line["speaker"]].Speaker.Say(line["text"], emotion, 0.7f);
        }

        private void Update()
        {
            foreach (Guest guest in _guests.Values)
                guest.MoveMouth();
        }

        private void OnDestroy()
        {
            foreach (Guest guest in _guests.Values)
                guest.Leave();
        }

        private void OnGUI()
        {
            if (GUILayout.Button("Angry (A)") || IsPressed(KeyCode.A))
                ToggleAnger();
            if (GUILayout.Button("Swap (V)") || IsPressed(KeyCode.V))
                SwapVoice();
            GUILayout.Label(Status);
            GUILayout.Label(_subtitle);
        }

        private static bool IsPressed(KeyCode key)
        {
            return Event.current.type == EventType.KeyDown && Event.current.keyCode == key;
        }
    }

    /// <summary>A body with a mouth that opens as wide as the speech asks for.</summary>
    public sealed class Guest
    {
        private readonly GameObject _body;
        private readonly Transform _mouth;

        public Guest(string name, Vector3 place)
        {
            _body = GameObject.CreatePrimitive(PrimitiveType.Capsule);
            _body.name = name;
            _body.transform.position = place;
            _mouth = GameObject.CreatePrimitive(PrimitiveType.Sphere).transform;
            _mouth.SetParent(_body.transform, false);
            _mouth.localPosition = new Vector3(0, 0.5f, -0.45f);
            Speaker = _body.AddComponent<NpcSpeaker>();
            MoveMouth();
        }

        public NpcSpeaker Speaker { get; }

        /// <summary>0 is shut, 1 as wide as it goes.</summary>
        public float Openness { get; private set; }

        public void MoveMouth()
        {
            IReadOnlyList<float> weights = Speaker.MouthWeights;
            Openness = 0;
            for (int id = 0; id < weights.Count; id++)
                Openness += weights[id] * Opening(id);
            _mouth.localScale = new Vector3(0.3f, 0.03f + 0.2f * Openness, 0.1f);
        }

        public void Leave()
        {
            Object.Destroy(_mouth.gameObject);
            Object.Destroy(_body);
        }

        /// <summary>How far a mouth shape opens the jaw: vowels most, lips pressed together not at all.</summary>
        private static float Opening(int id)
        {
            const int firstVowel = 10;
            return id >= firstVowel ? 1 : id > 1 ? 0.3f : 0;
        }
    }
}
