"""Readings of derived words from those of their stems."""

import time

import pytest

from sidecar.text.morphology import derive

#: A dictionary of a few words. Source: misaki 0.9.4's us_gold.json.
STEMS = {
    "hope": "hˈOp", "hop": "hˈɑp", "city": "sˈɪɾi", "orc": "ˈɔɹk", "respawn": "ɹispˈɔn", "wait": "wˈAt",
    "big": "bˈɪɡ", "happy": "hˈæpi", "slain": "slˈAn", "magic": "mˈæʤɪk", "cruel": "kɹˈuəl", "box": "bˈɑks",
    "friend": "fɹˈɛnd", "forgive": "fəɹɡˈɪv", "little": "lˈɪɾᵊl", "glass": "ɡlˈæs", "vampire": "vˈæmpˌIəɹ",
    "as": "ˈæz", "fumble": "fˈʌmbᵊl", "power": "pˈWəɹ", "goblin": "ɡˈɑblən",
}  # fmt: skip

#: Word, its reading, the rule that gives it.
DERIVED = (
    ("orcs", "ˈɔɹks", "s is voiceless after a voiceless consonant"),
    ("goblin's", "ɡˈɑblənz", "s is voiced after a voiced consonant"),
    ("boxes", "bˈɑksᵻz", "s has a vowel after a sibilant"),
    ("cities", "sˈɪɾiz", "y becomes ie"),
    ("respawned", "ɹispˈɔnd", "ed is d after a voiced consonant"),
    ("boxed", "bˈɑkst", "ed is t after a voiceless consonant"),
    ("waited", "wˈAɾᵻd", "ed has a vowel after t, which becomes a flap"),
    ("waiting", "wˈAɾɪŋ", "t between vowels becomes a flap"),
    ("hoping", "hˈOpɪŋ", "silent e is dropped before a vowel"),
    ("hopping", "hˈɑpɪŋ", "a single consonant is doubled after a short vowel"),
    ("fumbled", "fˈʌmbəld", "a syllabic l gets a schwa before a consonant"),
    ("bigger", "bˈɪɡəɹ", "a single consonant is doubled after a short vowel"),
    ("happiest", "hˈæpiᵻst", "y becomes i"),
    ("friendless", "fɹˈɛndləs", "less has a schwa"),
    ("vampirelike", "vˈæmpˌIəɹlˌIk", "like keeps a secondary stress"),
    ("orcish", "ˈɔɹkɪʃ", "ish"),
    ("friendship", "fɹˈɛndʃˌɪp", "ship keeps a secondary stress"),
    ("unslain", "ˌʌnslˈAn", "un has a secondary stress"),
    ("overpower", "ˌOvəɹpˈWəɹ", "over has a secondary stress"),
    ("unforgiving", "ˌʌnfəɹɡˈɪvɪŋ", "rules add up"),
)


@pytest.mark.parametrize(("word", "reading", "rule"), DERIVED)
def test_derived_word_is_read_from_its_stem(word: str, reading: str, rule: str) -> None:
    assert derive(word, STEMS.get) == reading, rule


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("orc", "a stem as it stands is the dictionary's to read"),
        ("glas", "one s less is no stem"),
        ("ass", "a word in ss is no plural"),
        ("bring", "a stem has three letters at least"),
        ("zephyrs", "its stem is not in the dictionary"),
        ("s", "an ending alone is no word"),
        ("", "nothing has no stem"),
    ],
)
def test_word_without_a_known_stem_is_left_to_the_guesser(word: str, why: str) -> None:
    assert derive(word, STEMS.get) is None, why


def test_rules_are_applied_a_bounded_number_of_times() -> None:
    assert derive("un" * 3 + "slain", STEMS.get) is not None
    assert derive("un" * 4 + "slain", STEMS.get) is None


def test_long_chain_of_endings_is_given_up_quickly() -> None:
    began = time.perf_counter()
    assert derive("zzz" + "inglessness" * 900, STEMS.get) is None
    assert time.perf_counter() - began < 0.1
