"""A packed dictionary says what the one that it was made of says."""

from sidecar.text.packed import PackedDictionary

ENTRIES = {
    "": "nothing", "a": "ɐ", "A": "ˈA", "ab": "x", "a b": "y", "é": "z", "能": "w", "zz": "last",
    "lead": {"DEFAULT": "lˈid", "NOUN": "lˈɛd", "X": None},
}  # fmt: skip


def test_every_entry_is_found_and_nothing_else():
    packed = PackedDictionary(ENTRIES)
    assert len(packed) == len(ENTRIES)
    for word, said in ENTRIES.items():
        assert word in packed and packed.get(word) == said
    for word in ("b", "aa", "zzz", "Z", "a\tɐ", "\ud800", "a\n"):
        assert word not in packed and packed.get(word) is None
    assert PackedDictionary({}).get("a") is None
