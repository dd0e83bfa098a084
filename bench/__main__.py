"""``python -m bench``: everything in one run, some seven minutes, and one table."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from pathlib import Path

from bench import composing, crowd, esl_parser, finishing, journeys, rows
from bench.crowd import HUNDRED, WARMING_UP
from bench.figures import Row, table
from bench.rounds import Bench, Mode, Plan, Round
from tests.asterisk import AsteriskServer

FOLDER = Path(__file__).resolve().parent.parent / ".cache" / "bench"
HOUR = 3600

ORDER = (Mode.UNRECORDED, Mode.MIXMONITOR, Mode.OURS, Mode.OURS, Mode.MIXMONITOR, Mode.UNRECORDED)
"""There and back: what changes on the machine meanwhile meets every mode alike."""

SAME_CALLS = Plan(calls=50, rate=10, seconds=12)
FASTER = Plan(calls=100, rate=20, seconds=2)
"""A busy exchange's burst: does the answer still find its recording in time?"""

WORTHLESS = 0.02
"""The share of packets that the load may send late before its figures mean nothing."""


def progress(text: str, begun: float = time.monotonic()) -> None:
    """A line for whoever waits."""
    print(f"[{time.monotonic() - begun:5.1f} s] {text}", file=sys.stderr, flush=True)


async def calls(server: AsteriskServer, folder: Path) -> tuple[list[Row], list[Round]]:
    """All rounds of calls.

    Returns:
        The rows, and the rounds as they were run.
    """
    bench = Bench(server, folder)
    try:
        # A service's first calls load what later ones find loaded.
        await bench.round(Mode.OURS, WARMING_UP)
        same = []
        for number, mode in enumerate(ORDER, 1):
            progress(f"round {number} of {len(ORDER)}: {SAME_CALLS.calls} calls, {mode}")
            same.append(await bench.round(mode, SAME_CALLS))
        crowds = []
        for mode in (Mode.UNRECORDED, Mode.OURS):
            progress(f"{HUNDRED.calls} calls of {HUNDRED.seconds:g} s at once, {mode}")
            crowds.append(await crowd.measure(bench, server, folder / "sipp", mode, HUNDRED))
        progress(f"{FASTER.calls} calls, {FASTER.rate:g} a second")
        fast = await bench.round(Mode.OURS, FASTER)
    finally:
        await bench.stop()
    found = [*rows.cost(same), rows.set_up(same), *crowd.rows(crowds),
             *rows.answers(crowds[-1].round.journeys, HUNDRED.rate, bound=True),
             *rows.answers(fast.journeys, FASTER.rate, bound=False)]
    return found, [*same, *(one.round for one in crowds), fast]


def trust(rounds: list[Round]) -> list[str]:
    """What a reader has to know of the run: the recordings' states, and whether the machine was quiet."""
    recorded = [one for one in rounds if one.mode is Mode.OURS]
    placed = sum(one.plan.calls for one in recorded)
    found = [journey for one in recorded for journey in one.journeys]
    others = sum(one.others for one in rounds) / sum(one.wall for one in rounds) / (os.cpu_count() or 1)
    late = max(one.late for one in rounds)
    lines = [f"{placed} calls were recorded: {journeys.states(found)}.",
             f"Others used {others:.0%} of the machine's {os.cpu_count()} processors meanwhile.",
             f"The load sent at most {late:.2%} of its packets late."]
    if late > WORTHLESS:
        lines.append("That is too many: the machine was too busy for these figures to mean anything.")
    return lines


def main() -> int:
    """Run the bench.

    Returns:
        The exit status: 0 when it ran to its end; a bound that is missed is told, and is no failure.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "composing").mkdir(parents=True)
    server = AsteriskServer(FOLDER / "asterisk")
    try:
        progress("composing an hour: ours, sox -m, ffmpeg amix")
        composed = rows.composing(composing.measure(FOLDER / "composing", seconds=HOUR, rounds=3), HOUR)
        progress("reading FreeSWITCH's events: ours, greenswitch")
        parsed = esl_parser.rows(esl_parser.measure())
        progress(f"finishing {finishing.CALLS} recordings, in each of {len(finishing.WAYS)} ways")
        finished = finishing.rows(asyncio.run(finishing.measure(FOLDER / "finishing")))
        server.start()
        found, rounds = asyncio.run(calls(server, FOLDER))
    finally:
        server.stop()
        # Half a gigabyte of noise is of no use to anybody.
        shutil.rmtree(FOLDER, ignore_errors=True)
    print(f"\nAsterisk {server.version}, {os.cpu_count()} processors. docs/bench.md says what each line means.\n")
    print(table([*found, *composed, *parsed, *finished]))
    print()
    print("\n".join(trust(rounds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
