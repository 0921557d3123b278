using System.Collections.Generic;
using UnityEngine;

namespace NpcVoice
{
    /// <summary>Who speaks how, and how names are pronounced: one asset for a game.</summary>
    [CreateAssetMenu(fileName = "Cast", menuName = "NPC Voice/Cast")]
    public sealed class Cast : ScriptableObject
    {
        public List<CastMember> Members = new List<CastMember>();

        public List<Pronunciation> Pronunciations = new List<Pronunciation>();

        private Lexicon _lexicon;

        /// <summary>
        /// How a character speaks. Throws <see cref="NpcVoiceError"/> (bad_request) for one who is not in it.
        /// </summary>
        public CastMember Member(string character)
        {
            foreach (CastMember member in Members)
                if (member.Character == character)
                    return member;
            throw new NpcVoiceError(
                NpcVoiceError.BadRequest,
                "there is no character '" + character + "' in the cast " + name
                    + Names.DidYouMean(character, Members.ConvertAll(member => member.Character)),
                "character");
        }

        /// <summary>The line with the cast's pronunciations in it.</summary>
        public string Pronounced(string text)
        {
            if (_lexicon == null)
                _lexicon = new Lexicon(Pronunciations);
            return _lexicon.Apply(text);
        }

        /// <summary>The inspector has changed it.</summary>
        private void OnValidate()
        {
            _lexicon = null;
        }
    }
}
