"""Store, then perform: what the engine changed is written in few transactions, and only then acted upon.

While the ledger refuses, calls are kept as they are now (not every state between), an attach that was called off is
forgotten, and the whole is tried again; nothing that must have a row first is performed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import structlog

from recorder.effects import Attach, Detach, Mark, Reply
from recorder.model import Call
from recorder.states import CallState
from service.clock import Clock
from service.store import Batch, Store, Stored

log = structlog.get_logger("driver")

_MOST_CALLS = 20_000
_MOST_EFFECTS = 20_000
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0  # s, between attempts
_ALONE_AFTER = 3  # failures in a row, then call by call: one bad row must not hold up the others


@dataclass(slots=True, eq=False)
class Ticket:
    """A stored effect on its way.

    Attributes:
        row: its id in the ledger, once written.
        performed: whether it was performed, or is not to be any more.
    """

    effect: Stored
    row: int | None = None
    performed: bool = False


@dataclass(slots=True)
class _Pending:
    calls: dict[str, Call] = field(default_factory=dict)
    tickets: list[Ticket] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.calls or self.tickets or self.finished or self.replies)


class Writing:
    """What waits for the ledger.

    Args:
        perform: begins to perform a stored effect, and calls :meth:`performed` when that is done.
        answer: hands a reply over.
        jobs: told of each job that was written.
        give_way: waits a moment for what is more urgent.
    """

    def __init__(self, store: Store, clock: Clock, *, perform: Callable[[Ticket], None],
                 answer: Callable[[Reply], None], jobs: Callable[[], None],
                 give_way: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._clock = clock
        self._perform = perform
        self._answer = answer
        self._jobs = jobs
        self._give_way = give_way
        self._pending = _Pending()
        self._attaching: dict[str, Ticket] = {}
        self._marking: dict[str, Ticket] = {}
        self._rows_performed: list[int] = []
        self._wake = asyncio.Event()
        self._failures = 0

    @property
    def healthy(self) -> bool:
        """Whether the last transaction succeeded."""
        return self._failures == 0

    @property
    def unwritten(self) -> int:
        """How many calls wait to be written."""
        return len(self._pending.calls)

    def changed(self, calls: Iterable[Call]) -> None:
        """Write these calls."""
        for call in calls:
            self._pending.calls.pop(call.id, None)
            self._pending.calls[call.id] = call
        while len(self._pending.calls) > _MOST_CALLS:
            self._drop_one()
        self._wake.set()

    def store(self, effect: Stored) -> Ticket:
        """Write an effect. A detach is performed by the caller, at once; the others after the commit."""
        ticket = Ticket(effect)
        if isinstance(effect, Attach):
            self._attaching[effect.segment] = ticket
        elif isinstance(effect, Detach):
            called_off = self._attaching.pop(effect.segment, None)
            if called_off is not None:
                called_off.performed = True
        elif isinstance(effect, Mark):
            self.told(effect.leg)
            self._marking[effect.leg] = ticket
        self._pending.tickets.append(ticket)
        self._wake.set()
        return ticket

    def told(self, leg: str) -> None:
        """A leg is told something newer: a mark of it that still waits is called off."""
        called_off = self._marking.pop(leg, None)
        if called_off is not None:
            called_off.performed = True

    def finish(self, recording: str) -> None:
        """Write the job of a recording."""
        self._pending.finished.append(recording)
        self._wake.set()

    def reply(self, reply: Reply) -> None:
        """Answer, once what was done for it is written: an answered pause survives our death."""
        self._pending.replies.append(reply)
        self._wake.set()

    def performed(self, ticket: Ticket) -> None:
        """An effect was performed; its row says so with the next transaction."""
        ticket.performed = True
        if ticket.row is not None:
            self._rows_performed.append(ticket.row)

    async def run(self) -> None:
        """Write whatever gathers, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if not self._pending:
                continue
            await self._give_way()
            if not await self._write():
                wait = min(_FIRST_WAIT * 2 ** min(self._failures - 1, 10), _LONGEST_WAIT)
                await self._clock.wait(asyncio.Event(), wait)
                self._wake.set()

    async def flush(self) -> None:
        """Write what is left, once; effects that it would have led to are left to the next life."""
        self._perform = _left_alone
        if self._pending or self._rows_performed:
            await self._write()

    async def _write(self) -> bool:
        taken, self._pending = self._pending, _Pending()
        try:
            if self._failures < _ALONE_AFTER:
                await self._commit(taken)
            else:
                await self._one_by_one(taken)
        except Exception as error:  # noqa: BLE001 - whatever the ledger or its driver raised: keep, say once, try again
            self._put_back(taken)
            self._failures += 1
            if self._failures == 1:
                log.error("the ledger cannot be written; calls go on, new taps wait", cause=str(error))
            return False
        except BaseException:
            self._put_back(taken)
            raise
        if self._failures:
            log.info("the ledger can be written again", failures=self._failures)
        self._failures = 0
        return True

    async def _commit(self, taken: _Pending) -> None:
        performed, self._rows_performed = self._rows_performed, []
        done_before = [ticket for ticket in taken.tickets if ticket.performed]
        batch = Batch(calls=taken.calls, effects=[ticket.effect for ticket in taken.tickets], finished=taken.finished,
                      performed=performed)
        try:
            rows = await self._store.commit(batch, self._clock.at())
        except BaseException:
            self._rows_performed = performed + self._rows_performed
            raise
        for ticket, row in zip(taken.tickets, rows, strict=True):
            ticket.row = row
            self._after(ticket, before=ticket in done_before)
        for reply in taken.replies:
            self._answer(reply)
        for _ in taken.finished:
            self._jobs()

    def _after(self, ticket: Ticket, *, before: bool) -> None:
        effect = ticket.effect
        if isinstance(effect, Attach) and self._attaching.get(effect.segment) is ticket:
            del self._attaching[effect.segment]
        if isinstance(effect, Mark) and self._marking.get(effect.leg) is ticket:
            del self._marking[effect.leg]
        if ticket.performed or before:
            self.performed(ticket)
        elif not isinstance(effect, Detach):
            self._perform(ticket)

    async def _one_by_one(self, taken: _Pending) -> None:
        """Each call in a transaction of its own, so that those which can be written are."""
        first_error: Exception | None = None
        for identity in list(taken.calls):
            own = _Pending(
                calls={identity: taken.calls[identity]},
                tickets=[ticket for ticket in taken.tickets if ticket.effect.call == identity],
                finished=[recording for recording in taken.finished
                          if any(recording == one.id for one in taken.calls[identity].recordings)])
            try:
                await self._commit(own)
            except Exception as error:  # noqa: BLE001 - the next call may be written all the same
                first_error = first_error or error
                continue
            del taken.calls[identity]
            taken.tickets = [ticket for ticket in taken.tickets if ticket not in own.tickets]
            taken.finished = [recording for recording in taken.finished if recording not in own.finished]
        if first_error is not None:
            raise first_error
        await self._commit(taken)

    def _put_back(self, taken: _Pending) -> None:
        """Keep what could not be written, and no more of it than is still of use."""
        newer = self._pending
        newer.calls = {**{key: call for key, call in taken.calls.items() if key not in newer.calls}, **newer.calls}
        newer.tickets = [ticket for ticket in (*taken.tickets, *newer.tickets)
                         if not ticket.performed][-_MOST_EFFECTS:]
        newer.finished = [*taken.finished, *newer.finished]
        newer.replies = [*taken.replies, *newer.replies][-_MOST_EFFECTS:]

    def _drop_one(self) -> None:
        """Bounded: the call that ended longest ago goes first."""
        calls = self._pending.calls
        closed = next((key for key, call in calls.items() if call.state is CallState.CLOSED), next(iter(calls)))
        del calls[closed]
        log.error("a call could not be kept until the ledger can be written again: it has no row", call=closed)


def _left_alone(_ticket: Ticket) -> None:
    return None
