"""``python -m bench.rush``: many taps at once, at several settings of ``operations_per_second``.

The worst moment for Asterisk is Phonograph's start in the middle of the day: every call that is up wants its tap now.
How soon are all of them recorded, and what does somebody hear meanwhile who talks?
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench.figures import grid
from bench.load import Load
from bench.probes import longest_silence
from bench.rounds import POLICY
from tests.asterisk import AsteriskServer
from tests.phone import Phones
from tests.phonograph import Phonograph, settings
from tests.sounds import noise

__all__ = ["Rush", "measure"]

RATES = (20, 50, 100, 200, 400, 1000)
CALLS = 50
PLACED = 25
"""Calls a second, before Phonograph is there."""

WATCHED = 5.0
"""Seconds after the start in which everything is expected to have come up."""


@dataclass(frozen=True, slots=True)
class Rush:
    """What came of one setting.

    Attributes:
        asked, up: taps; more asked for than calls are up means that some were given up and asked for again.
        seconds: from the first asked for to the last that was up.
        silence: the longest time between two packets that a bystander got, in seconds; 0.02 is none.
        queued: how often Asterisk complained that its queue of events for us was too long.
    """

    rate: float
    asked: int
    up: int
    seconds: float
    silence: float
    queued: int

    def cells(self) -> tuple[str, ...]:
        """In the order of the table's heads."""
        return (f"{self.rate:g}", f"{self.up} of {self.asked}", f"{self.seconds:.2f} s",
                f"{1000 * self.silence:.0f} ms", str(self.queued))


HEADS = ("operations_per_second", "taps up", "all up after", "longest gap in a bystander's audio",
         "Asterisk's queue too long")


def taps(ledger: Path) -> tuple[int, int, float]:
    """Of a service's ledger: taps asked for, taps that came up, and seconds from the first asked for to the last up."""
    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as connection:
        row = connection.execute("SELECT COUNT(*), COUNT(started), MAX(started) - MIN(asked) FROM segments").fetchone()
    return int(row[0]), int(row[1]), float(row[2] or 0.0)


async def measure(rate: float, folder: Path) -> Rush:
    """Put calls up on an Asterisk of its own, start Phonograph, and look."""
    server = AsteriskServer(folder / "asterisk")
    await asyncio.to_thread(server.start)
    try:
        switch = {**settings(server, folder)["switches"]["main"], "operations_per_second": rate}
        service = Phonograph(server, folder / "phonograph", policy=POLICY, switches={"main": switch})
        async with Load(server) as load, Phones(server) as phones:
            alice, bob = await phones.user("alice", noise(1)), await phones.user("bob", noise(2))
            call = alice.call("102")
            bystander = await bob.next_call()
            await call.answered
            talking = asyncio.create_task(load.calls(CALLS, rate=PLACED, seconds=CALLS / PLACED + 2 * WATCHED))
            await asyncio.sleep(CALLS / PLACED + 1)
            heard = len(bystander.stream.arrivals)
            await service.start()
            await asyncio.sleep(WATCHED)
            silence = longest_silence(bystander.stream.arrivals[heard:])
            asked, up, seconds = taps(service.folder / "ledger.sqlite")
            await talking
            await call.hangup()
        await service.stop()
        log = (server.folder / "log" / "messages.log").read_text(errors="replace")
    finally:
        server.stop()
    return Rush(rate, asked, up, seconds, silence, log.count("scheduled tasks"))


def main() -> int:
    """Measure at every rate, there and back.

    Returns:
        The exit status.
    """
    found = []
    for rate in (*RATES, *reversed(RATES)):
        print(f"{CALLS} calls up, {rate} operations a second", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="phonograph-rush-") as folder:
            found.append(asyncio.run(measure(rate, Path(folder))))
    found.sort(key=lambda one: one.rate)
    print(grid([HEADS, *(one.cells() for one in found)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
