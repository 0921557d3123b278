"""What an idle sidecar costs: processor time over a minute, resident memory.

    python -m tests.benchmarks.idle [--seconds 60]

It has spoken a line, watches its models folder and serves metrics. Bar: under 1 % of a core.
"""

import argparse
import tempfile
import time
from pathlib import Path

import psutil

from sidecar.client import Client
from tests.processes import sidecar


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "connection.json"
        with sidecar(file, "--metrics-port", "0") as process:
            with Client(file, timeout_s=60) as client:
                client.say("Welcome, traveler, to the Gilded Griffin.")
            time.sleep(5)
            watched = psutil.Process(process.pid)
            before = watched.cpu_times()
            time.sleep(options.seconds)
            after = watched.cpu_times()
            used = (after.user + after.system) - (before.user + before.system)
            print(f"{100 * used / options.seconds:.2f} % of a core over {options.seconds:.0f} s, ", end="")
            print(f"{watched.memory_info().rss >> 20} MiB resident, {watched.num_threads()} threads")


if __name__ == "__main__":
    main()
