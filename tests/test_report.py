"""A page that shows a line: whole, well formed, and true to what was spoken."""

import base64
import re
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest

from sidecar.line import Line
from sidecar.protocol.errors import UnknownEmotion
from sidecar.report import png, report
from sidecar.voice import Voice
from tests.fakes import tone_voice


@pytest.fixture(scope="module")
def voice() -> Voice:
    return Voice(tone_voice().synthesizer)


def test_the_page_shows_the_line_with_and_without_its_emotion(voice: Voice):
    page = report(voice, Line("Halt! Who goes *there* & why <now>?", emotion="angry", intensity=0.8))
    body = page.partition("<body>")[2].partition("</body>")[0]
    root = ElementTree.fromstring("<body>" + body.replace("controls ", 'controls="" ') + "</body>")
    assert [h.text.split(":")[0] for h in root.iter("h2")] == [
        "neutral, intensity 0.8",
        "angry, intensity 0.8",
    ]
    pictures = list(root.iter("svg"))
    assert len(pictures) == 12
    words = [text.text for text in pictures[3].iter("text")]
    assert words[:3] == ["Halt", "Who", "goes"]
    plain, acted = ([line.get("points") for line in pictures[at].iter("polyline")] for at in (2, 8))
    half, other = len(plain) // 2, len(acted) // 2  # a pause cuts a curve in two
    assert plain[:half] == plain[half:] and acted[:other] != acted[other:]


def test_both_takes_can_be_played(voice: Voice):
    page = report(voice, Line("Halt!", emotion="sad", intensity=1.0))
    sounds = [base64.b64decode(data) for data in re.findall(r'data:audio/wav;base64,([^"]+)"', page)]
    assert len(sounds) == 2 and all(sound.startswith(b"RIFF") for sound in sounds) and sounds[0] != sounds[1]


def test_a_picture_is_a_png_of_its_shades():
    shades = np.arange(12, dtype=np.uint8).reshape(3, 4)
    file = png(shades)
    data = file[file.index(b"IDAT") + 4 : file.index(b"IEND") - 8]
    assert zlib.decompress(data) == b"".join(b"\0" + row.tobytes() for row in shades)


def test_what_cannot_be_spoken_is_not_drawn(voice: Voice):
    with pytest.raises(UnknownEmotion):
        report(voice, Line("Halt!", emotion="angy"))
