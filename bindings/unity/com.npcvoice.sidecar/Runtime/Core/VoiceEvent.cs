using System.Collections.Generic;

namespace NpcVoice
{
    /// <summary>
    /// What the sidecar told everybody, for instance <c>model.live</c>. The fields of each event are in the
    /// protocol's table; the readers throw <see cref="NpcVoiceError"/> (bad_reply) for one that is not there.
    /// </summary>
    public sealed class VoiceEvent
    {
        private readonly Fields _fields;

        internal VoiceEvent(string name, Dictionary<string, object> fields)
        {
            Name = name;
            _fields = new Fields(fields, name + ".");
        }

        public string Name { get; }

        public bool Has(string field)
        {
            return _fields.Has(field);
        }

        public string Text(string field)
        {
            return _fields.Text(field);
        }

        public double Number(string field)
        {
            return _fields.Number(field);
        }

        public bool Flag(string field)
        {
            return _fields.Flag(field);
        }
    }
}
