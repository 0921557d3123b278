"""Starts the sleeper as the sidecar starts its children, prints its number and waits to be killed."""

import time

from sidecar.children.starting import start

if __name__ == "__main__":
    child = start("tests.windows.sleeper", [])
    assert child.stdout is not None
    child.stdout.readline()
    print(child.pid, flush=True)
    time.sleep(300)
