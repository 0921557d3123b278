"""The parity fixture: small random models in the published layout, and what upstream's code made of them."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from sidecar.engines.checkpoint import load
from sidecar.engines.emotivoice.checkpoint_import import fitted, joint_tensors, measured, style_tensors
from sidecar.engines.emotivoice.config import EmotiVoiceConfig
from sidecar.engines.emotivoice.network import JointGenerator, StyleEncoder
from sidecar.home import Home
from sidecar.models.pack import Pack
from sidecar.modkit.importer import import_checkpoint

FOLDER = Path(__file__).parent.parent / "data" / "emotivoice"
JOINT, PARAMETRIZED = FOLDER / "emotivoice_joint_tiny.pth", FOLDER / "emotivoice_joint_tiny_parametrized.pth"
STYLE, VOCABULARY = FOLDER / "style_encoder_tiny.pth", FOLDER / "bert_tiny" / "vocab.txt"
HEADS = {"encoder_heads": 4, "decoder_heads": 2, "bert_heads": 4}

CASES = {case["name"]: case for case in json.loads((FOLDER / "cases.json").read_text("utf-8"))["cases"]}


def tensors(joint: Path = JOINT) -> tuple[EmotiVoiceConfig, dict[str, Tensor], dict[str, Tensor]]:
    """Configuration, the joint generator's and the style encoder's tensors, as the importer reads them."""
    found = joint_tensors(load(joint), joint.name)  # type: ignore[arg-type]
    style = style_tensors(load(STYLE), STYLE.name)  # type: ignore[arg-type]
    config = measured(EmotiVoiceConfig(**HEADS), found, style)
    return config, *fitted(config, found, style, (joint.name, STYLE.name))


def networks(joint: Path = JOINT) -> tuple[JointGenerator, StyleEncoder]:
    """Both networks, ready to run on the CPU."""
    config, found, style = tensors(joint)
    generator, encoder = JointGenerator(config), StyleEncoder(config)
    generator.load_state_dict(found)
    encoder.load_state_dict(style)
    return generator.prepare(torch.device("cpu"), torch.float32), encoder.eval().requires_grad_(False)


def expected(name: str) -> dict[str, Tensor]:
    return load_file(FOLDER / f"{name}.safetensors")


def make_pack(home: Home) -> Pack:
    """The small model as a pack of the home, imported as a user does; it does not sound like speech."""
    sizes = home.root / "config.json"
    home.root.mkdir(parents=True, exist_ok=True)
    sizes.write_text(json.dumps(HEADS))
    return import_checkpoint([JOINT, STYLE, VOCABULARY, sizes], home, "tiny", "1.0.0", listen=False)
