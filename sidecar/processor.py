"""What the libraries that compute need of a processor, told before they are loaded and end without a word."""

import platform
import sys
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
X86_64 = ("x86_64", "amd64")


def complaint() -> str | None:
    """One line for the user of a processor on which NumPy's and PyTorch's wheels may end at once; None where
    they run, and where the system does not tell (only Linux does)."""
    if sys.platform != "linux" or platform.machine().lower() not in X86_64:
        return None
    try:
        flags = CPUINFO.read_text("utf-8").partition("flags")[2].partition("\n")[0].split()
    except (OSError, ValueError):
        return None
    if not flags or "avx" in flags:
        return None
    return "this processor has no AVX: what computes the voice may end at once (illegal instruction)"
