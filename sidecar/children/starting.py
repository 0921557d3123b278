"""Starting a module of ours in a child process that may hang, crash or be taken over.

The child starts isolated (`-I`), without the caller's secrets in its environment, and finds our code and
libraries where we have found them ourselves. It ends when its standard input is closed, so it does not
outlive us; what is sent to our terminal or process group does not reach it.
"""

import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

#: What a child inherits: enough to find libraries and temporary space, and which instructions sums are done
#: with, since others differ in the last bit.
KEPT_ENVIRONMENT = (
    "PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE",
    "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY",
    "NPY_DISABLE_CPU_FEATURES",
)  # fmt: skip
#: One thread that sleeps while it waits, and no accelerator.
_SET_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "CUDA_VISIBLE_DEVICES": ""}
#: What a program that was frozen with us in it is told, to be a child instead of the program.
AS_CHILD = "--as-child"
CHILDREN = (
    "sidecar.audio.decoding_child", "sidecar.baking.speaking_child", "sidecar.checks.child",
    "sidecar.children.command_child", "sidecar.fitting.reading_child",
    "sidecar.modkit.import_child",
)  # fmt: skip
_LIBRARIES = (
    "sidecar", "torch", "onnxruntime", "numpy", "safetensors", "onnx", "msgpack", "filelock", "platformdirs",
    "cryptography", "psutil", "soundfile", "soxr", "misaki", "jieba", "pypinyin",
)  # fmt: skip
#: After the standard library, before whatever this interpreter would find by itself.
_START = (
    "import runpy, sys; paths, module = sys.argv[1].split('\\n'), sys.argv[2];"
    "at = next((i for i, path in enumerate(sys.path) if '-packages' in path), len(sys.path));"
    "sys.path[at:at] = paths; sys.argv[:3] = [module]; runpy.run_module(module, run_name='__main__')"
)


def start(
    module: str, arguments: Sequence[str], *, low_priority: bool = False, heard: bool = True
) -> "subprocess.Popen[bytes]":
    """The child that runs `module` with `arguments` as a program; its stdin and stdout are pipes, and its
    stderr, if it is to be `heard`. `low_priority` holds on Windows; elsewhere a child sees to it itself.
    Raises `OSError`.
    """
    child = subprocess.Popen(
        child_command(module, arguments),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if heard else subprocess.DEVNULL,
        env=child_environment(), creationflags=_creation_flags(low_priority), start_new_session=True,
    )  # fmt: skip
    _tie(child.pid)
    return child


def _tie(pid: int) -> None:
    """On Windows the system ends a child with us, also one that does not watch its input any more."""
    if sys.platform == "win32":
        from sidecar import windows

        with suppress(OSError):  # it has ended already, or Windows is too old
            windows.end_with_us(pid)


def child_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.upper() in KEPT_ENVIRONMENT}
    return {**kept, **_SET_ENVIRONMENT}


def child_command(module: str, arguments: Sequence[str]) -> list[str]:
    """How this very program, installed or frozen, starts a module of its own."""
    if getattr(sys, "frozen", False):
        return [sys.executable, AS_CHILD, module, *arguments]
    return [sys.executable, "-I", "-c", _START, "\n".join(library_folders()), module, *arguments]


def library_folders() -> list[str]:
    """The folders where this process finds itself and what the children need, each once."""
    origins = [Path(origin).resolve() for name in _LIBRARIES if (origin := _origin(name))]
    return list(dict.fromkeys(str(_above(origin)) for origin in origins))


def _origin(name: str) -> str | None:
    """The file of a library; None where it is not installed, or may not be found."""
    try:
        spec = find_spec(name)
    except ImportError:
        return None
    return None if spec is None else spec.origin


def _above(origin: Path) -> Path:
    return origin.parent.parent if origin.stem == "__init__" else origin.parent


def be_child_if_told(arguments: Sequence[str]) -> None:
    """In a frozen program, what `python -m` is elsewhere: does not return if `arguments` ask for a child."""
    if len(arguments) > 2 and arguments[1] == AS_CHILD and arguments[2] in CHILDREN:
        module = arguments[2]
        sys.argv[:3] = [module]
        runpy.run_module(module, run_name="__main__")
        sys.exit(0)


def _creation_flags(low_priority: bool) -> int:
    if sys.platform == "win32":
        alone = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        return alone | (subprocess.BELOW_NORMAL_PRIORITY_CLASS if low_priority else 0)
    return 0  # elsewhere the child lowers its own priority
