"""Subtitles show the line as people read it, in rows that fit, while it is heard."""

import itertools
import json
import re
from pathlib import Path

import pytest

from sidecar.baking.subtitles import LONGEST_S, ROW, ROWS, Cue, content, cues, plain
from sidecar.line import Line
from sidecar.speech import TimedWord
from tests.fakes import tone_voice

LONG = (
    "You there, with the lantern! Nobody passes the north gate after dark, not since the *miller* and his "
    'two sons went into the fog. <break time="500ms"/> The [[Drizzt|dɹˈɪst]] came back with 340 ravens, and '
    "none of them would say a single word of what it had seen, nor where it had been all those years."
)


def test_marks_that_are_not_for_the_eye_are_left_out():
    assert plain('Wait. <break time="1s"/> *You* said [[Drizzt|dɹˈɪst]]?') == "Wait. You said Drizzt?"


def test_markup_of_every_engine_is_left_out_as_the_bindings_do():
    cases = json.loads(
        (Path(__file__).parents[2] / "bindings" / "vectors" / "markup.json").read_text("utf-8")
    )
    wrong = [c for c in cases if plain(c["line"]) != " ".join(c["shown"].split())]
    assert len(cases) > 100 and not wrong


def test_cues_hold_the_whole_line_in_order_without_overlap():
    speech = tone_voice().synthesizer.speak(Line(LONG))
    found = cues(LONG, speech.words, speech.duration_s)
    assert " ".join(cue.text for cue in found) == plain(LONG)
    assert len(found) > 2
    for cue, after in itertools.pairwise(found):
        assert cue.start_s < cue.end_s <= after.start_s
    assert found[-1].end_s == speech.duration_s
    assert all(len(cue.text) <= ROW * ROWS and cue.end_s - cue.start_s < LONGEST_S + 1 for cue in found)


def test_ideographs_fill_a_row_sooner():
    text = "今天天气很好我们一起去山上看风景吧然后再回家吃饭喝茶聊天直到太阳下山为止"
    words = tuple(TimedWord(c, "x", at, at + 1, at / 5, (at + 1) / 5) for at, c in enumerate(text))
    found = cues(text, words, len(text) / 5)
    assert "".join(cue.text for cue in found) == text and len(found) > 1


@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_files_are_as_players_read_them(kind: str):
    shown = [Cue("Halt & <wait>!", 0.1, 61.25), Cue("word " * 14 + "end", 3661.5, 3662.0)]
    text = content(shown, kind)
    point = "," if kind == "srt" else "."
    times = re.findall(r"^(\S+) --> (\S+)$", text, re.M)
    assert times == [
        (f"00:00:00{point}100", f"00:01:01{point}250"), (f"01:01:01{point}500", f"01:01:02{point}000")
    ]  # fmt: skip
    assert ("Halt &amp; &lt;wait&gt;!" in text) == (kind == "vtt") and text.startswith("WEBVTT\n\n") == (
        kind == "vtt"
    )
    rows = text.rstrip().split("\n")[-2:]
    assert max(map(len, rows)) <= ROW and " ".join(rows) == shown[1].text
    blocks = text.rstrip("\n").split("\n\n")
    assert len(blocks) == (2 if kind == "srt" else 3)


def test_a_line_without_words_has_no_cue():
    assert cues("...", (), 1.0) == () and content((), "vtt").startswith("WEBVTT")
