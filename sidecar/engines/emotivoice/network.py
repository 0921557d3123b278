"""The two networks of an EmotiVoice model: the joint generator, and the style encoder."""

import torch
from torch import nn

from sidecar.engines.emotivoice.acoustic import AcousticModel
from sidecar.engines.emotivoice.bert import Bert
from sidecar.engines.emotivoice.config import EmotiVoiceConfig
from sidecar.engines.emotivoice.generator import Generator
from sidecar.engines.layers import Conv, Upsample
from sidecar.engines.tensors import in_memory_of_its_own


class JointGenerator(nn.Module):
    """Acoustic model `am` and vocoder `generator`. Parameters are float32 as loaded."""

    def __init__(self, config: EmotiVoiceConfig) -> None:
        super().__init__()
        self.am = AcousticModel(config)
        self.generator = Generator(config)

    def prepare(self, device: torch.device, precision: torch.dtype) -> "JointGenerator":
        """Move to `device`; the vocoder runs in `precision`, all else in float32: a duration near a
        rounding tie would flip, and shift everything after it."""
        for module in self.eval().requires_grad_(False).modules():
            if isinstance(module, Conv | Upsample):
                module.lay_out()
        self.to(device)
        self.generator.to(precision)
        if device.type == "cpu":
            in_memory_of_its_own(self)
        return self


class StyleEncoder(nn.Module):
    """The encoder of style prompts and contents, under the prefix `bert`."""

    def __init__(self, config: EmotiVoiceConfig) -> None:
        super().__init__()
        self.bert = Bert(config)

    def prepare(self, device: torch.device) -> None:
        self.eval().requires_grad_(False).to(device)
        if device.type == "cpu":
            in_memory_of_its_own(self)
