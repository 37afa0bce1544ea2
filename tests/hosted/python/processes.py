"""The sandbox's worker processes, as the system lists them."""

import asyncio
from contextlib import suppress

import psutil  # type: ignore[import-untyped, unused-ignore]  # it ships no types

from tests.support.eventually import eventually


def workers() -> list[psutil.Process]:
    """The workers that run; one that ended stays a zombie until another process ends."""
    found = []
    for process in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # it ended since it was listed
            if "monty" in process.name() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


async def gone(process: psutil.Process) -> None:
    await asyncio.to_thread(process.wait, 30)


async def busy_worker() -> psutil.Process:
    def busy() -> list[psutil.Process]:
        found = []
        for process in workers():
            with suppress(psutil.NoSuchProcess):
                if process.cpu_times().user > 0.5:  # more than its start takes
                    found.append(process)
        return found

    return (await eventually(busy))[0]
