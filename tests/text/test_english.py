"""English from characters to phonemes: the table of readings, and what holds for any text."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.engines.kokoro.vocabulary import VOCABULARY
from sidecar.text.english.normalise import normalise
from sidecar.text.english.reader import EnglishReader
from sidecar.text.lexicon import PHONEMES, Lexicon, UserLexicon
from sidecar.text.reader import guesser
from sidecar.text.tokens import MARKS, Mark, Token, TokenKind, Word

_CASES = [
    line.split("\t")
    for line in (Path(__file__).parent / "data" / "english_cases.tsv").read_text(encoding="utf-8").split("\n")
    if line.startswith(("us\t", "gb\t", "guessed\t"))
]
_READERS = {
    british: EnglishReader(Lexicon(british), lambda word: "blˈɑ", british=british)
    for british in (False, True)
}
_GUESSING = EnglishReader(Lexicon(), lambda word: guesser().read(word))


def _sounds(line: str, british: bool = False, reader: EnglishReader | None = None) -> dict[str, str]:
    spoken = (reader or _READERS[british]).read(normalise(line))
    return {item.text: item.phonemes for item in spoken if isinstance(item, Word)}


@pytest.mark.parametrize(("dialect", "line", "expected", "source"), _CASES)
def test_a_word_in_its_sentence_sounds_as_the_source_says(
    dialect: str, line: str, expected: str, source: str
) -> None:
    word, _, phonemes = expected.partition("=")
    reader = _GUESSING if dialect == "guessed" else _READERS[dialect == "gb"]
    assert _sounds(line, reader=reader)[word] == phonemes, source


def test_phoneme_alphabet_is_the_models_without_the_marks() -> None:
    assert set(VOCABULARY) - MARKS == PHONEMES


def test_a_dotless_i_in_an_abbreviation_is_no_trouble() -> None:
    assert _READERS[False].read(normalise("see ı.e. this"))


@pytest.mark.parametrize("british", [False, True])
@settings(deadline=None, max_examples=150)
@given(text=st.text(max_size=60))
def test_any_text_gives_known_symbols_within_spans(british: bool, text: str) -> None:
    for item in _READERS[british].read(normalise(text)):
        assert 0 <= item.start < item.end <= len(text)
        if isinstance(item, Mark):
            assert item.symbol in MARKS
        else:
            assert item.phonemes
            assert set(item.phonemes) <= PHONEMES


@settings(deadline=None, max_examples=150)
@given(words=st.lists(st.sampled_from([
    "the", "to", "a", "I", "read", "live", "that", "HE'S", "well-", "known's", "U.S.", "goblin'", "'em",
    "Wh-what", "é",
])))  # fmt: skip
def test_any_order_of_tricky_words_is_read(words: list[str]) -> None:
    spoken = _READERS[False].read(normalise(" ".join(words)))
    assert bool(words) == bool(spoken)


def test_the_guess_is_asked_only_for_words_without_an_entry() -> None:
    asked: list[str] = []

    def guess(word: str) -> str:
        asked.append(word)
        return "ˈɑ"

    EnglishReader(Lexicon(), guess).read(normalise("The Xyl'thar waited for Zorblaxia's goblins"))
    assert sorted(asked) == ["Xyl'thar", "Zorblaxia"]


def test_a_guess_outside_the_alphabet_is_cleaned_and_an_empty_one_spelled() -> None:
    cleaned = EnglishReader(Lexicon(), lambda word: "g⟨zˈɔ⟩")
    assert _sounds("zorbl", reader=cleaned) == {"zorbl": "zˈɔ"}
    silent: Callable[[str], str] = lambda word: ""  # noqa: E731
    assert _sounds("zorbl", reader=EnglishReader(Lexicon(), silent)) == {"zorbl": "zˌiˌOˌɑɹbˌiˈɛl"}


def test_a_british_reader_turns_the_guess_british() -> None:
    reader = EnglishReader(Lexicon(british=True), lambda word: "zˈɔɹbᵊlˌæks", british=True)
    assert _sounds("zorblax", british=True, reader=reader) == {"zorblax": "zˈɔːbᵊlaks"}


def test_user_entries_win_over_dictionary_letters_and_compounds() -> None:
    user = UserLexicon({"gold": "ɡˈʌld", "HP": "hˈɪt", "Kha'Zix": "kɑzˈiks", "Sky-Rim": "skˈIɹˌɪm"})
    reader = EnglishReader(Lexicon(), lambda word: "ˈɑ", user)
    said = _sounds("Gold, HP, Kha'Zix and Sky-Rim", reader=reader)
    assert (
        said["Gold"], said["HP"], said["Kha'Zix"], said["Sky-Rim"],
    ) == ("ɡˈʌld", "hˈɪt", "kɑzˈiks", "skˈIɹˌɪm")  # fmt: skip


#: key of an entry, a line it stands in, the word that is said of it, what is behind the entry's own phonemes
_KEYS = (
    ("Night City", "In Night City, run.", "Night City", ""),
    ("Night City", "Night City's best", "Night City's", "z"),
    ("iPad", "my iPad broke", "iPad", ""),
    ("C3PO", "Hey C3PO!", "C3PO", ""),
    ("X5", "an X5, please", "X5", ""),
    ("AT&T", "AT&T called", "AT&T", ""),
    ("Dr.", "Dr. Vex", "Dr.", ""),
    ("etc.", "swords etc.", "etc.", ""),
    ("K'tar", "K'tar's axe", "K'tar's", "z"),
    ("dark-elf", "the dark-elf's bow", "dark-elf's", "z"),
    ("dark-elf", "Dark-Elf!", "Dark-Elf", ""),
    ("DragonSlayer", "the DragonSlayer", "DragonSlayer", ""),
    ("snake_case", "the snake_case", "snake_case", ""),
    ("lol", "lol, no", "lol", ""),
    ("btw", "btw, no", "btw", ""),
    ("Ms", "Ms Vex", "Ms", ""),
    ("IV", "Chapter IV", "IV", ""),
    ("No. 5", "No. 5 is alive", "No. 5", ""),
    ("$", "pay in $ only", "$", ""),
    ("❤", "I ❤ you", "❤", ""),
    ("naïve", "so naïve", "naïve", ""),
    ("Zoe\u0308", "Zoë left", "Zoë", ""),
    ("Zoë", "Zoe\u0308 left", "Zoë", ""),
    ("Kha’zix", "Kha'zix'll come", "Kha'zix'll", "əl"),
    ("Привет", "Привет, you", "Привет", ""),
)


@pytest.mark.parametrize(("key", "line", "word", "ending"), _KEYS)
def test_an_entry_is_found_as_it_is_written(key: str, line: str, word: str, ending: str) -> None:
    reader, user = (
        EnglishReader(Lexicon(), lambda word: "ˈɑ", UserLexicon({key: "ʒˈOʒə"})),
        UserLexicon({key: "ʒˈOʒə"}),
    )
    said = {
        item.text: item.phonemes for item in reader.read(normalise(line, 0, user)) if isinstance(item, Word)
    }
    assert said[word] == "ʒˈOʒə" + ending


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("gold", "golden"),
        ("gold", "marigold"),
        ("Night City", "Night Cityscape"),
        ("X5", "X50"),
        ("iPad", "ipad"),
        ("o", "o'clock"),
    ],
)
def test_an_entry_is_not_found_inside_another_word(key: str, line: str) -> None:
    user = UserLexicon({key: "ʒˈOʒə"})
    assert all(token.kind is not TokenKind.ENTRY for token in normalise(line, 0, user))


def test_a_sentence_ends_behind_an_entry_with_a_point() -> None:
    assert [token.text for token in normalise("swords etc.", 0, UserLexicon({"etc.": "ɛt"}))] == [
        "swords",
        "etc.",
        ".",
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("I said Привет twice", ["I", "said", "Privet", "twice"]),
        ("the α team", ["the", "alpha", "team"]),
        ("Ωmega", ["Omega"]),
        ("こんにちは Yuki", ["konnichiwa", "Yuki"]),
        ("안녕", ["annyong"]),
        ("سلام", ["seen", "lam", "alef", "meem"]),
        ("שלום", ["shin", "lamed", "vav", "mem"]),
        ("กข", ["ko", "kai", "kho", "khai"]),
    ],
)
def test_a_word_of_another_script_is_transliterated_or_its_letters_are_named(
    line: str, words: list[str]
) -> None:
    assert list(_sounds(line)) == words


def test_spoken_forms_of_one_number_share_its_span() -> None:
    spoken = _READERS[False].read(normalise("pay 340 now", offset=10))
    assert [(item.start, item.end) for item in spoken] == [(10, 13), (14, 17), (14, 17), (14, 17), (18, 21)]


def test_a_hyphenated_compound_is_one_word_with_one_primary_stress() -> None:
    (word,) = _READERS[False].read(normalise("half-elf"))
    assert isinstance(word, Word)
    assert (word.text, word.start, word.end) == ("half-elf", 0, 8)
    assert word.phonemes.count("ˈ") == 1


def test_words_that_touch_but_were_not_written_so_stay_apart() -> None:
    tokens = [Token("five", 0, 1), Token("kilometers", 1, 3), Token("!", 3, 4, TokenKind.MARK)]
    assert [item.text for item in _READERS[False].read(tokens) if isinstance(item, Word)] == [
        "five",
        "kilometers",
    ]
