"""Building blocks of every engine.

Every sequence is ``[batch, time, channels]``, contiguous, so that convolutions run
channels-last and matrix products need no transposition. Lines of different lengths
share a batch: a `Span` knows each row's true length, and every operation that looks
across time (convolution, attention, normalisation, recurrence) ignores what lies beyond it.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_EPS = 1e-12  #: of the layer norms of transformers: BERT's, ALBERT's and ESPnet's


class Span:
    """The valid time steps of a batch.

    `mask` is ``[batch, time, 1]`` of 0 and 1, or None when all rows are full: then
    masking costs nothing.
    """

    def __init__(self, lengths: Sequence[int], device: torch.device) -> None:
        self.lengths = list(lengths)
        self.longest = max(self.lengths)
        self.device = device
        self.count = torch.tensor(self.lengths, device=device)
        self.mask: Tensor | None = None
        if min(self.lengths) != self.longest:
            steps = torch.arange(self.longest, device=device)
            self.mask = (steps < self.count[:, None])[..., None].float()

    def scaled(self, factor: int, extra: int = 0) -> "Span":
        """The same rows after upsampling by `factor` and appending `extra` steps."""
        return Span([length * factor + extra for length in self.lengths], self.device)

    def clean(self, x: Tensor) -> Tensor:
        """`x` [B, T, C] with zeros beyond each row's end."""
        return x if self.mask is None else x * self.mask.to(x.dtype)


class Linear(nn.Linear):
    """A linear layer that spends no time on initial values: weights always come from a pack."""

    def reset_parameters(self) -> None: ...


class Embedding(nn.Embedding):
    """An embedding table without initial values."""

    def reset_parameters(self) -> None: ...


class Conv(nn.Module):
    """1-D convolution over [B, T, C] with 'same' padding unless told otherwise.

    `weight` is kept as ``[out, in, 1, kernel]`` in channels-last memory, the layout in which
    oneDNN and cuDNN need no reordering.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, dilation: int = 1, stride: int = 1,
        padding: int | None = None, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None
        self.dilation, self.stride = dilation, stride
        self.padding = dilation * (kernel - 1) // 2 if padding is None else padding

    def lay_out(self) -> None:
        """Rearrange the loaded ``[out, in, kernel]`` weight for channels-last execution."""
        weight = self.weight.data.unsqueeze(2).contiguous(memory_format=torch.channels_last)
        self.weight = nn.Parameter(weight, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        image = x.to(self.weight.dtype).unsqueeze(1).permute(0, 3, 1, 2)  # [B, C, 1, T]
        y = F.conv2d(
            image, self.weight, self.bias, stride=(1, self.stride),
            padding=(0, self.padding), dilation=(1, self.dilation),
        )  # fmt: skip
        return y.permute(0, 2, 3, 1).squeeze(1)  # [B, T', C']


class Upsample(nn.Module):
    """Transposed convolution whose kernel is twice its stride and whose padding is half of it.

    Each input step then touches exactly two output blocks, so it is one matrix product
    and one shifted addition. `weight` ``[in, out, kernel]``; [B, T, in] -> [B, T * stride, out].
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        if kernel != 2 * stride or stride % 2:
            raise ValueError(f"kernel {kernel} must be twice the even stride {stride}")
        self.weight = nn.Parameter(torch.empty(inputs, outputs, kernel))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.stride = stride

    def lay_out(self) -> None:
        """Rearrange the loaded weight to ``[2 * stride * out, in]``, time-major."""
        weight = self.weight.data.permute(2, 1, 0).flatten(0, 1).contiguous()
        self.weight = nn.Parameter(weight, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, time, _ = x.shape
        blocks = F.linear(x.to(self.weight.dtype), self.weight).view(batch, time, 2, -1)
        y = blocks.new_zeros(batch, time + 1, blocks.shape[-1])
        y[:, :time] += blocks[:, :, 0]
        y[:, 1:] += blocks[:, :, 1]
        y = y.view(batch, (time + 1) * self.stride, -1)
        half = self.stride // 2
        return y[:, half : half + time * self.stride] + self.bias
