"""Float checkpoints of Kokoro-82M, published or fine-tuned -> tensors under their published names.

Published, as `kokoro-v1_0.pth`: a dict with the keys `bert`, `bert_encoder`, `predictor`, `text_encoder` and
`decoder`, each a state dict whose keys may start with ``module.`` and whose convolutions are weight-normed.
Taken too: the same under `net`, as StyleTTS2's training saves it beside its optimizer (`epoch_2nd_00010.pth`,
source: yl4579/StyleTTS2, `train_second.py`), with the parts that only training needs; and the whole network's
own state dict.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from sidecar.engines.checkpoint import folded, load, placed
from sidecar.protocol.errors import ModelRejected

PARTS = ("bert", "bert_encoder", "predictor", "text_encoder", "decoder")
_UNUSED = ("bert.pooler.", "bert.embeddings.position_ids")
_TRAINED = "net"
#: Of StyleTTS2's training: what takes voices from recordings, and what judges and aligns.
_TRAINING_ONLY = frozenset(
    ("style_encoder", "predictor_encoder", "diffusion", "text_aligner", "pitch_extractor", "mpd", "msd", "wd")
)
_HINT = (
    "a StyleTTS2 training checkpoint. One can be imported whose network is Kokoro-82M's (178 tokens, "
    "iSTFTNet decoder), such as a fine-tuned Kokoro"
)


def read_checkpoint(path: Path, expected: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """All `expected` tensors, float32, weight norm folded. Run it in a child process.

    Raises `ModelRejected` when the file is no such checkpoint, or a tensor is missing,
    misshapen or left over.
    """
    loaded = load(path)
    found = folded(flattened(parts_of(loaded), path.name))
    found = {name: tensor for name, tensor in found.items() if not is_unused(name, tensor)}
    try:
        return placed(found, expected, path.name)
    except ModelRejected as error:
        if not is_training(loaded):
            raise
        raise ModelRejected(f"{path.name} is {_HINT}; this one differs: {error.message}") from error


def is_training(loaded: object) -> bool:
    return isinstance(loaded, Mapping) and isinstance(loaded.get(_TRAINED), Mapping)


def parts_of(loaded: Any) -> object:
    """The five parts out of any of the layouts, as far as it is one."""
    if is_training(loaded):
        return {name: part for name, part in loaded[_TRAINED].items() if name not in _TRAINING_ONLY}
    if isinstance(loaded, Mapping) and loaded and all(isinstance(value, Tensor) for value in loaded.values()):
        return _split(loaded)
    return loaded


def _split(state: Mapping[Any, Tensor]) -> dict[str, dict[str, Tensor]]:
    """A whole network's state dict by its parts."""
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        part, _, rest = str(name).removeprefix("module.").partition(".")
        parts.setdefault(part, {})[rest] = tensor
    return parts


def flattened(checkpoint: object, file_name: str) -> dict[str, Tensor]:
    """By full name. Raises `ModelRejected` unless it has the five parts and no other."""
    if not isinstance(checkpoint, Mapping) or set(checkpoint) != set(PARTS):
        keys = (
            sorted(map(str, checkpoint))[:6] if isinstance(checkpoint, Mapping) else type(checkpoint).__name__
        )
        raise ModelRejected(
            f"{file_name}: expected the parts {', '.join(PARTS)}, found {keys}{_guess(checkpoint)}"
        )
    tensors = {}
    for part in PARTS:
        if not isinstance(checkpoint[part], Mapping):
            raise ModelRejected(f"{file_name}: {part} is no state dict")
        for name, tensor in checkpoint[part].items():
            if not isinstance(tensor, Tensor):
                raise ModelRejected(f"{file_name}: {part}.{name} is not a tensor")
            tensors[f"{part}.{name.removeprefix('module.')}"] = tensor
    return tensors


#: What other programs' voices have at their top -> what they are.
_OTHERS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"weight", "config", "f0"}), "an RVC voice, which changes recordings and reads no text"),
    (frozenset({"weight", "config", "info"}), "a GPT-SoVITS model"),
    (frozenset({"model", "iteration", "learning_rate"}), "a VITS training checkpoint"),
    (frozenset({"state_dict", "hyper_parameters"}), "a Lightning checkpoint, as Piper's training saves"),
)


def _guess(checkpoint: object) -> str:
    if isinstance(checkpoint, Mapping):
        if _TRAINING_ONLY & checkpoint.keys() or set(PARTS) & checkpoint.keys():
            return f": it may be {_HINT}"
        for keys, what in _OTHERS:
            if keys <= checkpoint.keys():
                return f": it looks like {what}; only Kokoro-82M and EmotiVoice are spoken here"
    return ""


def is_unused(name: str, tensor: Tensor) -> bool:
    """The pooler, position numbers, and the affine part of instance norms where it is the identity."""
    if name.startswith(_UNUSED):
        return True
    if name.endswith(".norm.weight"):
        return bool((tensor == 1).all())
    return name.endswith(".norm.bias") and bool((tensor == 0).all())
