"""A switch, a clock and a ledger that do as a test says, around a real driver, engine and database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from faults import LedgerUnavailable, RelayFailed
from ledger import Ledger, calls
from policy.types import Policy, SystemDefault
from recorder.effects import Announce, Attach, Detach, Effect, Hush, Mark, Release, Reply
from recorder.engine import Engine
from recorder.events import BridgeIs, CallEvent, LegGone, LegIs, SwitchUp, TapDown, TapUp
from recorder.model import Bridge, BridgeKind, Call, Direction, Leg, LegState, Party, RtpCounters, TrackFile
from recorder.ports import NOWHERE, RtpAddress
from recorder.snapshot import Snapshot
from recorder.world import Limits
from service.disk import Disk, Watermarks, stop_optional
from service.driver import Driver
from service.journal import Journal
from service.journal_files import JournalFiles
from service.store import Batch, Store
from service.waiters import Waiters

SWITCH = "main"
RECORD_ALL = Policy(record=SystemDefault.ALL)


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = 100.0
        self._moved: list[asyncio.Event] = []

    def now(self) -> float:
        return self.time

    def at(self) -> float:
        return 1_795_230_600.0 + self.time

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        until = None if seconds is None else self.time + seconds
        while not event.is_set() and (until is None or self.time < until):
            moved = asyncio.Event()
            self._moved.append(moved)
            waits = [asyncio.ensure_future(one.wait()) for one in (event, moved)]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Time passes, quickly, whatever waits for it."""
        async def run() -> None:
            while True:
                self.advance(0.5)
                await asyncio.sleep(0.005)

        task = asyncio.create_task(run())
        try:
            yield
        finally:
            task.cancel()

    def advance(self, seconds: float) -> None:
        self.time += seconds
        for moved in self._moved:
            moved.set()
        self._moved.clear()


class FakeSwitch:
    """Tells what it is told to tell, and keeps the commands in the order in which they came."""

    def __init__(self, name: str = SWITCH) -> None:
        self._name = name
        self._told: asyncio.Queue[CallEvent] = asyncio.Queue()
        self.commands: asyncio.Queue[Effect | str] = asyncio.Queue()
        self.sequence = 0
        self.waiting_for = -1
        self.shown = ""

    @property
    def name(self) -> str:
        return self._name

    async def events(self) -> AsyncIterator[CallEvent]:
        while True:
            yield await self._told.get()

    def taken(self, event: CallEvent) -> None:
        """What waits for an event goes on when the tasks that were begun before have had their turn."""
        if event.sequence == self.waiting_for:
            asyncio.get_running_loop().call_soon(self.commands.put_nowait, "taken")

    async def attach(self, effect: Attach, to: Mapping[Direction, RtpAddress] = NOWHERE) -> None:
        self.commands.put_nowait(effect)

    async def detach(self, effect: Detach) -> None:
        self.commands.put_nowait(effect)

    async def mark(self, effect: Mark) -> None:
        self.commands.put_nowait(effect)

    async def release(self, effect: Release) -> None:
        self.commands.put_nowait(effect)

    async def reply(self, effect: Reply) -> None:
        self.commands.put_nowait(effect)

    async def announce(self, effect: Announce) -> None:
        self.commands.put_nowait(effect)

    async def hush(self, effect: Hush) -> None:
        self.commands.put_nowait(effect)

    async def packets(self, leg: str) -> RtpCounters | None:
        return None

    async def show(self, status: str) -> None:
        self.shown = status

    async def resync(self) -> None:
        self.commands.put_nowait("resync")

    def tell(self, *events: CallEvent) -> None:
        for event in events:
            self._told.put_nowait(event)

    async def command(self, kind: type[Effect]) -> Effect:
        """The next command of a kind; the others before it are passed over."""
        while True:
            command = await self.commands.get()
            if isinstance(command, kind):
                return command

    async def attached(self) -> Attach:
        found = await self.command(Attach)
        assert isinstance(found, Attach)
        return found

    async def detached(self) -> Detach:
        found = await self.command(Detach)
        assert isinstance(found, Detach)
        return found


class FailingStore(Store):
    """A ledger that refuses while it is told to, and can be held up."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.refuses = False
        self.refused = 0
        self.poisoned: str | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def commit(self, batch: Batch, now: float) -> Sequence[int]:
        await self.gate.wait()
        if self.refuses or self.poisoned in batch.calls:
            self.refused += 1
            raise LedgerUnavailable("the disk is full")
        return await super().commit(batch, now)


class FakeServers:
    """Recording servers whose relay is silent when ``silent`` is set, and not before; ``deaf``: it says so then."""

    def __init__(self) -> None:
        self.silent, self.deaf = asyncio.Event(), False

    async def open(self, effect: Attach) -> Mapping[Direction, RtpAddress]:
        return {direction: RtpAddress("127.0.0.1", 9) for direction in effect.source.directions}

    async def silence(self, segment: str) -> None:
        await self.silent.wait()
        if self.deaf:
            raise RelayFailed("rtpengine does not answer.")

    async def counted(self, event: TapDown) -> TapDown:
        return event

    def follow(self, calls: Iterable[Call]) -> None:
        """Nobody is told."""


class Service:
    """A driver with all that belongs to it; ``die`` and ``Service(..)`` again is a crash and a new life."""

    def __init__(self, folder: Path, *, policy: Policy = RECORD_ALL, clock: FakeClock | None = None,
                 queue: int = 1000, switch: FakeSwitch | None = None, servers: FakeServers | None = None) -> None:
        self.folder = folder
        self.ledger = Ledger.open(folder / "ledger.sqlite")
        self.store = FailingStore(self.ledger)
        self.switch = switch or FakeSwitch()
        self.clock = clock or FakeClock()
        self.files = JournalFiles(folder / "journal")
        self.waiters = Waiters()
        self.jobs = asyncio.Event()
        limits = Limits()
        self.free = 10**12
        self.disk = Disk({"work_path": folder}, Watermarks(warn_below=5_000, stop_optional_below=1_000),
                         clock=self.clock, free=lambda _: self.free,
                         stop_optional=lambda: stop_optional([self.driver], self.clock.at()))
        self.driver = Driver(
            self.switch, Engine(SWITCH, limits), self.store, policy=lambda: policy,
            journal=Journal(self.files, SWITCH, limits, self.clock.at()), waiters=self.waiters, clock=self.clock,
            jobs=self.jobs.set, scarce=lambda: self.disk.nearly_full, queue=queue, servers=servers)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Service:
        await self.store.begin(self.clock.at())
        self._task = asyncio.create_task(self.driver.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.store.close()
        self.files.stop()
        self.ledger.close()

    def saved(self, call: str) -> Call:
        with self.ledger.reading() as connection:
            return calls.load(connection, call)

    def listed(self) -> list[Call]:
        with self.ledger.reading() as connection:
            return calls.listing(connection, calls.CallFilter())


class Story:
    """A call between alice and bob, event by event."""

    def __init__(self, caller: str = "alice-leg", callee: str = "bob-leg", start: float = 1_795_230_700.0) -> None:
        self.at = start
        self.sequence = 0
        self.caller = Leg(id=caller, name=f"PJSIP/alice-{caller}", party=Party(number="4930123456", user="alice"),
                          endpoint="alice", dialled="4930987654", created=start)
        self.callee = Leg(id=callee, name=f"PJSIP/bob-{callee}", party=Party(number="4930987654", user="bob"),
                          endpoint="bob", origin=caller, created=start)
        self.boot = "boot-1"

    def _next(self) -> tuple[float, int]:
        self.at += 0.02
        self.sequence += 1
        return self.at, self.sequence

    def up(self, *, snapshot: Snapshot | None = None) -> SwitchUp:
        at, sequence = self._next()
        return SwitchUp(switch=SWITCH, at=at, sequence=sequence, boot=self.boot, snapshot=snapshot or Snapshot())

    def leg(self, leg: Leg) -> LegIs:
        at, sequence = self._next()
        return LegIs(switch=SWITCH, at=at, sequence=sequence, leg=leg)

    def answered(self, leg: Leg) -> LegIs:
        at, sequence = self._next()
        return LegIs(switch=SWITCH, at=at, sequence=sequence, leg=self.live(leg, at))

    def live(self, leg: Leg, at: float) -> Leg:
        return replace(leg, state=LegState.UP, answered=at)

    def dial(self) -> list[CallEvent]:
        return [self.leg(self.caller), self.leg(self.callee)]

    def answer(self) -> list[CallEvent]:
        legs = [self.answered(self.callee), self.answered(self.caller)]
        at, sequence = self._next()
        members = frozenset({self.caller.id, self.callee.id})
        return [*legs, BridgeIs(switch=SWITCH, at=at, sequence=sequence,
                                bridge=Bridge(id="bridge-1", kind=BridgeKind.MIXING, members=members))]

    def hangup(self) -> list[CallEvent]:
        events: list[CallEvent] = []
        for leg in (self.callee, self.caller):
            at, sequence = self._next()
            events.append(LegGone(switch=SWITCH, at=at, sequence=sequence, leg=leg.id))
        return events

    def tap_up(self, attach: Attach) -> TapUp:
        at, sequence = self._next()
        return TapUp(switch=SWITCH, at=at, sequence=sequence, segment=attach.segment, started=at,
                     files=tuple(TrackFile(direction=way, path=f"{attach.segment}-{way.value}.wav")
                                 for way in (Direction.IN, Direction.OUT)))

    def tap_down(self, segment: str) -> TapDown:
        at, sequence = self._next()
        return TapDown(switch=SWITCH, at=at, sequence=sequence, segment=segment, cause="ended", ended=at)
