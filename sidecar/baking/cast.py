"""Who speaks how: the cast of a game, in the form of the Godot resource `NpcVoiceCast`.

    {"characters": {"Mara": {"speaker": "bf_emma", "emotion": "happy", "lexicon": {"Brill": "bɹˈɪl"}}},
     "lexicon": {"Drizzt": "dɹˈɪst"}, "effects": {"wraith": {"room_s": 2, "room_share": 0.4}}}

A character has the fields of a line (those of Unity's `CastMember` are among them) and may have words of its
own, which win over everybody's. Words are marked in lines as both bindings mark them, in any case.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidecar.audio.effect_files import shipped
from sidecar.baking.cells import file_format, request_of
from sidecar.baking.script import HEARD, Failure, Row, content_of, decoded
from sidecar.protocol.errors import BadRequest, NpcVoiceError, RequestError, did_you_mean
from sidecar.protocol.formats import FILES
from sidecar.text.lexicon import UserLexicon
from sidecar.text.markup.edits import Markup
from sidecar.text.reader import OVERRIDE

_FIELDS = tuple(name for name in HEARD if name not in ("text", "reference", "baseline"))
_KEYS = ("characters", "lexicon", "effects")
_FIRST_IDEOGRAPH = "\u2e80"


@dataclass(frozen=True)
class Member:
    """`fields` are a line's, as given; `lexicon` maps words to phonemes."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    lexicon: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cast:
    """Members by their names, how everybody says some words, and voice effects as in an `effects.json`."""

    members: Mapping[str, Member] = field(default_factory=dict)
    lexicon: Mapping[str, str] = field(default_factory=dict)
    effects: Mapping[str, Any] = field(default_factory=dict)

    def member(self, character: str) -> Member:
        """Raises `BadRequest`."""
        if character not in self.members:
            raise BadRequest(
                f"there is no character {character!r} in the cast{did_you_mean(character, self.members)}",
                field="character",
            )
        return self.members[character]

    def failure(self, row: Row, error: NpcVoiceError) -> Failure:
        """Why a row cannot be made. Where it is the character's doing, it names the cast's field."""
        character, field = row.character, error.field
        member = self.members.get(character, Member())
        if field in row.cells or field not in member.fields:
            return Failure.of(row.number, row.id, error)
        message = f"{character} in the cast: {error.message}"
        return Failure(row.number, row.id, message, f"characters.{character}.{field}")

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
    """Raises `BadRequest` naming the place in the file, as `characters.Mara.speed`, or `StorageError`."""
    try:
        data = json.loads(decoded(content_of(path, "cast"), path.name, "cast"))
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{path.name} is no JSON: {error}", field="cast") from error
    cast = _map(path.name, "", data, _KEYS)
    characters = _map(f"{path.name}: characters", "characters", cast.get("characters", {}))
    members = {
        name: _member(f"{path.name}: {name}", f"characters.{name}", fields)
        for name, fields in characters.items()
    }
    effects = cast.get("effects", {})
    shipped().with_entries(effects, path.name, "effects")
    return Cast(members, _lexicon(path.name, "lexicon", cast.get("lexicon", {})), effects)


def _member(where: str, place: str, data: object) -> Member:
    said = _map(where, place, data, (*_FIELDS, "lexicon"))
    fields = {name: value for name, value in said.items() if name != "lexicon" and value is not None}
    try:
        request_of(fields, "Hm.")
        file_format(fields.get("format", FILES[0]))
    except RequestError as error:
        raise BadRequest(
            f"{where}: {error.message}", field=f"{place}.{error.field}", tip=error.tip
        ) from error
    return Member(fields, _lexicon(where, f"{place}.lexicon", said.get("lexicon", {})))


def _lexicon(where: str, place: str, data: object) -> Mapping[str, str]:
    words = _map(f"{where}: lexicon", place, data)
    if odd := next((word for word, said in words.items() if not isinstance(said, str)), None):
        raise BadRequest(f"{where}: the phonemes of {odd!r} must be text", field=f"{place}.{odd}")
    try:
        UserLexicon(words)
    except BadRequest as error:
        raise BadRequest(f"{where}: {error.message}", field=place, tip=error.tip) from error
    return words


def _map(where: str, place: str, data: object, known: tuple[str, ...] | None = None) -> dict[str, Any]:
    """What is at `place` in the file; `known` are the keys it may have, where not any. Raises
    `BadRequest`."""
    if not isinstance(data, dict):
        raise BadRequest(f"{where} must be a map, got {type(data).__name__}", field=place or "cast")
    for key in data:
        if known is not None and key not in known:
            field = f"{place}.{key}".lstrip(".")
            raise BadRequest(f"{where} has {key!r}{did_you_mean(key, known)}", field=field)
    return data


def _whole(word: str) -> str:
    """A word is not found inside another, except where words are written without spaces."""
    before = r"(?<!\w)" if word[0] < _FIRST_IDEOGRAPH else ""
    after = r"(?!\w)" if word[-1] < _FIRST_IDEOGRAPH else ""
    return before + re.escape(word) + after
