"""``python -m bench.asking [calls]``: what a dialplan's question adds to a call, 200 calls of each kind.

Each call is refused by its dialplan after the question; what is measured is the time from its first INVITE to that
refusal, at the telephone. The kinds take turns call by call, so that what changes on the machine meets them alike.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from bench.figures import grid, quantile
from tests.asterisk import AsteriskServer
from tests.phone import CallFailed, Phone, Phones
from tests.phonograph import Phonograph

__all__ = ["add_numbers", "ask", "lines", "refused"]

KINDS = {
    "no question": "NoOp()",
    "Stasis(recorder)": "Stasis(recorder)",
    "recorder-decide": "Gosub(recorder-decide,s,1(0.3))",
}
"""What each kind's dialplan does before it refuses the call."""

POLICY = "record: all\n"
CALLS = 200
WARMING_UP = 10
PAUSE = 0.05
"""Seconds between two calls: the next one shall not pay for the last one's rows and journals."""

HEADS = ("ms", "median", "added", "p90", "added", "p99", "longest")


def add_numbers(server: AsteriskServer, kinds: Mapping[str, str]) -> dict[str, str]:
    """Give each kind a number that refuses the call after its step; each kind's number."""
    numbers = {kind: str(330 + place) for place, kind in enumerate(kinds)}
    file = server.folder / "conf" / "extensions.conf"
    steps = "".join(f"exten => {numbers[kind]},1,{step}\n same => n,Hangup(17)\n" for kind, step in kinds.items())
    file.write_text(f"{file.read_text()}\n[from-users](+)\n{steps}")
    server.cli("dialplan reload")
    return numbers


async def refused(phone: Phone, number: str) -> float:
    """Seconds from the first INVITE to the refusal."""
    begun = time.time()
    call = phone.call(number)
    try:
        await call.answered
    except CallFailed:
        return await call.ended - begun
    raise AssertionError("the call was not refused")


async def ask(phone: Phone, numbers: Mapping[str, str], calls: int) -> dict[str, list[float]]:
    """Call each number so often, in turns; the times of each kind, in seconds."""
    for _ in range(WARMING_UP):
        for number in numbers.values():
            await refused(phone, number)
    found: dict[str, list[float]] = {kind: [] for kind in numbers}
    for _ in range(calls):
        for kind, number in numbers.items():
            found[kind].append(await refused(phone, number))
            await asyncio.sleep(PAUSE)
    return found


def lines(found: Mapping[str, list[float]]) -> list[tuple[str, ...]]:
    """The table's lines; what is added is told against the first kind."""
    plain = next(iter(found.values()))
    table: list[tuple[str, ...]] = [HEADS]
    for kind, times in found.items():
        cells = [kind]
        for share in (0.5, 0.9):
            value = quantile(times, share)
            cells += [_ms(value), "" if times is plain else _ms(value - quantile(plain, share))]
        table.append((*cells, _ms(quantile(times, 0.99)), _ms(max(times))))
    return table


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f}"


async def measure(server: AsteriskServer, folder: Path, calls: int) -> dict[str, list[float]]:
    """All kinds, on a service of its own."""
    numbers = add_numbers(server, KINDS)
    async with Phonograph(server, folder / "phonograph", policy=POLICY), Phones(server) as phones:
        return await ask(await phones.user("alice"), numbers, calls)


def main() -> int:
    """Measure and print.

    Returns:
        The exit status.
    """
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    with tempfile.TemporaryDirectory(prefix="phonograph-asking-") as folder:
        server = AsteriskServer(Path(folder) / "asterisk")
        server.start()
        try:
            found = asyncio.run(measure(server, Path(folder), calls))
        finally:
            server.stop()
    print(f"{calls} calls of each kind, Asterisk {server.version}, {os.cpu_count()} processors, "
          f"load average {os.getloadavg()[0]:.1f}.\n")
    print(grid(lines(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
