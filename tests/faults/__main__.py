"""The long run: ``python -m tests.faults --rounds 500 --seed 1``; prints a row of the table."""

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from tests.faults.rounds import HEADING, run


def main() -> int:
    """Run; the exit code is 1 where something was lost, doubled or otherwise wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="kills in a running world")
    parser.add_argument("--seed", type=int, default=None, help="what is to be replayed")
    parser.add_argument("--embedded", action="store_true", help="no server beside the bot")
    parser.add_argument("--quiet", action="store_true", help="the table alone")
    given = parser.parse_args()
    seed = random.randrange(1_000_000) if given.seed is None else given.seed
    directory = Path(tempfile.mkdtemp(prefix=f"faults-{seed}-"))
    tell = (lambda line: None) if given.quiet else (lambda line: print(line, flush=True))
    outcome = asyncio.run(run(directory, seed, given.rounds, remote=not given.embedded, tell=tell))
    print(HEADING)
    print(outcome.row())
    print(f"{outcome.seconds:.0f} s")
    for sentence in outcome.verdict.wrong:
        print(f"wrong: {sentence}")
    if outcome.verdict.wrong:
        print(f"replay with --seed {seed}{' --embedded' if given.embedded else ''}; {directory}")
    return 1 if outcome.verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
