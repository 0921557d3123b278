"""Pip, which takes itself to be on Windows: else it would choose what Linux needs besides a wheel.

python pip_for_windows.py install --platform win_amd64 ... PACKAGE...
"""

import sys

from pip._vendor.packaging import markers

WINDOWS = {
    "os_name": "nt",
    "sys_platform": "win32",
    "platform_system": "Windows",
    "platform_machine": "AMD64",
    "platform_release": "10",
    "platform_version": "10.0.18362",
    "python_full_version": "3.11.9",
}

known = {**markers.default_environment(), **WINDOWS}
markers.default_environment = lambda: dict(known)

from pip._internal.cli.main import main  # noqa: E402 - after it has been told

sys.exit(main(sys.argv[1:]))
