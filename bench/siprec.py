"""``python -m bench siprec``: the same calls unrecorded, into WAV files, and to a recording server.

How long after its answer has a server taken a call, and when is the first packet there? And what does a call cost that
goes to a server, beside one that goes into files? The server is that of the tests, PJSIP in a process of its own: what
it uses is in no line.
"""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from statistics import median

from bench import journeys
from bench.crowd import WARMING_UP
from bench.figures import Row, quantile, ratio_of, spread
from bench.rounds import Bench, Plan, Round
from bench.switches import Exchange, Mode
from tests.captured import datagrams
from tests.recording_server import RecordingServer

__all__ = ["Found", "Taken", "Way", "arrivals", "measure", "rows", "taken"]

SAME_CALLS = Plan(calls=30, rate=5, seconds=12)
SET_UPS = Plan(calls=50, rate=5, seconds=3)
"""A modest rate, and short calls: only their beginnings are looked at."""


class Way(StrEnum):
    """Where the audio of the calls goes; the values are the policy's, but for the first."""

    UNRECORDED = "unrecorded"
    FILES = "wav"
    SERVER = "siprec"


@dataclass(frozen=True, slots=True)
class Taken:
    """One call that a server took: seconds from its answer until our service had the server's 200, and until the first
    packet was at the server."""

    accepted: float
    heard: float


@dataclass(slots=True)
class Found:
    """All rounds.

    Attributes:
        same: the rounds whose cost is compared.
        set_ups: of short calls, into files.
        taken: of the rounds of the same short calls to a server, the calls that it took.
        placed: how many such calls there were.
    """

    same: dict[Way, list[Round]] = field(default_factory=lambda: defaultdict(list))
    set_ups: list[Round] = field(default_factory=list)
    taken: list[list[Taken]] = field(default_factory=list)
    placed: int = 0

    @property
    def rounds(self) -> list[Round]:
        """Those whose processor time was looked at."""
        return [one for rounds in self.same.values() for one in rounds]


async def measure(exchange: Exchange, folder: Path, progress: Callable[[str], None]) -> Found:
    """Every way there and back; what changes on the machine meanwhile meets all of them.

    Raises:
        ServerFault: there is no PJSIP here; it says how to get one.
    """
    found = Found()
    async with RecordingServer(folder / "server") as server:
        bench = Bench(exchange, folder, siprec={"servers": {"main": {"uri": server.uri}}})

        async def same(way: Way) -> None:
            progress(f"{SAME_CALLS.calls} calls of {SAME_CALLS.seconds:g} s, {way}")
            if way is not Way.UNRECORDED:
                await bench.target(way)
            mode = Mode.UNRECORDED if way is Way.UNRECORDED else Mode.OURS
            found.same[way].append(await bench.round(mode, SAME_CALLS))

        try:
            await same(Way.UNRECORDED)
            for way in (Way.FILES, Way.SERVER):
                # A service's first calls load what later ones find loaded.
                await bench.target(way)
                await bench.round(Mode.OURS, WARMING_UP)
            for way in (Way.FILES, Way.SERVER, Way.SERVER, Way.FILES):
                await same(way)
            for way in (Way.SERVER, Way.FILES, Way.FILES, Way.SERVER):
                progress(f"{SET_UPS.calls} calls, {SET_UPS.rate:g} a second, {way}")
                await bench.target(way)
                before = journeys.count(bench.ledger)
                one = await bench.round(Mode.OURS, SET_UPS)
                if way is Way.FILES:
                    found.set_ups.append(one)
                else:
                    found.placed += SET_UPS.calls
                    found.taken.append(taken(bench.ledger, server, skip=before))
            await same(Way.UNRECORDED)
        finally:
            await bench.stop()
    return found


_READ = """
SELECT calls.answered, recordings.sessions FROM recordings JOIN calls ON calls.id = recordings.call
ORDER BY recordings.created LIMIT -1 OFFSET ?
"""


def taken(ledger: Path, server: RecordingServer, *, skip: int) -> list[Taken]:
    """The calls that the server took, without those of the first ``skip`` recordings. Our service, the switch and the
    server have one clock, the machine's."""
    came = arrivals(server.capture)
    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as connection:
        found = [(answered, session) for answered, sessions in connection.execute(_READ, (skip,)).fetchall()
                 for session in json.loads(sessions) if session["up"] is not None]
    calls = []
    for answered, session in found:
        ports = [track.port for track in server.sessions[session["id"]].tracks.values()]
        first = min((at for port in ports if (at := _first(came[port], session["asked"])) is not None), default=None)
        if first is not None:
            calls.append(Taken(session["up"] - answered, first - answered))
    return calls


def arrivals(capture: Path) -> Mapping[int, list[float]]:
    """When something came to each port, in seconds since the epoch. An empty datagram is no audio."""
    came: defaultdict[int, list[float]] = defaultdict(list)
    for datagram in datagrams(capture):
        if datagram.payload:
            came[datagram.destination[1]].append(datagram.at)
    return came


def _first(times: Sequence[float], after: float) -> float | None:
    """The first of ascending times that is not before a moment: earlier calls had the same port."""
    place = bisect_left(times, after)
    return times[place] if place < len(times) else None


def rows(found: Found) -> list[Row]:
    """The times of the set-up against those of files; then what a call costs in each way against the others."""
    return [*_set_up(found), *_cost(found.same)]


def _set_up(found: Found) -> list[Row]:
    rate = SET_UPS.rate
    figures: Mapping[str, Callable[[Taken], float]] = {
        "answer to the server's 200": lambda one: one.accepted,
        "answer to the first packet at the server": lambda one: one.heard}
    rows = []
    number = sum(map(len, found.taken))
    files = [[1000 * one.to_recording for one in of.journeys] for of in found.set_ups]
    for what, figure in figures.items():
        times = [[1000 * figure(one) for one in calls] for calls in found.taken]
        for name, share in (("median", 0.5), ("p99", 0.99)):
            ours, theirs = ([quantile(one, share) for one in side] for side in (times, files))
            rows.append(Row(f"{what}, {rate:g} calls/s, {name}", f"{median(ours):.0f} ms",
                            f"recording into files: {median(theirs):.0f} ms", ratio_of(ours, theirs)))
    return [*rows, Row("calls that the server took", f"{number} of {found.placed}", bound="all",
                       kept=number == found.placed)]


_NAMES = {Way.UNRECORDED: "unrecorded", Way.FILES: "into files", Way.SERVER: "to a server"}


def _cost(same: Mapping[Way, Sequence[Round]]) -> list[Row]:
    def row(what: str, way: Way, against: Way, figure: Callable[[Round], float], unit: str = "ms") -> Row:
        ours, theirs = ([figure(one) for one in same[each]] for each in (way, against))
        return Row(f"{what}, {_NAMES[way]}", f"{spread(ours).value:.1f} {unit}",
                   f"{_NAMES[against]}: {spread(theirs).value:.1f} {unit}", ratio_of(ours, theirs))

    whole = "CPU of a call's second"
    return [
        row(whole, Way.FILES, Way.UNRECORDED, lambda one: one.per_call_second),
        row(whole, Way.SERVER, Way.UNRECORDED, lambda one: one.per_call_second),
        row(whole, Way.SERVER, Way.FILES, lambda one: one.per_call_second),
        row("- of the switch alone", Way.SERVER, Way.FILES, lambda one: one.switch_per_call_second),
        row(f"our CPU a call of {SAME_CALLS.seconds:g} s", Way.SERVER, Way.FILES, lambda one: one.ours_per_call),
        *(_ready(way, same[way]) for way in (Way.FILES, Way.SERVER)),
    ]


def _ready(way: Way, rounds: Sequence[Round]) -> Row:
    placed = sum(one.plan.calls for one in rounds)
    ready = sum(journey.state == "ready" for one in rounds for journey in one.journeys)
    return Row(f"recordings ready, {_NAMES[way]}", f"{ready} of {placed}", bound="all", kept=ready == placed)
