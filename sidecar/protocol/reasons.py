"""Why a pack can be refused: one stable slug for each, in the order in which the checks run."""

from enum import Enum

from sidecar.protocol.errors import ModelRejected


class Reason(str, Enum):
    """The slug is `ModelRejected.reason`; the message beside it names the file or tensor."""

    # What was dropped, and the names in it.
    NOT_A_PACK = "not_a_pack"  # no manifest, or a file of another kind
    NOT_A_VOICE = "not_a_voice"  # a single voice's file that holds none
    UNREADABLE = "unreadable"
    LINK = "link"
    NOT_A_FILE = "not_a_file"  # a folder, pipe or device where a file should be
    PATH_ESCAPE = "path_escape"
    DEVICE_NAME = "device_name"  # CON, NUL, ... belong to Windows
    FILE_NAME = "file_name"
    CASE_CLASH = "case_clash"
    TOO_MANY_FILES = "too_many_files"
    TOO_LARGE = "too_large"
    PICKLE = "pickle"
    NESTED_ARCHIVE = "nested_archive"
    # Archives.
    ARCHIVE_DAMAGED = "archive_damaged"
    ARCHIVE_FEATURE = "archive_feature"  # encrypted, zip64, another compression
    ARCHIVE_BOMB = "archive_bomb"
    # The manifest and its signature.
    MANIFEST_JSON = "manifest_json"
    MANIFEST_FORMAT = "manifest_format"
    MANIFEST_FIELD = "manifest_field"
    ARCHITECTURE = "architecture"
    CONFIG = "config"
    RUNTIME = "runtime"  # what runs networks here cannot run this one
    UNSIGNED = "unsigned"
    SIGNATURE_FORM = "signature_form"
    SIGNATURE_WRONG = "signature_wrong"
    PUBLISHER_UNKNOWN = "publisher_unknown"
    CONSENT_MISSING = "consent_missing"  # a fitted voice without a word from its person
    # Files against the manifest.
    MISSING_FILE = "missing_file"
    EXTRA_FILE = "extra_file"
    SIZE_DIFFERS = "size_differs"
    HASH_DIFFERS = "hash_differs"
    CHECKSUM_MISSING = "checksum_missing"  # a bare checkpoint without its .sha256
    # Tensors.
    HEADER_LENGTH = "header_length"
    HEADER_JSON = "header_json"
    HEADER_TENSOR = "header_tensor"  # an entry's dtype, shape or offsets
    HEADER_LAYOUT = "header_layout"  # overlaps, holes, bytes left over
    TENSOR_MISSING = "tensor_missing"
    TENSOR_UNEXPECTED = "tensor_unexpected"
    TENSOR_SHAPE = "tensor_shape"
    TENSOR_DTYPE = "tensor_dtype"
    NOT_FINITE = "not_finite"
    HALF_OVERFLOW = "half_overflow"
    OUT_OF_RANGE = "out_of_range"
    ALL_ZERO = "all_zero"
    SPEAKERS_DIFFER = "speakers_differ"
    SPEAKER_TAKEN = "speaker_taken"  # a voice is called like one that its base has
    BASE_MISSING = "base_missing"  # a voice pack whose base is not there
    LEXICON = "lexicon"
    EMOTIONS = "emotions"
    # What it sounds like.
    PROBE_REFUSED = "probe_refused"  # the line cannot be spoken with this pack
    PROBE_NOT_FINITE = "probe_not_finite"
    PROBE_LENGTH = "probe_length"
    PROBE_LEVEL = "probe_level"
    PROBE_CLIPPED = "probe_clipped"
    PROBE_NOT_SPEECH = "probe_not_speech"
    PROBE_DIFFERS = "probe_differs"
    # The child that checks.
    CHECK_TIMEOUT = "check_timeout"
    CHECK_MEMORY = "check_memory"
    CHECK_CRASHED = "check_crashed"


def refusal(reason: Reason, message: str, *, tip: str | None = None) -> ModelRejected:
    """The error to raise. `message` names what was found and what was expected."""
    return ModelRejected(message, reason=reason.value, tip=tip)
