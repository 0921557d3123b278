"""The reference implementation, PyPI `kokoro` 0.9.4, filled with the weights of one of our packs.

Its `__init__` pulls in spaCy through its text front end, which nothing here needs: the package
is entered beside it, so that only its network is imported.
"""

import importlib
import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import torch

ISTFTNET = {
    "upsample_kernel_sizes": [20, 12],
    "upsample_rates": [10, 6],
    "gen_istft_hop_size": 5,
    "gen_istft_n_fft": 20,
    "resblock_dilation_sizes": [[1, 3, 5]] * 3,
    "resblock_kernel_sizes": [3, 7, 11],
    "upsample_initial_channel": 512,
}
ALBERT = {
    "vocab_size": 178,
    "hidden_size": 768,
    "num_attention_heads": 12,
    "intermediate_size": 2048,
    "max_position_embeddings": 512,
    "num_hidden_layers": 12,
}


def available() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in ("kokoro", "transformers"))


def network_modules() -> tuple[types.ModuleType, types.ModuleType]:
    if "kokoro.modules" not in sys.modules:
        spec = importlib.util.find_spec("kokoro")
        assert spec is not None and spec.submodule_search_locations
        package = types.ModuleType("kokoro")
        package.__path__ = [str(Path(place)) for place in spec.submodule_search_locations]
        sys.modules["kokoro"] = package
    return importlib.import_module("kokoro.modules"), importlib.import_module("kokoro.istftnet")


class Reference(torch.nn.Module):
    """The published network: `plan` and `render` as its own `forward_with_tokens` does them."""

    def __init__(self, weights: dict[str, torch.Tensor]) -> None:
        super().__init__()
        from transformers import AlbertConfig

        modules, istftnet = network_modules()
        self.bert = modules.CustomAlbert(AlbertConfig(**ALBERT))
        self.bert_encoder = torch.nn.Linear(768, 512)
        self.predictor = modules.ProsodyPredictor(
            style_dim=128, d_hid=512, nlayers=3, max_dur=50, dropout=0.2
        )
        self.text_encoder = modules.TextEncoder(channels=512, kernel_size=5, depth=3, n_symbols=178)
        self.decoder = istftnet.Decoder(dim_in=512, style_dim=128, dim_out=80, **ISTFTNET)
        self.load(weights)
        self.eval()

    def load(self, weights: dict[str, torch.Tensor]) -> None:
        for module in self.modules():
            if hasattr(module, "weight_g"):
                torch.nn.utils.remove_weight_norm(module)
        missing, unexpected = self.load_state_dict(weights, strict=False)
        left = [n for n in missing if ".norm." not in n and "pooler" not in n and "position_ids" not in n]
        assert not left and not unexpected, (left[:3], unexpected[:3])

    @torch.no_grad()
    def plan(self, ids: torch.Tensor, style: torch.Tensor, speed: float = 1.0):
        """ids [1, T], style [1, 256] -> durations [T], F0 [1, 2F], energy [1, 2F], alignment [1, T, F]."""
        lengths = torch.tensor([ids.shape[1]])
        mask = torch.zeros(ids.shape, dtype=torch.bool)
        encoded = self.bert_encoder(self.bert(ids, attention_mask=(~mask).int())).transpose(-1, -2)
        manner = style[:, 128:]
        d = self.predictor.text_encoder(encoded, manner, lengths, mask)
        x, _ = self.predictor.lstm(d)
        steps = torch.sigmoid(self.predictor.duration_proj(x)).sum(-1) / speed
        durations = torch.round(steps).clamp(min=1).long()[0]
        index = torch.repeat_interleave(torch.arange(ids.shape[1]), durations)
        alignment = torch.zeros(1, ids.shape[1], len(index))
        alignment[0, index, torch.arange(len(index))] = 1
        f0, n = self.predictor.F0Ntrain(d.transpose(-1, -2) @ alignment, manner)
        return durations, f0, n, alignment

    @torch.no_grad()
    def render(self, ids, alignment, f0, n, style, harmonic_noise: torch.Tensor) -> np.ndarray:
        """`harmonic_noise` [1, 600 F, 9] stands in for the source's own random numbers."""
        lengths = torch.tensor([ids.shape[1]])
        mask = torch.zeros(ids.shape, dtype=torch.bool)
        text = self.text_encoder(ids, lengths, mask) @ alignment
        drawn = torch.randn_like
        torch.randn_like = lambda x: harmonic_noise if x.shape == harmonic_noise.shape else drawn(x)
        try:
            return self.decoder(text, f0, n, style[:, :128]).squeeze().numpy()
        finally:
            torch.randn_like = drawn
