"""``python -m bench.crowd [CALLS [RATE [SECONDS]]]``: many calls at once by sipp, without Phonograph and with it.

A hundred calls, ten more each second, all of them recorded: is one missing or short, and are the calls themselves any
worse? What somebody hears meanwhile is measured on a few calls among them that the tests' phones have.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Self

from bench import content, journeys, kept, legs, probes
from bench.content import Content, Spoken
from bench.figures import Row, quantile, ratio_of, table
from bench.kept import Kept
from bench.load import Talk
from bench.probes import Heard
from bench.rounds import Bench, Plan, Round
from bench.rows import ends, own_cost
from bench.sipp import Sipp
from bench.switches import Exchange, Mode
from tests.asterisk import AsteriskServer
from tests.rtp import TICK

__all__ = ["Crowd", "Measured", "measure", "rows", "trust"]

FOLDER = Path(__file__).resolve().parent.parent / ".cache" / "crowd"
ORDER = (Mode.UNRECORDED, Mode.OURS, Mode.OURS, Mode.UNRECORDED)
HUNDRED = Plan(calls=100, rate=10, seconds=60)
WARMING_UP = Plan(calls=5, rate=10, seconds=1)
PROBES = 4
"""Calls among them on the tests' phones, which cost more than sipp's and hear more."""

SETTLED = 1.0
"""Seconds between the last call's INVITE and the first look at Asterisk's counters."""

WHOLE = 0.1
"""Seconds that a recording may lack of its call: the tap begins after the answer."""

PACKETS = 50.0
"""A second, each way, on each leg."""


class Crowd:
    """sipp's calls and the probes among them; an async context manager.

    Attributes:
        heard: by the probes' ends, when the calls are over.
        spoken: in the probes, when the calls are over.
        rates: packets a second that Asterisk got on each leg while all calls were up; empty if they never were, and on
            FreeSWITCH, which tells what it has counted when a leg ends.
    """

    def __init__(self, server: Exchange, folder: Path) -> None:
        self._server = server
        self._sipp = Sipp(server, folder)
        self.heard: list[Heard] = []
        self.spoken: list[Spoken] = []
        self.rates: list[float] = []

    @property
    def late(self) -> float:
        """The share of the probes' packets that went out more than 20 ms too late."""
        return max((heard.late for heard in self.heard), default=0.0)

    async def calls(self, count: int, *, rate: float, seconds: float) -> list[Talk]:
        """Place so many calls, ``rate`` a second, ``PROBES`` of them by the tests' phones; each is hung up ``seconds``
        after its answer."""
        share = (count - PROBES) / count
        async with asyncio.TaskGroup() as group:
            many = group.create_task(self._sipp.calls(count - PROBES, rate=rate * share, seconds=seconds))
            few = group.create_task(probes.place(self._server, PROBES, within=count / rate, seconds=seconds))
            group.create_task(self._count(count / rate + SETTLED, seconds - SETTLED))
        self.heard = [heard for _, both, _ in few.result() for heard in both]
        self.spoken = [spoken for _, _, spoken in few.result()]
        return [*many.result(), *(talk for talk, _, _ in few.result())]

    async def _count(self, first: float, last: float) -> None:
        """Look at Asterisk's counters twice, so many seconds after the beginning, while all calls are up."""
        if first >= last or not isinstance(self._server, AsteriskServer):
            return
        await asyncio.sleep(first)
        before = await asyncio.to_thread(legs.count, self._server)
        await asyncio.sleep(last - first)
        self.rates = legs.rates(before, await asyncio.to_thread(legs.count, self._server))

    async def __aenter__(self) -> Self:
        await self._sipp.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self._sipp.__aexit__(kind, error, trace)


@dataclass(frozen=True, slots=True)
class Measured:
    """One round, what its probes heard, packets a second on each leg, what is in its recordings' files, and how much of
    what the probes said."""

    round: Round
    heard: list[Heard]
    rates: list[float]
    kept: list[Kept]
    content: list[Content]


async def measure(bench: Bench, server: Exchange, folder: Path, mode: Mode, plan: Plan) -> Measured:
    """One round. The files are looked at when nothing is measured any more."""
    if mode is Mode.OURS:
        # A service's first calls load what later ones find loaded.
        await bench.round(mode, WARMING_UP)
    before = journeys.count(bench.ledger) if bench.ledger.exists() else 0
    crowd = Crowd(server, folder)
    found = await bench.round(mode, plan, crowd)
    if mode is not Mode.OURS:
        return Measured(found, crowd.heard, crowd.rates, [], [])
    files = kept.stereo_files(bench.ledger, bench.destination, skip=before)
    lengths = await asyncio.to_thread(lambda: [kept.of(file) for file in files])
    return Measured(found, crowd.heard, crowd.rates, lengths,
                    await asyncio.to_thread(_content, bench, crowd.spoken))


def _content(bench: Bench, spoken: Sequence[Spoken]) -> list[Content]:
    return [track for call in spoken
            for track in content.content_of(content.stereo_of(bench.ledger, bench.destination, call.call), call)]


def rows(measured: Sequence[Measured]) -> list[Row]:
    """The calls with a recorder against the same without; then what became of the recordings."""
    ours = [one for one in measured if one.round.mode is Mode.OURS]
    plain = [one for one in measured if one.round.mode is Mode.UNRECORDED]
    calls = ours[0].round.plan.calls
    what = f"{calls} calls, {ours[0].round.plan.rate:g}/s"
    found = [*_compared(f"{what}: INVITE to 200", _set_ups, ours, plain),
             *_compared(f"{what}: RTP jitter at a party", _jitters, ours, plain),
             *_compared(f"{what}: longest time without RTP at a party", _silences, ours, plain),
             Row(f"{what}: RTP lost on the way to a party", _lost(ours), f"unrecorded: {_lost(plain)}",
                 bound="no more", kept=_share_lost(ours) <= _share_lost(plain))]
    placed = sum(one.round.plan.calls for one in ours)
    ready = sum(journey.state == "ready" for one in ours for journey in one.round.journeys)
    files = [file for one in ours for file in one.kept]
    shortest = min((file.seconds for file in files), default=0.0)
    silent = max((file.silent for file in files), default=0.0)
    seconds = ours[0].round.plan.seconds
    return [*found,
            Row(f"{what}: recordings ready", f"{ready} of {placed}", bound="all", kept=ready == placed),
            Row(f"{what}: shortest recording", f"{shortest:.2f} s", f"the call: {seconds:g} s",
                bound=f"{seconds - WHOLE:g} s", kept=len(files) == placed and shortest >= seconds - WHOLE),
            Row(f"{what}: most silence inside a recording", f"{1000 * silent:.0f} ms"),
            *_contents(what, ours),
            *own_cost([ours[0].round]), *ends(ours[0].round)]


def _compared(what: str, figures: Callable[[Measured], list[float]], ours: Sequence[Measured],
              plain: Sequence[Measured]) -> list[Row]:
    """Median and p99 of a figure in milliseconds; of each round its own, so that two alike rounds show the noise."""
    rows = []
    for name, share in (("median", 0.5), ("p99", 0.99)):
        with_us, without = ([quantile(figures(one), share) for one in side] for side in (ours, plain))
        rows.append(Row(f"{what}, {name}", f"{median(with_us):.2f} ms", f"unrecorded: {median(without):.2f} ms",
                        ratio_of(with_us, without)))
    return rows


def _set_ups(one: Measured) -> list[float]:
    return [1000 * talk.set_up for talk in one.round.talks]


def _jitters(one: Measured) -> list[float]:
    return [1000 * heard.jitter for heard in one.heard]


def _silences(one: Measured) -> list[float]:
    return [1000 * heard.silence for heard in one.heard]


def _contents(what: str, ours: Sequence[Measured]) -> list[Row]:
    """Of what the probes said: how much is in the recordings, and the longest piece that is not."""
    tracks = [track for one in ours for track in one.content]
    share = sum(track.found for track in tracks) / max(1, sum(track.said for track in tracks))
    hole = max((track.hole for track in tracks), default=0)
    return [Row(f"{what}: of the probes' words in the recordings", f"{share:.2%}",
                f"came to the other party: {1 - _share_lost(ours):.2%}"),
            Row(f"{what}: longest piece of them that is not", f"{1000 * TICK * hole:.0f} ms")]


def _share_lost(measured: Sequence[Measured]) -> float:
    expected = sum(heard.expected for one in measured for heard in one.heard)
    return 1 - sum(heard.received for one in measured for heard in one.heard) / max(1, expected)


def _lost(measured: Sequence[Measured]) -> str:
    return f"{_share_lost(measured):.3%}"


def trust(measured: Sequence[Measured]) -> list[str]:
    """What a reader has to know of the run."""
    rates = [rate for one in measured for rate in one.rates]
    wall = sum(one.round.wall for one in measured)
    others = sum(one.round.others for one in measured) / wall / (os.cpu_count() or 1)
    lines = [f"Recordings: {journeys.states([journey for one in measured for journey in one.round.journeys])}.",
             f"The probes' phones sent at most {max(one.round.late for one in measured):.2%} of their packets late.",
             f"Others used {others:.0%} of the machine's {os.cpu_count()} processors meanwhile; load average "
             f"{os.getloadavg()[0]:.1f}."]
    if rates:
        lines.append(f"Asterisk got {min(rates):.1f} to {max(rates):.1f} packets a second on each leg, median "
                     f"{median(rates):.1f} of {PACKETS:g}.")
    return lines


async def _run(server: Exchange, plan: Plan) -> list[Measured]:
    bench = Bench(server, FOLDER)
    try:
        measured = []
        for number, mode in enumerate(ORDER, 1):
            print(f"round {number} of {len(ORDER)}: {plan.calls} calls, {mode}", file=sys.stderr, flush=True)
            measured.append(await measure(bench, server, FOLDER / "sipp", mode, plan))
    finally:
        await bench.stop()
    return measured


def main(arguments: Sequence[str]) -> int:
    """Measure, there and back.

    Returns:
        The exit status.
    """
    wanted = [float(argument) for argument in arguments]
    calls, rate, seconds = [*wanted, *[HUNDRED.calls, HUNDRED.rate, HUNDRED.seconds][len(wanted):]]
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    server = AsteriskServer(FOLDER / "asterisk")
    try:
        server.start()
        measured = asyncio.run(_run(server, Plan(int(calls), rate, seconds)))
    finally:
        server.stop()
        shutil.rmtree(FOLDER, ignore_errors=True)
    print(table(rows(measured)))
    print()
    print("\n".join(trust(measured)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
