"""``python -m tests.hostile``: a neighbour beside each attack; ``--flows 20000``: the soak.

Prints the tables; the exit code is 1 where anything was read across, answered 5xx or failed.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.hostile.attacks import ATTACKS
from tests.hostile.soak import soak
from tests.hostile.trial import trial


def main() -> int:
    """Run the trial, or the soak where flows are asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each attack")
    parser.add_argument("--attack", action="append", choices=tuple(ATTACKS), default=[])
    parser.add_argument("--flows", type=int, default=0, help="so many mixed flows instead")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        if given.flows:
            outcome = asyncio.run(soak(Path(directory), given.flows))
            print(outcome.table())
            wrong = outcome.wrong
        else:
            report = asyncio.run(trial(Path(directory), given.seconds, tuple(given.attack)))
            print(report.table())
            wrong = report.wrong
    for sentence in wrong:
        print(f"wrong: {sentence}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
