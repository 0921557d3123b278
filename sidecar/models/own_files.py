"""What a pack says for itself beside its weights: pronunciations, and how its voices feel."""

from sidecar.models.file_names import EMOTIONS, LEXICON
from sidecar.models.pack import Pack
from sidecar.prosody.emotions import Repertoire, parsed, shipped
from sidecar.protocol.errors import BadRequest
from sidecar.protocol.reasons import Reason, refusal
from sidecar.text.lexicon import UserLexicon

MAX_LEXICON_BYTES, MAX_EMOTIONS_BYTES = 4 << 20, 1 << 20


def load_lexicon(pack: Pack) -> UserLexicon | None:
    """`lexicon.tsv`, if the pack has one. Raises `ModelRejected` naming the line at fault."""
    if not pack.manifest.has(LEXICON):
        return None
    _check_size(pack, LEXICON, MAX_LEXICON_BYTES, Reason.LEXICON)
    try:
        return UserLexicon.load(pack.path(LEXICON))
    except BadRequest as error:
        raise refusal(Reason.LEXICON, f"{LEXICON}: {error.message}", tip=error.tip) from error


def load_emotions(pack: Pack) -> Repertoire:
    """The shipped emotions, under `emotions.json` if the pack has one. Raises `ModelRejected` naming the
    place at fault."""
    return emotions_over(shipped(), pack)


def emotions_over(known: Repertoire, pack: Pack) -> Repertoire:
    """What is `known`, under the pack's own if it has any: a voice pack's is about its voices only. Raises as
    `load_emotions`."""
    if not pack.manifest.has(EMOTIONS):
        return known
    _check_size(pack, EMOTIONS, MAX_EMOTIONS_BYTES, Reason.EMOTIONS)
    text = pack.path(EMOTIONS).read_bytes()
    try:
        if pack.manifest.base is not None:
            _check_own(text, pack.manifest.speakers)
        return known.over(text, EMOTIONS)
    except BadRequest as error:
        raise refusal(Reason.EMOTIONS, error.message) from error


def _check_own(text: bytes, speakers: tuple[str, ...]) -> None:
    content = parsed(text, EMOTIONS)
    others = {*content.get("speakers", {}), *content.get("levels_db", {})} - set(speakers)
    if content.get("emotions") or others:
        what = repr(min(others)[:64]) if others else "emotions for everybody"
        raise BadRequest(
            f"{EMOTIONS}: {what}: a voice pack has levels_db and speakers for its own voices, and no more",
            field="emotions",
        )


def _check_size(pack: Pack, name: str, most: int, reason: Reason) -> None:
    if pack.manifest.file(name).size_bytes > most:
        raise refusal(reason, f"{name} has over {most:,} bytes")
