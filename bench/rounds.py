"""The same calls, unrecorded, recorded by the switch itself, and recorded by us: what each round costs."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from bench import journeys
from bench.journeys import Journey
from bench.load import Load, Talk
from bench.processes import cpu_seconds, machine_seconds
from bench.switches import Exchange, Mode, switch_over
from tests.phonograph import Phonograph

__all__ = ["Bench", "Callers", "Plan", "Round"]

POLICY = "recordIncomingPSTN: true\ntrunks: {endpoints: [trunk], contexts: [from-trunk]}\n"
AFTERWARDS = 1.5
"""Seconds that a round goes on after its last hangup, at the least: what recorders do then belongs to the calls."""

FINISHED_WITHIN = 60.0


class Callers(Protocol):
    """Who places a round's calls; an async context manager, open while the calls are up."""

    @property
    def late(self) -> float:
        """The share of packets' rounds that went out more than 20 ms too late."""

    async def calls(self, count: int, *, rate: float, seconds: float) -> list[Talk]:
        """Place so many calls, ``rate`` a second; each is hung up ``seconds`` after its answer."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """``calls``, ``rate`` of them placed in a second, each ``seconds`` long."""

    calls: int
    rate: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Round:
    """What one round cost, in seconds of processor time.

    Attributes:
        others: what the machine worked beside the switch, us and the load.
        wall: seconds that the round took.
        talks: the calls as the trunk saw them.
        journeys: of the recordings; empty where Phonograph did not run.
        late: the share of packets' rounds that the load sent more than 20 ms too late.
    """

    mode: Mode
    plan: Plan
    switch: float
    ours: float
    others: float
    wall: float
    talks: list[Talk]
    journeys: list[Journey]
    late: float

    @property
    def per_call_second(self) -> float:
        """Milliseconds of processor time, the switch's and ours, a second of a call."""
        return self.switch_per_call_second + 1000 * self.ours / (self.plan.calls * self.plan.seconds)

    @property
    def switch_per_call_second(self) -> float:
        """The same of the switch alone."""
        return 1000 * self.switch / (self.plan.calls * self.plan.seconds)

    @property
    def ours_per_call(self) -> float:
        """Milliseconds of our own processor time a call."""
        return 1000 * self.ours / self.plan.calls


class Bench:
    """One switch and, when it is its turn, one Phonograph.

    Args:
        folder: for everything that the two write.
        more: settings of Phonograph that differ from those of the tests.
    """

    def __init__(self, server: Exchange, folder: Path, **more: object) -> None:
        self._server = server
        self._service = Phonograph(server, folder / "phonograph", policy=POLICY, **more)
        self._running = False

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self._service.folder / "ledger.sqlite"

    @property
    def destination(self) -> Path:
        """Where finished recordings are."""
        return self._service.folder / "recordings"

    async def target(self, where: str) -> None:
        """Whatever is recorded from now on goes there: the policy's ``recordingTarget``."""
        (self._service.folder / "policy.yaml").write_text(f"{POLICY}recordingTarget: {where}\n")
        if self._running:
            status, told = await self._service.cli("policy", "reload")
            assert status == 0, told

    async def round(self, mode: Mode, plan: Plan, by: Callers | None = None) -> Round:
        """Place the calls of a plan, wait until all of it is finished, and say what it cost.

        Args:
            by: who places them; None: the bench's own load.
        """
        await self._prepare(mode)
        before = 0 if mode is not Mode.OURS else journeys.count(self.ledger)
        async with Load(self._server) if by is None else by as load:
            clock, spent = time.monotonic(), self._spent()
            talks = await load.calls(plan.calls, rate=plan.rate, seconds=plan.seconds)
            late = load.late
            waiting = asyncio.create_task(asyncio.sleep(AFTERWARDS))
            if mode is Mode.OURS:
                await journeys.finished(self.ledger, before + plan.calls, within=FINISHED_WITHIN)
            await waiting
            switch, ours, family, machine = (now - then for now, then in zip(self._spent(), spent, strict=True))
            wall = time.monotonic() - clock
        found = journeys.read(self.ledger, skip=before) if mode is Mode.OURS else []
        return Round(mode, plan, switch, ours, max(0.0, machine - family), wall, talks, found, late)

    async def stop(self) -> None:
        """End Phonograph, if it runs."""
        if self._running:
            self._running = False
            await self._service.stop()

    async def _prepare(self, mode: Mode) -> None:
        """A recorder that is not measured does not run."""
        await asyncio.to_thread(switch_over, self._server, mode)
        if mode is not Mode.OURS:
            await self.stop()
        elif not self._running:
            await self._service.start()
            self._running = True

    def _spent(self) -> tuple[float, float, float, float]:
        """Of the switch, of Phonograph, of this process with its children (those two and the load), of the machine."""
        return (cpu_seconds(self._server.pid), cpu_seconds(self._service.pid) if self._running else 0.0,
                cpu_seconds(os.getpid()), machine_seconds())
