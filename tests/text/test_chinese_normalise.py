"""What a Chinese line is spelled out as, and where each word came from."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sidecar.text.chinese.normalise import normalise
from sidecar.text.chinese.words import word_cutter
from sidecar.text.tokens import MARKS, Token, TokenKind
from tests.timing import least_cpu_s

CASES = Path(__file__).parent / "data" / "chinese_cases.tsv"


def cases(kind: str) -> list[tuple[str, str]]:
    with CASES.open(encoding="utf-8", newline="") as table:
        rows = csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["input"].replace("\\n", "\n"), row["expected"]) for row in rows if row["kind"] == kind]


def spoken(tokens: list[Token]) -> str:
    return "".join(f"<{token.text}>" if token.kind is TokenKind.LETTERS else token.text for token in tokens)


@pytest.mark.parametrize(("line", "expected"), cases("spoken"))
def test_line_is_spelled_out_as_it_is_said(line: str, expected: str) -> None:
    assert spoken(normalise(line)) == expected


def test_spelled_out_number_shares_the_span_of_its_digits() -> None:
    tokens = normalise("有340枚", offset=100)
    assert [(token.text, token.start, token.end) for token in tokens] == [
        ("有", 100, 101),
        ("三百", 101, 104),
        ("四十", 101, 104),
        ("枚", 104, 105),
    ]


def test_span_counts_code_points_of_the_original_line() -> None:
    tokens = normalise("😀\u200b３ 个，㎏")
    assert [(token.text, token.start, token.end) for token in tokens] == [
        ("三个", 2, 5),
        (",", 5, 6),
        ("kg", 6, 7),
    ]


def test_line_end_is_a_pause_only_where_no_mark_stands() -> None:
    assert spoken(normalise("\n走\n\n停！\n")) == "走.停!"


def test_words_are_cut_across_spelled_out_numbers() -> None:
    assert [token.text for token in normalise("3 个人")] == ["三个", "人"]


def test_particle_is_split_from_a_guessed_word() -> None:
    assert [token.text for token in normalise("他高兴地笑了")] == ["他", "高兴", "地", "笑", "了"]


def test_latin_letters_are_left_for_another_reader() -> None:
    assert [token.kind for token in normalise("B超")] == [TokenKind.LETTERS, TokenKind.WORD]


@pytest.mark.parametrize("line", ["", " ", "\n\n", "😀", "★☆", "\u200b", "\ud800"])
def test_line_without_speech_gives_no_tokens(line: str) -> None:
    assert normalise(line) == []


_CHINESE = st.text(
    alphabet="零一两个年月日点第地得只，。！？…—～“”《》 \n0123456789.,:-/%+#¥$℃kmXVIT", max_size=60
)


@settings(max_examples=400, deadline=None)
@given(line=st.one_of(st.text(max_size=40), _CHINESE), offset=st.integers(0, 1000))
@example(line="2024-02-30", offset=0)
@example(line="1,2,3,4:5:6/7-8~9%", offset=0)
@example(line="½¾㍿㎞Ⅷ", offset=0)
@example(line="۳٣३", offset=0)
def test_any_line_gives_ordered_spans_inside_it(line: str, offset: int) -> None:
    tokens = normalise(line, offset)
    for token in tokens:
        assert token.text
        assert offset <= token.start < token.end <= offset + len(line)
        assert token.kind is not TokenKind.MARK or token.text in MARKS
    assert [token.start for token in tokens] == sorted(token.start for token in tokens)
    assert [token.end for token in tokens] == sorted(token.end for token in tokens)


@pytest.mark.parametrize(
    "unit",
    ["我", "得", "走地", "1", "1-", "1/", "1:", "1.", "111,", "1%-", "+8613", "-1", "~", "！？", "\n", "²½"],
)
def test_hundred_thousand_characters_take_seconds_at_most(unit: str) -> None:
    line = unit * (100_000 // len(unit))
    word_cutter()
    assert least_cpu_s(lambda: normalise(line), tries=2) < 10


def test_jieba_reads_and_writes_nothing_in_the_temporary_folder(tmp_path: Path) -> None:
    (tmp_path / "jieba.cache").write_bytes(b"planted")
    code = "from sidecar.text.chinese.normalise import normalise; assert len(normalise('我们走')) == 2"
    environment = {"TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("jieba.cache", b"planted")]
