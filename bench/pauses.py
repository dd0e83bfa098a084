"""``python -m bench.pauses``: what a pause costs of the audio around it, and how long its confirmation takes.

Two hundred pauses at random moments, ten calls at once; the same calls as in the live test that nothing of a pause is
kept.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.figures import grid, quantile
from tests.asterisk import AsteriskServer
from tests.asterisk_live.dialplans import add
from tests.asterisk_live.menus import menus
from tests.listening import Kept
from tests.phone import Phones
from tests.phonograph import Phonograph
from tests.random_pauses import run, seams
from tests.recorded import EVERYTHING

__all__ = ["line", "measure"]

CALLS, PAUSES, SEED = 10, 20, 7

HEADS = ("what", "median", "p99", "most", "of")


def line(what: str, seconds: Sequence[float]) -> tuple[str, ...]:
    """Times in seconds as a line of the table, in milliseconds."""
    figures = (quantile(seconds, 0.5), quantile(seconds, 0.99), max(seconds))
    return (what, *(f"{1000 * figure:.0f} ms" for figure in figures), str(len(seconds)))


async def measure(server: AsteriskServer, folder: Path) -> list[tuple[str, ...]]:
    """Place the calls, pause them, and look at what is missing."""
    await asyncio.to_thread(add, server, menus(SEED, calls=CALLS, pauses=PAUSES))
    with Kept(server.recordings) as kept:
        async with Phonograph(server, folder, policy=EVERYTHING) as service, Phones(server) as phones:
            done = await run(service, phones, seed=SEED, calls=CALLS, pauses=PAUSES)
            rows = await service.closed(CALLS)
        lost = seams(rows, done, {Path(name).name: track for name, track in kept.tracks()})
    confirmed = [pause["confirmed"] - pause["asked"] for row in rows for pause in row["pauses"]
                 if pause["confirmed"] is not None]
    return [line("asked to confirmed", confirmed), line("asked at the socket to answered", done.waited),
            line("audio lost before a pause", lost.before), line("audio lost after a resume", lost.after)]


def main() -> int:
    """Measure once.

    Returns:
        The exit status.
    """
    with tempfile.TemporaryDirectory(prefix="phonograph-pauses-") as name:
        folder = Path(name)
        with AsteriskServer(folder / "asterisk") as server:
            print(grid([HEADS, *asyncio.run(measure(server, folder / "phonograph"))]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
