"""Who speaks how: the cast of a game, in the form of the Godot resource `NpcVoiceCast`.

    {"characters": {"Mara": {"speaker": "bf_emma", "emotion": "happy", "lexicon": {"Brill": "bɹˈɪl"}}},
     "lexicon": {"Drizzt": "dɹˈɪst"}}

A character has the fields of a line (those of Unity's `CastMember` are among them) and may have words of its
own, which win over everybody's. Words are marked in lines as both bindings mark them, in any case.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidecar.baking.script import HEARD, content_of, decoded
from sidecar.protocol.errors import BadRequest, did_you_mean
from sidecar.text.lexicon import UserLexicon
from sidecar.text.markup.edits import Markup
from sidecar.text.reader import OVERRIDE

_FIELDS = tuple(name for name in HEARD if name not in ("text", "reference", "baseline"))
_FIRST_IDEOGRAPH = "\u2e80"


@dataclass(frozen=True)
class Member:
    """`fields` are a line's, as given; `lexicon` maps words to phonemes."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    lexicon: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cast:
    """Members by their names, and how everybody says some words."""

    members: Mapping[str, Member] = field(default_factory=dict)
    lexicon: Mapping[str, str] = field(default_factory=dict)

    def member(self, character: str) -> Member:
        """Raises `BadRequest`."""
        if character not in self.members:
            raise BadRequest(
                f"there is no character {character!r} in the cast{did_you_mean(character, self.members)}",
                field="character",
            )
        return self.members[character]

    def pronounced(self, text: str, member: Member) -> str:
        """The line with the words of both lexicons marked; markup stays, and words that are marked. Raises
        `BadRequest` for a malformed break."""
        said = {word.casefold(): phonemes for word, phonemes in {**self.lexicon, **member.lexicon}.items()}
        if not said:
            return text
        words = re.compile("|".join(map(_whole, sorted(said, key=len, reverse=True))), re.IGNORECASE)
        pieces, at = [], 0
        for start, end in [*_markup(text), (len(text), len(text))]:
            if start >= at:
                pieces += [words.sub(lambda found: _marked(found, said), text[at:start]), text[start:end]]
                at = end
        return "".join(pieces)


def _markup(text: str) -> list[tuple[int, int]]:
    """The spans of a line that are no words."""
    edits = [(edit.start, edit.end) for edit in Markup(text).edits()]
    return sorted([*edits, *(found.span() for found in OVERRIDE.finditer(text))])


def _marked(found: re.Match[str], said: Mapping[str, str]) -> str:
    return f"[[{found.group()}|{said[found.group().casefold()]}]]"


def read_cast(path: Path) -> Cast:
    """Raises `BadRequest` naming the character and the field, or `StorageError`."""
    try:
        data = json.loads(decoded(content_of(path), path.name))
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{path.name} is no JSON: {error}", field="cast") from error
    cast = _map(path.name, data, ("characters", "lexicon"))
    characters = _map(f"{path.name}: characters", cast.get("characters", {}))
    members = {name: _member(f"{path.name}: {name}", fields) for name, fields in characters.items()}
    return Cast(members, _lexicon(path.name, cast.get("lexicon", {})))


def _member(where: str, data: object) -> Member:
    said = _map(where, data, (*_FIELDS, "lexicon"))
    fields = {name: value for name, value in said.items() if name != "lexicon" and value is not None}
    return Member(fields, _lexicon(where, said.get("lexicon", {})))


def _lexicon(where: str, data: object) -> Mapping[str, str]:
    words = _map(f"{where}: lexicon", data)
    if odd := next((word for word, said in words.items() if not isinstance(said, str)), None):
        raise BadRequest(f"{where}: the phonemes of {odd!r} must be text", field="lexicon")
    try:
        UserLexicon(words)
    except BadRequest as error:
        raise BadRequest(f"{where}: {error.message}", field="lexicon", tip=error.tip) from error
    return words


def _map(where: str, data: object, known: tuple[str, ...] | None = None) -> dict[str, Any]:
    """`known` are the keys it may have, where not any. Raises `BadRequest`."""
    if not isinstance(data, dict):
        raise BadRequest(f"{where} must be a map, got {type(data).__name__}", field="cast")
    for key in data:
        if known is not None and key not in known:
            raise BadRequest(f"{where} has {key!r}{did_you_mean(key, known)}", field="cast")
    return data


def _whole(word: str) -> str:
    """A word is not found inside another, except where words are written without spaces."""
    before = r"(?<!\w)" if word[0] < _FIRST_IDEOGRAPH else ""
    after = r"(?!\w)" if word[-1] < _FIRST_IDEOGRAPH else ""
    return before + re.escape(word) + after
