"""What a text says and how it feels, as the vectors that the acoustic model takes."""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import torch

from sidecar.engines.emotivoice.network import StyleEncoder
from sidecar.engines.emotivoice.wordpiece import WordPieces
from sidecar.engines.layers import Span
from sidecar.prosody.plan import Floats, Style

MOST_KEPT = 2048


class StyleVectors:
    """Texts -> vectors [bert_width], each computed once. Not thread-safe.

    A text beyond the encoder's positions (512, of which two are the ends) counts up to there.
    """

    def __init__(
        self, encoder: StyleEncoder, pieces: WordPieces, positions: int, device: torch.device
    ) -> None:
        self._encoder, self._pieces, self._positions, self._device = encoder, pieces, positions, device
        self._kept: OrderedDict[str, Floats] = OrderedDict()

    def of(self, texts: Sequence[str]) -> list[Floats]:
        """Also for the empty text: that is what upstream takes for no prompt."""
        return [self._of(text) for text in texts]

    def leaning(self, prompt: str, style: Style) -> Floats:
        """From a prompt towards others: at strength 1 of one alone it is that one, beyond it goes on the
        same way, within the range -1..1 that the encoder's own vectors have."""
        start = self._of(prompt)
        if not style:
            return start
        way = sum((strength * (self._of(other) - start) for other, strength in style), np.zeros_like(start))
        return np.clip(start + way, -1, 1).astype(np.float32)

    def _of(self, text: str) -> Floats:
        if text not in self._kept:
            self._kept[text] = self._encoded(text)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(text)
        return self._kept[text]

    def _encoded(self, text: str) -> Floats:
        """One by one: a vector must not depend on the company its text has in a batch."""
        ids = self._pieces.ids(text, self._positions)
        tokens = torch.tensor([ids], device=self._device)
        vector: Floats = self._encoder.bert(tokens, Span([len(ids)], self._device))[0].cpu().numpy()
        return np.ascontiguousarray(vector)
