"""Sends the deliveries of one channel: a few at once, each broken off when nothing comes of it, and tried again ever
more rarely before it is in the failed list."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

import structlog

from faults import Fault, LeaseLost, LedgerFault, NoticeBroken, ReceiverDeclined, ReceiverUnreachable
from ledger import Ledger, deliveries
from ledger.deliveries import Delivery
from ledger.tables import Json
from processing.notify.channel import Channel, Progress
from processing.notify.notice import Notice, read

log = structlog.get_logger("notices")

T = TypeVar("T")

RETRY_FIRST_S = 5.0
RETRY_LONGEST_S = 6 * 3600.0
_GROWTH = 4.0
LEASE_BEYOND_S = 30.0
"""A delivery is broken off that long before its lease ends, so that no two senders have it."""
LONGEST_SLEEP_S = 30.0
LEDGER_PAUSE_S = 5.0
RELEASE_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """``attempts`` before a delivery is given up; the ``link_template`` of the settings."""

    attempts: int
    link_template: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What became of a delivery: a note, or a fault."""

    note: str = ""
    fault: Fault | None = None


class Sender:
    """Runs one channel until it is cancelled.

    Args:
        owner: a name that no other sender has or had.
        clock: seconds since the Unix epoch (UTC).
        jitter: numbers from 0 to 1, so that what failed together does not come back together.
        threads: where the ledger is asked.
    """

    def __init__(self, ledger: Ledger, channel: Channel, rules: Rules, *, owner: str, clock: Callable[[], float],
                 jitter: Callable[[], float], threads: Executor) -> None:
        self._ledger = ledger
        self._channel = channel
        self._rules = rules
        self._owner = owner
        self._clock = clock
        self._jitter = jitter
        self._threads = threads
        self._lease = channel.patience + LEASE_BEYOND_S
        self._wake = asyncio.Event()
        self._sending: dict[asyncio.Task[_Outcome], Delivery] = {}

    def notify(self) -> None:
        """There may be a delivery. Called in the loop's thread."""
        self._wake.set()

    async def run(self) -> None:
        """Send whatever is due. Cancelled, it breaks off what is under way and lets go of it."""
        async with self._channel:
            try:
                while True:
                    self._wake.clear()
                    pause = await self._turn()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), pause)
            finally:
                await self._let_go()

    async def _turn(self) -> float:
        """Write down what has ended and take what is due, in one transaction; seconds until there may be more."""
        ended = {task: self._sending[task] for task in self._sending if task.done()}
        outcomes = [(delivery, task.result()) for task, delivery in ended.items()]
        free = self._channel.at_once - len(self._sending) + len(ended)
        try:
            claimed, due = await self._in_thread(lambda: self._write(outcomes, free))
        except LedgerFault as fault:
            log.error("notices wait: the ledger cannot be used", channel=self._channel.name, cause=fault.message)
            return LEDGER_PAUSE_S
        for task in ended:
            del self._sending[task]
        for delivery in claimed:
            task = asyncio.create_task(self._send(delivery))
            task.add_done_callback(lambda _: self._wake.set())
            self._sending[task] = delivery
        if due is None or len(self._sending) >= self._channel.at_once:
            return LONGEST_SLEEP_S
        # A lease that ends exactly now is not yet free: a millisecond later it is.
        return min(LONGEST_SLEEP_S, max(0.001, due - self._clock() + 0.001))

    def _write(self, outcomes: list[tuple[Delivery, _Outcome]], free: int) -> tuple[list[Delivery], float | None]:
        now = self._clock()
        name = self._channel.name
        if not outcomes:
            # Most looks find nothing due, and then nobody who writes is disturbed.
            with self._ledger.reading() as connection:
                due = deliveries.next_due(connection, name)
            if due is None or due > now:
                return [], due
        with self._ledger.transaction() as connection:
            for delivery, outcome in outcomes:
                with contextlib.suppress(LeaseLost):  # another sender has told it, or tells it now
                    if outcome.fault is None:
                        deliveries.done(connection, delivery, outcome.note)
                    elif self._is_last(delivery, outcome.fault):
                        deliveries.give_up(connection, delivery, outcome.fault)
                    else:
                        deliveries.retry(connection, delivery, outcome.fault, now + self._pause(delivery.attempts))
            claimed = deliveries.claim(connection, name, self._owner, now, self._lease, most=free)
            return claimed, deliveries.next_due(connection, name)

    async def _send(self, delivery: Delivery) -> _Outcome:
        """Tell; what came of it. Nothing is raised."""
        patience = self._channel.patience
        try:
            if delivery.attempts > self._rules.attempts:
                raise NoticeBroken("The service died at this notice each time.")
            async with asyncio.timeout(patience) as timer:
                notice = await self._in_thread(lambda: self._read(delivery))
                note = await self._channel.send(notice, Progress(delivery.progress, self._keeping(delivery, timer)))
        except LedgerFault as fault:
            return self._failed(delivery, fault)
        except TimeoutError:
            return self._failed(delivery, ReceiverUnreachable(f"Nothing came of it within {patience:g} seconds."))
        except Fault as fault:
            return self._failed(delivery, fault)
        except Exception as error:
            log.exception("a channel broke", channel=self._channel.name, recording=delivery.recording)
            return self._failed(delivery, NoticeBroken(f"{type(error).__name__} in the channel."))
        log.info("told", channel=self._channel.name, recording=delivery.recording, state=delivery.state.value, how=note)
        return _Outcome(note=note)

    def _read(self, delivery: Delivery) -> Notice:
        with self._ledger.reading() as connection:
            return read(connection, delivery, self._rules.link_template)

    def _keeping(self, delivery: Delivery, timer: asyncio.Timeout) -> Callable[[dict[str, Json]], Awaitable[None]]:
        """Writes progress down, and grants the delivery its time anew."""
        def work(progress: dict[str, Json]) -> None:
            with self._ledger.transaction() as connection:
                deliveries.keep(connection, delivery, progress, self._clock(), self._lease)

        async def keep(progress: dict[str, Json]) -> None:
            await self._in_thread(lambda: work(progress))
            timer.reschedule(asyncio.get_running_loop().time() + self._channel.patience)

        return keep

    def _failed(self, delivery: Delivery, fault: Fault) -> _Outcome:
        log.warning("a notice failed", channel=self._channel.name, recording=delivery.recording, fault=fault.id,
                    message=fault.message, attempt=delivery.attempts, given_up=self._is_last(delivery, fault))
        return _Outcome(fault=fault)

    def _is_last(self, delivery: Delivery, fault: Fault) -> bool:
        return delivery.attempts >= self._rules.attempts or isinstance(fault, ReceiverDeclined)

    def _pause(self, attempts: int) -> float:
        """Seconds until the next attempt: four times as long each time, then somewhere in its second half."""
        longest = min(RETRY_LONGEST_S, RETRY_FIRST_S * _GROWTH ** (attempts - 1))
        return longest * (0.5 + 0.5 * self._jitter())

    async def _let_go(self) -> None:
        """Break off what is under way; it is due at once, for the next life or another node."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

        def work() -> None:
            with self._ledger.transaction() as connection:
                for task, delivery in self._sending.items():
                    with contextlib.suppress(LeaseLost):
                        if task.cancelled():
                            deliveries.release(connection, delivery, self._clock())
                        elif (outcome := task.result()).fault is None:
                            deliveries.done(connection, delivery, outcome.note)

        with contextlib.suppress(LedgerFault, TimeoutError):  # else the leases run out
            async with asyncio.timeout(RELEASE_WITHIN_S):
                await self._in_thread(work)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
