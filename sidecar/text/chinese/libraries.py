"""jieba and pypinyin, loaded with the first Chinese word: their tables take 60 MiB, and not every game has
Chinese in it."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from sidecar.protocol.errors import Unsupported

if TYPE_CHECKING:
    import jieba


@cache
def tokenizer() -> "type[jieba.Tokenizer]":
    """Raises `Unsupported` where Chinese was left out."""
    try:
        import jieba
    except ImportError as error:
        raise left_out(error) from error
    made: type[jieba.Tokenizer] = jieba.Tokenizer
    return made


@cache
def phrases() -> Mapping[str, Any]:
    """Sayings that pypinyin has a reading for. Raises as `tokenizer`."""
    try:
        from pypinyin.constants import PHRASES_DICT
    except ImportError as error:
        raise left_out(error) from error
    return PHRASES_DICT


def syllables(word: str) -> list[str]:
    """Pinyin with tones as figures, a syllable each; nothing for what is no Chinese character."""
    phrases()
    from pypinyin import Style, lazy_pinyin

    return lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True, errors="ignore")


def left_out(error: ImportError) -> Unsupported:
    return Unsupported(
        f"Chinese cannot be read here: {error.name} is not installed",
        field="text",
        tip="pip install jieba pypinyin, or ship a folder with --languages en,zh",
    )
