"""The dimensions of Kokoro-82M; they travel with the weights in the pack's manifest."""

from dataclasses import dataclass

from sidecar.engines.family import VOICES as VOICES
from sidecar.engines.family import Capabilities

ARCHITECTURE = "kokoro"
WIDTH = 256  #: of a row of the voice tables
PARTS = ("mean", "length", "style")  #: of a voice in low rank
LAYERS = "layers"  #: what a voice adds in each layer of the decoder
DEFAULT_SPEAKER = "af_heart"
CAPABILITIES = Capabilities(plans_f0=True, plans_energy=True, streams_pieces=False, reads_prompts=False)

#: First letter of a voice's name -> the language of its recordings (source: hexgrad/Kokoro-82M, VOICES.md).
RECORDED_IN = {
    "a": "en-US", "b": "en-GB", "e": "es", "f": "fr-FR", "h": "hi", "i": "it", "j": "ja",
    "p": "pt-BR", "z": "zh-CN",
}  # fmt: skip


def language_of(name: str) -> str:
    """BCP 47 tag for a voice's name; English for names that follow no convention."""
    return RECORDED_IN.get(name[:1], "en-US") if name[2:3] == "_" else "en-US"


def voice_of(tensor: str) -> str:
    """Whose table a tensor of `VOICES` is, or a part of whose: "am_adam.mean" -> "am_adam"."""
    name, _, part = tensor.rpartition(".")
    return name if name and part in (*PARTS, LAYERS) else tensor


@dataclass(frozen=True)
class KokoroConfig:
    """Sizes of every part of the network (source: `config.json` of hexgrad/Kokoro-82M, Apache-2.0).

    Frame rates: one duration frame is 25 ms (40 Hz); the F0 and energy curves and the
    decoder's output run at 80 Hz; the generator upsamples by `upsample_rates` (10 x 6)
    to STFT frames, which the inverse STFT turns into `sample_rate_hz`.
    """

    n_token: int = 178
    hidden: int = 512
    style: int = 128
    max_duration_frames: int = 50
    depth: int = 3
    text_kernel: int = 5
    bert_embedding: int = 128
    bert_hidden: int = 768
    bert_heads: int = 12
    bert_layers: int = 12
    bert_ffn: int = 2048
    bert_positions: int = 512
    decoder_hidden: int = 1024
    text_residual: int = 64
    generator_channels: int = 512
    upsample_rates: tuple[int, ...] = (10, 6)
    upsample_kernels: tuple[int, ...] = (20, 12)
    resblock_kernels: tuple[int, ...] = (3, 7, 11)
    resblock_dilations: tuple[int, ...] = (1, 3, 5)
    noise_kernels: tuple[int, ...] = (7, 11)
    n_fft: int = 20
    hop: int = 5
    harmonics: int = 9
    sample_rate_hz: int = 24000

    @property
    def max_phonemes(self) -> int:
        """Phonemes in one phrase, without the two boundary tokens."""
        return self.bert_positions - 2

    @property
    def timbre_layers(self) -> int:
        """Layers of the decoder that listen to the timbre: 10, and as published 24 in each stage."""
        blocks = 1 + len(self.resblock_kernels)
        return 2 * (5 + len(self.upsample_rates) * blocks * len(self.resblock_dilations))

    @property
    def samples_per_curve_frame(self) -> int:
        """Audio samples for one step of the F0 curve (300 samples = 12.5 ms)."""
        upsampling = self.hop
        for rate in self.upsample_rates:
            upsampling *= rate
        return upsampling
