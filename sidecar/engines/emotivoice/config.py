"""The dimensions of an EmotiVoice model; they travel with the weights in the pack's manifest."""

from dataclasses import dataclass
from math import ceil, prod

from sidecar.engines.family import Capabilities

ARCHITECTURE = "emotivoice"
DEFAULT_SPEAKER = "8051"
CAPABILITIES = Capabilities(plans_f0=True, plans_energy=True, streams_pieces=True, reads_prompts=True)
SAMPLE_RATE_HZ = 16000
EDGE_KERNEL = 7  #: of the vocoder's first and last convolution


def language_of(_speaker: str) -> str:
    """English: the published speakers are readers of English books, whatever else they speak here."""
    return "en-US"


@dataclass(frozen=True)
class EmotiVoiceConfig:
    """Sizes of every part (source: `config/joint/config.yaml` of netease-youdao/EmotiVoice, Apache-2.0).

    One frame is `hop` samples: 256 at 16 kHz, 16 ms. The `bert_` sizes are those of SimBERT, whose
    pooled output describes the style prompt and the content. Predictors are `pitch_layers`,
    `energy_layers` and `duration_layers` deep; the feed-forward layers are four times as wide as the
    model.
    """

    n_token: int = 502
    n_speaker: int = 2014
    width: int = 384
    encoder_layers: int = 4
    encoder_heads: int = 8
    decoder_layers: int = 4
    decoder_heads: int = 8
    predictor_width: int = 384
    pitch_layers: int = 3
    energy_layers: int = 2
    duration_layers: int = 2
    mels: int = 80
    generator_channels: int = 512
    upsample_rates: tuple[int, ...] = (8, 8, 2, 2)
    resblock_kernels: tuple[int, ...] = (3, 7, 11)
    resblock_dilations: tuple[int, ...] = (1, 3, 5)
    bert_vocabulary: int = 13685
    bert_width: int = 768
    bert_layers: int = 12
    bert_heads: int = 12
    bert_ffn: int = 3072
    bert_positions: int = 512

    @property
    def ffn(self) -> int:
        return 4 * self.width

    @property
    def hop(self) -> int:
        """Audio samples for one frame."""
        return prod(self.upsample_rates)

    @property
    def context_frames(self) -> int:
        """How many frames away a frame can still be heard in the vocoder, rounded up."""
        widest = max(self.resblock_kernels) // 2
        block = sum(widest * dilation + widest for dilation in self.resblock_dilations)
        reach, steps = float(EDGE_KERNEL // 2), 1
        for rate in self.upsample_rates:
            reach += 1 / steps
            steps *= rate
            reach += block / steps
        return ceil(reach + EDGE_KERNEL // 2 / steps)

    @property
    def frame_s(self) -> float:
        return self.hop / SAMPLE_RATE_HZ
