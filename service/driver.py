"""One switch's driver: events into the engine, calls and effects into the ledger, effects to the switch.

Two tasks share the work. The first feeds the engine, in order, and never waits for a disk or for the switch: a detach
goes out the moment that the engine asks for it. The second writes what has gathered meanwhile in one transaction and
then performs the rest, so that a recording's row exists before its media.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass

import structlog

from faults import RecordingServerFault
from policy.types import Policy
from recorder.effects import (
    Adopt,
    Announce,
    Attach,
    Decide,
    Detach,
    Effect,
    Finish,
    Hush,
    Mark,
    Release,
    Reply,
    Resync,
)
from recorder.engine import Engine, Step
from recorder.events import Adopted, Asked, CallEvent, SwitchDown, SwitchUp, TapDown, TapFailed, Tick
from recorder.model import Call, RtpCounters, Sink
from recorder.ports import NOWHERE, RecordingServers, Switch
from recorder.states import CallState
from service.clock import Clock
from service.deciding import classified, decided
from service.journal import Journal
from service.precedence import Precedence
from service.status import Status
from service.store import Store
from service.waiters import Waiters
from service.witness import Witness
from service.writing import Ticket, Writing

log = structlog.get_logger("driver")

_QUEUE = 20_000  # events; a call has some 30
_LAST_COMMANDS = 2.0  # s
_RESYNC_EVERY = 5.0  # s
_LINGERS = 86_400.0  # s that a leg may stay after its call has ended and still be known after a restart
_STATUS_EVERY, _STATUS_AT_LEAST = 1.0, 10.0  # s
_SILENT_WITHIN = 0.1  # s
_ROUND = 200  # events that are taken before the other tasks have their turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a switch's driver is.

    Attributes:
        up: whether the connection to the switch stands.
        calls: open calls. waiting: events that wait. unwritten: calls that the ledger has not taken yet.
        ledger: whether the last transaction succeeded.
    """

    up: bool
    calls: int
    waiting: int
    unwritten: int
    ledger: bool


class Driver:
    """Drives one switch.

    Args:
        policy: gives the policy that runs now.
        adopt: takes over what the switch recorded of a conference by itself; None: nothing of that.
        jobs: called for each recording's job that has been written.
        servers: the recording servers; None: there are none.
        scarce: whether a disk is nearly full.
        queue: how many events may wait; what comes beyond is dropped, and everything is read again.
    """

    def __init__(self, switch: Switch, engine: Engine, store: Store, *, policy: Callable[[], Policy],
                 journal: Journal, waiters: Waiters, clock: Clock, jobs: Callable[[], None] = lambda: None,
                 adopt: Callable[[Adopt], Awaitable[Adopted]] | None = None, servers: RecordingServers | None = None,
                 scarce: Callable[[], bool] = lambda: False, queue: int = _QUEUE) -> None:
        self._switch = switch
        self._engine = engine
        self._store = store
        self._policy = policy
        self._scarce = scarce
        self._adoption = adopt
        self._servers = servers
        self._journal = journal
        self._precedence = Precedence(clock)
        self._witness = Witness(switch.name, journal, self._precedence)
        self._clock = clock
        self._longest = queue
        self._asked: deque[Asked] = deque()
        self._events: deque[CallEvent] = deque()
        self._wake = asyncio.Event()
        self._overflowed = False
        self._resyncing = False
        self._resynced = float("-inf")
        self._up = False
        self._calls: dict[str, Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiters = waiters
        self._status = Status(switch.name)
        self._writing = Writing(store, clock, perform=self._perform, answer=self._answer, jobs=jobs,
                                give_way=self._precedence.give_way)

    @property
    def name(self) -> str:
        """The switch's name."""
        return self._switch.name

    async def run(self) -> None:
        """Take over the calls of an earlier life, then drive until cancelled. What is attached stays attached.

        Raises:
            LedgerUnavailable: the open calls could not be read.
        """
        earlier = await self._store.open_calls(self._switch.name, self._clock.at() - _LINGERS)
        self._engine.restore(earlier)
        self._journal.restored(earlier)
        self._calls = {call.id: call for call in earlier if call.state is not CallState.CLOSED}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(), name=f"read {self._switch.name}")
                group.create_task(self._feed(), name=f"feed {self._switch.name}")
                group.create_task(self._writing.run(), name=f"write {self._switch.name}")
                group.create_task(self._witness.run(), name=f"witness {self._switch.name}")
                group.create_task(self._show(), name=f"show {self._switch.name}")
        finally:
            await self._end()

    def ask(self, asked: Asked) -> None:
        """Put somebody's request before the engine, ahead of the events that wait."""
        self._asked.append(asked)
        self._wake.set()

    def tell(self, event: CallEvent) -> None:
        """Take an event that somebody else than the switch has seen."""
        self._events.append(event)
        self._wake.set()

    async def packets(self, leg: str) -> RtpCounters | None:
        """See ``Switch``."""
        return await self._switch.packets(leg) if self._up else None

    def calls(self) -> tuple[Call, ...]:
        """The open calls, as the engine knows them."""
        return tuple(self._calls.values())

    def health(self) -> Health:
        """How it is now."""
        return Health(up=self._up, calls=len(self._calls), waiting=len(self._events),
                      unwritten=self._writing.unwritten, ledger=self._writing.healthy)

    async def _read(self) -> None:
        async for event in self._switch.events():
            if isinstance(event, TapDown) and self._servers is not None:
                event = await self._servers.counted(event)
            if len(self._events) < self._longest:
                self._events.append(event)
            elif not self._overflowed:
                self._overflowed = True
                log.error("too many events at once: some are dropped and everything is read again",
                          switch=self._switch.name, waiting=len(self._events))
            self._wake.set()

    async def _feed(self) -> None:
        while True:
            self._wake.clear()
            for _ in range(_ROUND):
                self._tick()
                if self._asked:
                    self._receive(self._asked.popleft())
                elif self._events:
                    self._receive(self._events.popleft())
                else:
                    break
            if self._asked or self._events:
                await asyncio.sleep(0)
                continue
            if self._overflowed:
                self._overflowed = False
                self._resync_soon()
                continue
            deadline = self._engine.next_deadline()
            await self._clock.wait(self._wake, None if deadline is None else max(0.0, deadline - self._clock.now()))

    def _tick(self) -> None:
        """A deadline that has come is served before the next event: a replay can rely on it."""
        deadline = self._engine.next_deadline()
        if deadline is not None and deadline <= self._clock.now():
            self._receive(Tick(switch=self._switch.name, at=self._clock.at()))

    def _receive(self, event: CallEvent) -> None:
        now = self._clock.now()
        event = classified(event, self._policy())
        try:
            step = self._engine.receive(event, now)
        except Exception:  # one event that the engine cannot take must not end the other calls
            log.exception("an event could not be taken: everything is read again", switch=self._switch.name,
                          event_type=type(event).__name__)
            self._witness.saw(event, Step((), ()), (), now)
            self._resync_soon()
            return
        if isinstance(event, Asked):
            self._status.asked(event)
        if isinstance(event, SwitchUp | SwitchDown):
            self._up = isinstance(event, SwitchUp)
        self._witness.saw(event, step, tuple(self._calls.get(call.id) for call in step.changed), now)
        for call in step.changed:
            if call.state is CallState.CLOSED:
                self._calls.pop(call.id, None)
            else:
                self._calls[call.id] = call
        self._writing.changed(step.changed)
        if self._servers is not None:
            self._servers.follow(step.changed)
        for effect in step.effects:
            self._take(effect)
        self._switch.taken(event)

    def _take(self, effect: Effect) -> None:
        match effect:
            case Decide():
                self._decide(effect)
            case Detach():
                self._perform(self._writing.store(effect))
            case Release() as release:
                if not release.inside:
                    self._writing.told(release.leg)
                self._start(self._precedence.first(self._switch.release(release)), "release")
            case Adopt() as adopt:
                self._start(self._adopt(adopt), "adopt")
            case Attach() | Mark() | Announce() | Hush():
                self._writing.store(effect)
            case Finish():
                self._writing.finish(effect.recording)
            case Reply():
                self._writing.reply(effect)
            case Resync():
                self._resync_soon()

    def _decide(self, effect: Decide) -> None:
        call = self._calls.get(effect.call)
        if call is not None:
            self._receive(decided(effect, call, self._policy(), self._clock.at(), scarce=self._scarce()))

    def _perform(self, ticket: Ticket) -> None:
        match ticket.effect:
            case Attach() as attach:
                self._start(self._attach(attach), "attach", ticket)
            case Detach() as detach:
                self._start(self._detach(detach), "detach", ticket)
            case Mark() as mark:
                self._start(self._switch.mark(mark), "mark", ticket)
            case Announce() as announce:
                self._start(self._switch.announce(announce), "announce", ticket)
            case Hush() as hush:
                self._start(self._switch.hush(hush), "hush", ticket)

    async def _attach(self, effect: Attach) -> None:
        to = NOWHERE
        if effect.source.sink is Sink.SERVER:
            try:
                if self._servers is None:
                    raise RecordingServerFault("The settings have no recording server any more.")
                to = await self._servers.open(effect)
            except RecordingServerFault as fault:
                self.tell(TapFailed(switch=self._switch.name, at=self._clock.at(), segment=effect.segment,
                                    cause=fault.message, hopeless=self._servers is None))
                return
        await self._switch.attach(effect, to)

    async def _detach(self, effect: Detach) -> None:
        """What goes to a server is silent before the switch is asked for anything. Where that cannot be had at once the
        switch ends the tap all the same: what is said after that reaches nobody."""
        if self._servers is None or effect.source.sink is not Sink.SERVER:
            await self._switch.detach(effect)
            return
        silencing = asyncio.create_task(self._silenced(self._servers, effect.segment))
        await asyncio.wait([silencing], timeout=_SILENT_WITHIN)
        await self._switch.detach(effect)
        await silencing

    async def _silenced(self, servers: RecordingServers, segment: str) -> None:
        try:
            await servers.silence(segment)
        except RecordingServerFault as fault:
            log.error("a tap was not silenced before its end", switch=self._switch.name, segment=segment,
                      why=fault.message)

    async def _adopt(self, effect: Adopt) -> None:
        """Not stored: while the call waits for it, the engine asks again in its next life."""
        if self._adoption is not None:
            self._events.append(await self._adoption(effect))
            self._wake.set()

    def _answer(self, reply: Reply) -> None:
        """To whoever waits at the socket, else to the switch through which it was asked."""
        self._status.answered(reply, self._clock.at())
        if not self._waiters.answer(reply):
            self._start(self._switch.reply(reply), "reply")

    async def _show(self) -> None:
        """Keep what the switch's own console shows up to date. One variable a second at most, however many calls."""
        shown, when = "", float("-inf")
        while True:
            body = self._status.body(self._calls.values())
            if self._up and (body != shown or self._clock.now() - when >= _STATUS_AT_LEAST):
                shown, when = body, self._clock.now()
                await self._switch.show(self._status.text(body, self._clock.at()))
            await self._clock.wait(asyncio.Event(), _STATUS_EVERY)

    def _start(self, command: Coroutine[None, None, None], name: str, ticket: Ticket | None = None) -> None:
        """Give the switch a command. What comes of it arrives as an event, so nobody waits for it here."""
        async def whole() -> None:
            try:
                await command
            except Exception:  # a command that breaks is one tap's trouble, not the driver's
                log.exception("a command to the switch broke", switch=self._switch.name, command=name,
                              call=ticket.effect.call if ticket is not None else None)
            if ticket is not None:
                self._writing.performed(ticket)

        task = asyncio.create_task(whole(), name=f"{name} {self._switch.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _resync_soon(self) -> None:
        """Have everything read again, at most every few seconds: what the snapshot causes must not ask at once."""
        if self._resyncing:
            return
        self._resyncing = True
        wait = max(0.0, self._resynced + _RESYNC_EVERY - self._clock.now())

        async def later() -> None:
            if wait:
                await self._clock.wait(asyncio.Event(), wait)
            self._resyncing = False
            self._resynced = self._clock.now()
            await self._switch.resync()

        self._start(later(), "resync")

    async def _end(self) -> None:
        """Let commands that are on their way arrive, and write what is left."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LAST_COMMANDS)
        for task in self._tasks:
            task.cancel()
        self._witness.flush()
        await self._writing.flush()
