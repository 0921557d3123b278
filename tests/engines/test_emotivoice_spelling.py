"""Our phonemes in EmotiVoice's tokens."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.engines.emotivoice.lists import numbered, published_tokens
from sidecar.engines.emotivoice.plans import symbols_frames, tokens_frames
from sidecar.engines.emotivoice.spelling import PRIVATE, SYMBOLS, Speller, chinese
from sidecar.protocol.errors import BadRequest
from sidecar.text.chinese.reader import syllable_phonemes
from tests.engines.emotivoice_fixture import FOLDER

SPLIT = json.loads((FOLDER / "pinyin_split.json").read_text("utf-8"))["map"]
#: Interjections: upstream's own spelling is of no listed token, or we have no phoneme for it.
OTHERWISE = {"lo", "m", "yo", "hm", "hng"}

LINES = {
    "hˈɔlt! hˌu ɡˈO?": "[HH] [AO1] [L] [T] engsp4 [HH] [UW2] engsp1 [G] [OW1]",
    "“bˈɜɹd” ənd fˈɑːðə": "[B] [ER1] [D] engsp1 [AH0] [N] [D] engsp1 [F] [AA1] [DH] [AH0]",
    "ni↓xau↓, ʂɨ↘ʨje↘!": "n i3 sp0 h ao3 sp3 sh iii4 sp0 j ie4",
    "tʰjɛ→na→nmə↗n": "t ian1 sp0 an1 sp0 m en2",
    "na↗na↘n": "n a2 sp0 n an4",
    "xau↓ ma?": "h ao3 sp1 m a5",
    "sˈA ni↓xau↓ həlˈO": "[S] [EY1] eng_cn_sp n i3 sp0 h ao3 sp1 [HH] [AH0] [L] [OW1]",
    "…": "",
}  # fmt: skip


@pytest.fixture(scope="module")
def speller() -> Speller:
    return Speller(numbered(published_tokens()))


@pytest.mark.parametrize(("phonemes", "tokens"), LINES.items())
def test_lines_are_spelled_as_the_model_was_trained(speller: Speller, phonemes: str, tokens: str):
    groups = speller.spelled(phonemes)
    spelled = [token for group in groups for token in group.tokens]
    assert spelled == ["<sos/eos>", *tokens.split(), "<sos/eos>"]
    assert sum(group.symbols for group in groups) == len(phonemes) + 2
    assert all(0 <= group.main < group.symbols for group in groups)
    assert all(speller.id(token) < 502 for token in spelled)


@pytest.mark.parametrize("syllable", sorted(SPLIT))
def test_every_syllable_has_upstreams_tokens_in_every_tone(syllable: str):
    if syllable in OTHERWISE:
        return
    initial, final = SPLIT[syllable]
    for tone in "12345":
        groups = chinese(syllable_phonemes(syllable.replace("ü", "v") + tone))
        assert groups is not None
        spelled = [token for group in groups for token in group.tokens]
        assert spelled == [token for token in (initial, final + tone) if token]


def test_any_token_can_be_asked_for_by_number(speller: Speller):
    symbols = speller.symbols(("[HH]", "uan1", "sp4", "?"))
    assert [group.tokens[0] for group in speller.spelled(symbols)][1:-1] == ["[HH]", "uan1", "sp4", "?"]
    with pytest.raises(BadRequest, match="zap"):
        speller.symbols(("zap",))


def test_a_long_word_that_is_none_is_found_out_at_once(speller: Speller):
    assert len(speller.spelled("→" + "n" * 200 + "b")) == 203


@given(st.text(sorted(SYMBOLS) + [chr(PRIVATE + number) for number in (1, 2, 71, 501)], max_size=30))
def test_whatever_the_phonemes_each_is_in_one_group(phonemes: str):
    groups = Speller(numbered(published_tokens())).spelled(phonemes)
    assert sum(group.symbols for group in groups) == len(phonemes) + 2
    assert all(group.tokens and 0 <= group.main < group.symbols for group in groups)
    assert {token for group in groups for token in group.tokens} <= set(published_tokens())


def test_frames_of_symbols_and_tokens_go_there_and_back(speller: Speller):
    groups = speller.spelled("hˈɔlt! ni↓xau↓")
    tokens = sum(len(group.tokens) for group in groups)
    for frames in (np.arange(tokens), np.zeros(tokens, np.int64), np.full(tokens, 7)):
        symbols = symbols_frames(groups, frames)
        assert len(symbols) == len("hˈɔlt! ni↓xau↓") + 2 and symbols.sum() == frames.sum()
        assert tokens_frames(groups, frames, symbols).tolist() == frames.tolist()
        assert tokens_frames(groups, frames, 2 * symbols).sum() == 2 * frames.sum()
