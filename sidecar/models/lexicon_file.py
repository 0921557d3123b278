"""A pack's own pronunciations."""

from sidecar.models.file_names import LEXICON
from sidecar.models.pack import Pack
from sidecar.models.reasons import Reason, refusal
from sidecar.protocol.errors import BadRequest
from sidecar.text.lexicon import UserLexicon

MAX_BYTES = 4 << 20


def load_lexicon(pack: Pack) -> UserLexicon | None:
    """`lexicon.tsv`, if the pack has one. Raises `ModelRejected` naming the line at fault."""
    if not pack.manifest.has(LEXICON):
        return None
    if pack.manifest.file(LEXICON).size_bytes > MAX_BYTES:
        raise refusal(Reason.LEXICON, f"{LEXICON} has over {MAX_BYTES:,} bytes")
    try:
        return UserLexicon.load(pack.path(LEXICON))
    except BadRequest as error:
        raise refusal(Reason.LEXICON, f"{LEXICON}: {error.message}", tip=error.tip) from error
