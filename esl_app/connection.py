"""The lasting connection with one FreeSWITCH: connect, subscribe, hand on events, reconnect, for ever.

What happens at each connect, in this order: the password is given, the version is looked at and the lease is taken,
events begin to wait here, the subscription is set, the listener reads its snapshot, and then it gets the events that
waited meanwhile. So an event may be older than the snapshot, but none is missing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from esl_app import lines
from esl_app.lines import Word
from esl_app.messages import Event
from esl_app.wire import Address, Wire, failed, open_wire
from faults import SwitchFault, SwitchOperationFailed, SwitchProtocolBroken, SwitchTooOld, SwitchUnreachable
from link.backoff import Backoff
from link.inbox import Inbox
from link.lease import Holder, Lease

OLDEST = (1, 10)
"""The first version of FreeSWITCH that we work with."""

_BOOT = "core_uuid"
_NOTHING = "-ERR no reply"
"""What the event socket makes of an answer without a word, as of a variable that is not set."""


class Listener(Protocol):
    """Who a connection works for. A `SwitchFault` that it raises makes the connection anew; others end `run`."""

    def reached(self, boot: str) -> None:
        """A new connection stands. ``boot`` changes when FreeSWITCH restarts."""

    async def connected(self) -> None:
        """Events begin to wait: read the calls from the switch."""

    async def received(self, event: Event) -> None:
        """An event, in the order in which FreeSWITCH sent them. It may take its time: the others wait."""

    def told(self, fault: SwitchFault | None) -> None:
        """The connection's state has changed: to a fault, or to None when the switch is connected and read."""


class Connection:
    """Keeps a `Listener` connected with one FreeSWITCH, and runs commands.

    Args:
        address: where, and the password.
        holder: who we are, for the lease.
        clock: seconds of a monotonic clock.
        backoff: how long to wait between attempts.
        job_id: draws the id of a job.
        events: to subscribe to. subclasses: of the ``CUSTOM`` events.
        sleep: waits so many seconds.
        most_waiting: events that may wait for a slow listener. One more, and all that wait are dropped and the
            connection is made anew.
    """

    def __init__(self, address: Address, holder: Holder, *, clock: Callable[[], float], backoff: Backoff,
                 job_id: Callable[[], str], events: Collection[str], subclasses: Collection[str] = (),
                 sleep: Callable[[float], Awaitable[object]] = asyncio.sleep, most_waiting: int = 10_000) -> None:
        self._address = address
        self._lease = Lease(self, holder, clock=clock, sleep=sleep)
        self._clock = clock
        self._backoff = backoff
        self._job_id = job_id
        self._subscription = lines.subscribe(("BACKGROUND_JOB", *events), subclasses)
        self._sleep = sleep
        self._most_waiting = most_waiting
        self._wire: Wire | None = None
        self._state: str | None = None
        self._since: float | None = None

    async def run(self, listener: Listener) -> None:
        """Run until cancelled."""
        while True:
            self._since = None
            try:
                await self._connect(listener)
            except SwitchFault as fault:
                self._tell(listener, fault)
            lasted = 0.0 if self._since is None else self._clock() - self._since
            await self._sleep(self._backoff.wait(lasted))

    async def api(self, name: str, *words: Word) -> str:
        """Run a command that is quickly done; what it printed.

        Raises:
            SwitchOperationFailed: FreeSWITCH said no (its words are in ``details["answer"]``), or a word cannot be
                sent. SwitchUnreachable: there is no connection.
        """
        return _checked(name, await self._open().api(name, *words))

    async def job(self, name: str, *words: Word) -> str:
        """Run a command that may take its time, beside all others; result and faults as in `api`."""
        return _checked(name, await self._open().job(name, *words))

    async def command(self, line: bytes) -> str:
        """Send a command that `lines` made (``sendevent``, ``sendmsg``); its reply. Faults as in `api`."""
        reply = await self._open().command(line)
        if not reply.ok:
            raise SwitchOperationFailed("FreeSWITCH refused a command.", answer=reply.text[:80])
        return reply.text

    async def read(self, name: str) -> str:
        """A global variable; empty where there is none. Faults as in `api`."""
        value = (await self._open().api("global_getvar", name)).strip()
        return "" if value == _NOTHING else _checked("global_getvar", value)

    async def write(self, name: str, value: str) -> None:
        """Set a global variable. Faults as in `api`."""
        await self.api("global_setvar", f"{name}={value}")

    def again(self) -> None:
        """End the connection, so that it is made anew and everything is read."""
        if self._wire is not None:
            self._wire.close()

    async def _connect(self, listener: Listener) -> None:
        """One connection, from its begin to the fault that ends it."""
        inbox: Inbox[Event] = Inbox(self._most_waiting)
        wire = await open_wire(self._address, take=inbox.put, job_id=self._job_id)
        tasks = [asyncio.create_task(self._receive(wire, inbox))]
        try:
            await wire.log_in(self._address.password)
            self._wire = wire
            check_version(await self.api("version"))
            boot = await self.read(_BOOT)
            if not boot:
                raise SwitchProtocolBroken("FreeSWITCH does not say which run of it this is.")
            await self._lease.take(lambda fault: self._tell(listener, fault))
            tasks.append(asyncio.create_task(self._keep(inbox)))
            await self.command(self._subscription)
            listener.reached(boot)
            await listener.connected()
            self._since = self._clock()
            self._tell(listener, None)
            while (event := await inbox.next()) is not None:
                await listener.received(event)
            for task in tasks:
                if task.done():
                    await task
        except asyncio.CancelledError:
            # Only who is told to stop leaves: after a fault we are back at once.
            await self._lease.give_back()
            raise
        finally:
            self._wire = None
            wire.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, inbox: Inbox[Event]) -> None:
        """Keep the lease; its loss ends the connection."""
        try:
            await self._lease.keep()
        finally:
            inbox.close()

    async def _receive(self, wire: Wire, inbox: Inbox[Event]) -> None:
        """Take in what comes until the connection ends; always raises."""
        try:
            await wire.read()
        finally:
            inbox.close()

    def _open(self) -> Wire:
        if self._wire is None:
            raise SwitchUnreachable("There is no connection with FreeSWITCH.")
        return self._wire

    def _tell(self, listener: Listener, fault: SwitchFault | None) -> None:
        state = "" if fault is None else fault.id
        if state != self._state:
            self._state = state
            listener.told(fault)


def check_version(printed: str) -> None:
    """Whether this FreeSWITCH is new enough, by what ``version`` printed. What names no version is good enough.

    Raises:
        SwitchTooOld: it is older than `OLDEST`.
    """
    found = re.search(r"Version (\d{1,4})\.(\d{1,4})", printed)
    if found and (int(found[1]), int(found[2])) < OLDEST:
        raise SwitchTooOld(f"This is FreeSWITCH {found[1]}.{found[2]}: {OLDEST[0]}.{OLDEST[1]} is the first that "
                           "works.", version=found[0])


def _checked(name: str, answer: str) -> str:
    if failed(answer):
        raise SwitchOperationFailed("FreeSWITCH did not carry out a command.", command=name,
                                    answer=answer.strip()[:80])
    return answer
