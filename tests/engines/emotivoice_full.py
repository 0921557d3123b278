"""EmotiVoice's files at their full size, with random weights in the published layout.

The tensors are those of a speaking model; what only training needs (aligner, classifiers, the optimiser's
moments) is there too where it makes the files as large as the published ones: 213 MB and 1.16 GB.
"""

from pathlib import Path

import torch
from torch import Tensor

from sidecar.engines.emotivoice.config import EmotiVoiceConfig
from sidecar.engines.emotivoice.config_check import joint_shapes, style_shapes

CONFIG = EmotiVoiceConfig()
#: exp of it, less 1, is a token's frames at most weights: a usual tempo.
LOG_FRAMES = 2.0


def write_full_size(folder: Path) -> list[Path]:
    """`g_00140000`, `checkpoint_163431` and `vocab.txt`."""
    folder.mkdir(parents=True, exist_ok=True)
    joint, style, vocabulary = (folder / name for name in ("g_00140000", "checkpoint_163431", "vocab.txt"))
    torch.save({"generator": weight_normed(random_tensors(joint_shapes(CONFIG)))}, joint)
    model = {f"module.{name}": tensor for name, tensor in random_tensors(style_shapes(CONFIG)).items()}
    moments = {
        at: {"step": 1.0, "exp_avg": tensor.clone(), "exp_avg_sq": tensor.clone()}
        for at, tensor in enumerate(model.values())
    }
    torch.save({"model": model, "optimizer": {"state": moments}, "iteration": 163431}, style)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces += [f"piece{number}" for number in range(CONFIG.bert_vocabulary - len(pieces))]
    vocabulary.write_text("\n".join(pieces) + "\n", "utf-8")
    return [joint, style, vocabulary]


def random_tensors(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Small numbers; gains of norms about 1, so that nothing vanishes or runs away."""
    chance = torch.Generator().manual_seed(7)
    made = {name: 0.05 * torch.randn(shape, generator=chance) for name, shape in shapes.items()}
    for name, tensor in made.items():
        if "norm" in name.lower() and name.endswith("weight"):
            tensor += 1
    if (bias := made.get("am.duration_predictor.linear.bias")) is not None:
        bias.fill_(LOG_FRAMES)
    return made


def weight_normed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The vocoder's convolutions as the pairs that are in the published file."""
    result = {}
    for name, tensor in tensors.items():
        if name.startswith("generator.") and name.endswith(".weight"):
            stem = name.removesuffix(".weight")
            length = tensor.flatten(1).norm(dim=1).view(-1, *[1] * (tensor.dim() - 1))
            result |= {f"{stem}.weight_g": length, f"{stem}.weight_v": tensor}
        else:
            result[name] = tensor
    return result
