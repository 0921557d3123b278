"""Drop bad packs by the thousand: `python -m tests.benchmarks.bad_packs --count 1000`.

Kinds come in turn, each time with another seed; the first are those that only sound
wrong, made from the default voice (`--sounding 0` leaves them out). Ends with the kinds that were
taken or refused for another reason, and an exit code that says whether there were any.
"""

import argparse
import itertools
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from sidecar.home import Home
from sidecar.models.default_voice import ensure_default_voice
from tests.attacks.defects import DEFECTS, SOUNDING_DEFECTS
from tests.attacks.drop import drop
from tests.attacks.packs import make_miniature


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--sounding", type=int, default=28, help="how many of them need the real voice")
    options = parser.parse_args()
    began, wrong, reasons = time.monotonic(), [], Counter[str]()
    with tempfile.TemporaryDirectory() as root:
        miniature = make_miniature(Path(root) / "good" / "pack")
        real = ensure_default_voice(Home.from_environment()).folder if options.sounding else miniature
        kinds = itertools.chain(
            itertools.islice(itertools.cycle(SOUNDING_DEFECTS.items()), options.sounding),
            itertools.islice(itertools.cycle(DEFECTS.items()), options.count - options.sounding),
        )
        for number, (name, spoil) in enumerate(kinds):
            good = real if name in SOUNDING_DEFECTS else miniature
            outcome = drop(good, Path(root) / "work", name, spoil, seed=number)
            reasons[str(outcome.reason)] += 1
            if not outcome.right:
                wrong.append(name)
                print(f"WRONG {name} seed {number}: {outcome}", flush=True)
    for reason, count in reasons.most_common():
        print(f"{count:6d} {reason}")
    print(f"{options.count} packs, {len(wrong)} wrong, {time.monotonic() - began:.0f} s")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
