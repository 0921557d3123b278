"""The command line of a sidecar whose device fails for good with a line that says "curse".

    python -m tests.faults.lost serve

On an NVIDIA device that is a real failed assertion; elsewhere one in name.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does; read when torch is loaded

import torch

from sidecar import cli
from sidecar.engines import torch_runtime
from sidecar.engines.kokoro.engine import KokoroEngine

is_lost, render = torch_runtime.is_lost, KokoroEngine._render


def fail_for_good(on: torch.device) -> None:
    if on.type == "cuda":
        outside = torch.tensor([9], device=on)
        torch.zeros(1, device=on)[outside].cpu()
    raise RuntimeError("CUDA error: device-side assert triggered")


def cursed(self, plans, seeds):
    if any("curse" in plan.phrase.text for plan in plans):
        fail_for_good(self.device)
    return render(self, plans, seeds)


def main() -> None:
    KokoroEngine._render = cursed
    torch_runtime.is_lost = lambda on: on.type == "cpu" or is_lost(on)
    cli.main()


if __name__ == "__main__":
    main()
