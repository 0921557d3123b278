"""The dictionaries and the user's own entries."""

from pathlib import Path

import pytest

from sidecar.protocol.errors import BadRequest, StorageError
from sidecar.text.lexicon import Lexicon, UserLexicon


@pytest.fixture(scope="module")
def american() -> Lexicon:
    return Lexicon()


def test_gold_wins_over_silver_and_the_exact_form_over_the_lower(american: Lexicon) -> None:
    polish, low = american.lookup("Polish"), american.lookup("polish")
    assert polish is not None and low is not None
    assert (polish.default, low.default) == ("pˈOlɪʃ", "pˈɑlɪʃ")
    assert polish.gold


@pytest.mark.parametrize(("word", "default"), [("GOLD", "ɡˈOld"), ("Gold", "ɡˈOld"), ("celsius", "sˈɛlsiəs")])
def test_lookup_falls_back_to_lower_case(american: Lexicon, word: str, default: str) -> None:
    found = american.lookup(word)
    assert found is not None
    assert found.default == default


def test_readings_keep_the_part_of_speech_and_the_form_before_a_pause(american: Lexicon) -> None:
    record, can = american.lookup("record"), american.lookup("can")
    assert record is not None and can is not None
    assert record.by_tag == {"VERB": "ɹəkˈɔɹd"}
    assert can.by_tag["None"] == "kˈæn"


def test_an_unknown_word_has_no_readings(american: Lexicon) -> None:
    assert american.lookup("zorblaxia") is None


def test_the_british_dictionary_is_another_one() -> None:
    found = Lexicon(british=True).lookup("castle")
    assert found is not None
    assert found.default == "kˈɑːsᵊl"


@pytest.mark.parametrize("content", [None, "{not json"])
def test_a_missing_or_broken_dictionary_is_a_storage_error(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "us_gold.json").write_text(content, encoding="utf-8")
    with pytest.raises(StorageError, match="us_gold"):
        Lexicon(folder=tmp_path).lookup("word")


def test_user_entries_match_in_any_case_unless_a_capital_is_inside() -> None:
    user = UserLexicon({"Zul": "zˈul", "McRae": "məkɹˈA"})
    assert user.lookup("ZUL") == user.lookup("zul") == "zˈul"
    assert user.lookup("McRae") == "məkɹˈA"
    assert user.lookup("mcrae") is None


def test_a_lexicon_file_is_read_with_comments_blank_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.tsv"
    path.write_text("\ufeff# names\r\n\r\nKha’zix\tkɑzˈiks\r\nZul\tzˈul\r\n", encoding="utf-8", newline="")
    user = UserLexicon.load(path)
    assert len(user) == 2
    assert user.lookup("kha'zix") == "kɑzˈiks"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["Zul\tzˈul", "go\tgˈO"], r"line 2: unknown phoneme symbol 'g' \(U\+0067\)"),
        (["Zul zˈul"], "line 1: no tab"),
        (["Zul\t"], "line 1: no tab|line 1: a word and its phonemes"),
        (["Zul\tzˈul!"], "line 1: unknown phoneme symbol '!'"),
        (["Zul\tzˈul", "", "the\t" + "ɑ" * 65], "line 3: 'the' has 65 phonemes, the most is 64"),
        (["the\t" + "ɑ" * 1_900_000], "line 1: 'the' has 1,900,000 phonemes, the most is 64"),
        (["z" * 101 + "\tzˈul"], "line 1: 'z{40}' has 101 characters, the most is 100"),
    ],
)
def test_a_bad_line_is_refused_with_its_number_and_symbol(lines: list[str], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        UserLexicon.parse(lines)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("[sigh]", r"'\[' is markup"),
        ("<b>", "'<' is markup"),
        ("小明", "Chinese characters are read by the Chinese rules"),
        ("龙 King", "Chinese characters"),
        ("...", "it needs a letter, a digit or a sign"),
        ("—", "it needs a letter"),
        ("\u200b", "it needs a letter"),
    ],
)
def test_a_word_that_no_line_can_have_is_refused_with_the_reason(key: str, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason) as refusal:
        UserLexicon({"Zul": "zˈul", key: "zˈul"})
    assert "can never be found in a line" in str(refusal.value)
    assert refusal.value.field == "lexicon"


def test_a_key_is_the_same_composed_or_not_and_with_any_blanks() -> None:
    user = UserLexicon({"Zoe\u0308": "zˈO", "Night   City": "nˈIt"})
    assert user.lookup("Zoë") == user.lookup("zoe\u0308") == "zˈO"
    assert user.lookup("Night City") == "nˈIt"


def test_the_longest_entry_wins_and_both_lexicons_are_searched() -> None:
    both = UserLexicon({"Night": "nˈ"}).over(UserLexicon({"Night City": "nˈIt"}))
    assert both.longest_at("In Night City", 3) == len("Night City")
    assert both.longest_at("In Night", 3) == len("Night")
    assert both.longest_at("In Night", 0) == 0


def test_the_longest_entry_there_may_be_is_taken() -> None:
    user = UserLexicon({"z" * 100: "ɑ" * 64})
    assert user.lookup("z" * 100) == "ɑ" * 64
    with pytest.raises(BadRequest, match=r"entry 'z{40}': 'z{40}' has 101 characters"):
        UserLexicon({"z" * 101: "zˈul"})


def test_the_latin_g_comes_with_the_advice_to_use_the_phonetic_one() -> None:
    with pytest.raises(BadRequest) as caught:
        UserLexicon({"go": "gO"})
    assert caught.value.tip is not None
    assert "U+0261" in caught.value.tip


def test_a_file_that_is_no_utf8_is_refused_and_a_missing_one_is_a_storage_error(tmp_path: Path) -> None:
    path = tmp_path / "latin.tsv"
    path.write_bytes(b"caf\xe9\tkaf")
    with pytest.raises(BadRequest, match="not UTF-8"):
        UserLexicon.load(path)
    with pytest.raises(StorageError):
        UserLexicon.load(tmp_path / "none.tsv")
