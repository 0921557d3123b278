"""Everything that must hold before a change lands: style, types, import directions, tests.

    pip install -e ".[test]" && python tools/check.py

Installs the reference implementation beside the tests' own needs first (its text front end would
pull in spaCy, so it comes without its dependencies). Ends with the test runner's closing line.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = "kokoro==0.9.4"
#: A file's tests stay together, for what they share; files begin in their order.
TWO_AT_ONCE = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
STEPS = (
    ["-m", "pip", "install", "--quiet", "--no-deps", REFERENCE],
    ["-m", "ruff", "check", "."],
    ["-m", "ruff", "format", "--check", "--quiet", "."],
    ["-m", "mypy"],
    ["-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
    ["tools/install_godot.py"],
    ["tools/install_mono.py"],
    ["-m", "tools.install_fleet"],
    ["-m", "pytest", *TWO_AT_ONCE, "--durations=15", "-rs", *sys.argv[1:]],
)


#: Mostly waits for downloads; its tests are the last, and wait for it.
MEANWHILE = ["tools/install_windows_python.py"]


def main() -> int:
    meanwhile = subprocess.Popen([sys.executable, *MEANWHILE], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        return checked()
    finally:
        meanwhile.kill()
        print(meanwhile.communicate()[0].strip(), flush=True)


def checked() -> int:
    for step in STEPS:
        print(f"$ python {' '.join(step)}", flush=True)
        if code := subprocess.run([sys.executable, *step], cwd=ROOT, check=False).returncode:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
