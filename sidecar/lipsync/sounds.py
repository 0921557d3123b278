"""How each phoneme shapes the mouth, in the fifteen visemes of Oculus Lipsync (OVR).

Which sound belongs to which viseme follows Meta's viseme reference ("p, b, m" are PP and so on) and the
MPEG-4 groups it builds on; the weights are ours. They say how much a sound insists on its shape: lips
that must meet insist wholly, a tongue behind the teeth leaves room for the vowel beside it.
Symbols are those of Kokoro's alphabet: English and Mandarin, and the IPA that a lexicon may use.
"""

#: The visemes; a shape's id is its place here.
SHAPES = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "ih", "oh", "ou")

#: Shape -> weight in 0..1, together at most 1; what is missing to 1 is the neutral face.
Pose = dict[str, float]

SILENCE: Pose = {"sil": 1.0}


def _table(*rows: tuple[str, Pose]) -> dict[str, Pose]:
    return {symbol: pose for symbols, pose in rows for symbol in symbols}


#: Vowels, as open as they are under stress.
VOWELS: dict[str, Pose] = _table(
    ("ɑa", {"aa": 1.0}),
    ("ɐʌ", {"aa": 0.75}),
    ("æ", {"aa": 0.6, "E": 0.4}),
    ("eɛ", {"E": 0.95}),
    ("ə", {"E": 0.5, "aa": 0.15}),
    ("ᵊ", {"E": 0.35}),
    ("ɜ", {"E": 0.5, "oh": 0.25}),
    ("ɚ", {"RR": 0.6, "E": 0.3}),
    ("ɤ", {"E": 0.45, "aa": 0.35}),
    ("i", {"ih": 1.0}),
    ("ɪᵻ", {"ih": 0.8}),
    ("ɨɯ", {"ih": 0.65}),
    ("ɔo", {"oh": 1.0}),
    ("ɒ", {"oh": 0.65, "aa": 0.35}),
    ("øœ", {"oh": 0.6, "E": 0.3}),
    ("ʊ", {"ou": 0.8}),
    ("u", {"ou": 1.0}),
    ("y", {"ou": 0.75, "ih": 0.25}),
)

#: One symbol, two shapes one after the other: day, my, go (American, British), now, boy.
DIPHTHONGS: dict[str, tuple[Pose, Pose]] = {
    "A": ({"E": 0.95}, {"ih": 0.8}),
    "I": ({"aa": 1.0}, {"ih": 0.8}),
    "O": ({"oh": 1.0}, {"ou": 0.85}),
    "Q": ({"E": 0.5, "oh": 0.3}, {"ou": 0.85}),
    "W": ({"aa": 1.0}, {"ou": 0.8}),
    "Y": ({"oh": 1.0}, {"ih": 0.8}),
}

#: What consonants insist on; the rest is the neighbouring vowel's.
CONSONANTS: dict[str, Pose] = _table(
    ("pbm", {"PP": 1.0}),
    ("fv", {"FF": 1.0}),
    ("ɸβʋ", {"FF": 0.7}),
    ("θð", {"TH": 0.8}),
    ("tdʈɖ", {"DD": 0.6}),
    ("Tɾ", {"DD": 0.4}),
    ("nɳɲ", {"nn": 0.6}),
    ("lʎ", {"nn": 0.5}),
    ("kɡŋcɟqɴxçʝɣχʁɰ", {"kk": 0.5}),
    ("hʔ", {"kk": 0.2}),
    ("sSzʦʣ", {"SS": 0.75}),
    ("ʃʒʧʤꭧʂ", {"CH": 0.8}),
    ("ɕʨʥ", {"CH": 0.6}),
    ("ɹɻrɽ", {"RR": 0.65, "ou": 0.1}),
    ("j", {"ih": 0.6}),
    ("w", {"ou": 0.85}),
    ("ɥ", {"ou": 0.7, "ih": 0.15}),
)

#: Symbols of the sound before them: length, palatal or rounded colour, nasality, tones.
TONES = frozenset("→↗↘↓")
OF_THE_LAST = frozenset("ːʲᵝ\u0303") | TONES
#: Symbols of the sound after them: aspiration has the next vowel's mouth; stress, and how far it opens.
STRESS = {"ˈ": 1.0, "ˌ": 0.9}
OF_THE_NEXT = frozenset("ʰ") | STRESS.keys()
#: Symbols at which nothing is said.
RESTS = frozenset(' ;:,.!?—…"()“”')
