"""FreeSWITCH as the recorder's ``Switch``: wires connection, translation, snapshot, taps, announcements; decides
nothing."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import replace
from random import Random

import structlog

from esl_app import announcements, commands, lines, snapshot, taplegs
from esl_app.announcements import Announcements
from esl_app.answerer import Answerer
from esl_app.connection import Connection
from esl_app.messages import Event
from esl_app.outbound import Door, Outbound
from esl_app.taplegs import TapLegs
from esl_app.taps import Taps
from esl_app.translate import EVENTS, SUBCLASSES, Translator
from esl_app.wire import Address
from faults import SwitchFault, SwitchOperationFailed
from link.askers import Askers
from link.backoff import Backoff
from link.feed import Feed
from link.lease import Holder
from link.limits import Limits
from recorder.effects import Announce, Attach, Detach, Hush, Mark, Release, Reply
from recorder.events import Asked, CallEvent, Held, SwitchDown, SwitchUp, TapDown, TapFailed, TapUp
from recorder.model import Direction, RtpCounters, Sink
from recorder.ports import NOWHERE, RtpAddress
from recorder.spoken import choice_of

__all__ = ["EslSwitch"]

log = structlog.get_logger("freeswitch")

_BURST = 50
_AT_ONCE = 16
_WAITING = 5_000
_SECOND_LOOK = 1.0
"""Seconds after which everything is read again, since FreeSWITCH's list of channels may be 0.4 s behind."""
_AWAKE_WITHIN = 1.0
"""Seconds that its events are waited for before the first look, which sees the calls that have begun meanwhile."""


class EslSwitch:
    """One FreeSWITCH.

    Args:
        name: its name in the settings.
        address: of its event socket.
        holder: who we are, for the lease.
        spool: the folder, as FreeSWITCH sees it, below which our recordings are.
        operations_per_second: the most operations that begin in a second; a detach is never held back.
        door: where its dialplans may connect to; None: nowhere.
        answerer: who answers it when it sends audio to recording servers; None: one on this machine.
        random: draws the jitter of reconnections.
    """

    def __init__(self, name: str, address: Address, holder: Holder, *, spool: str,
                 operations_per_second: float, door: Door | None = None, answerer: Answerer | None = None,
                 random: Random | None = None) -> None:
        self._name = name
        self._spool = spool
        self._feed = Feed()
        self._limits = Limits(per_second=operations_per_second, burst=_BURST, at_once=_AT_ONCE, waiting=_WAITING,
                              clock=time.monotonic)
        self._connection = Connection(address, holder, clock=time.monotonic, backoff=Backoff(random or Random()),
                                      job_id=lambda: str(uuid.uuid4()), subclasses=SUBCLASSES,
                                      events=sorted({*EVENTS, *announcements.EVENTS}))
        self._translator = Translator(name, spool)
        self._taps = Taps(name, spool, self._connection, self._translator, leg_of=self._translator.tapped_leg,
                          tell=self._feed.put, sequence=self._feed.next, clock=time.time)
        self._answerer = answerer if answerer is not None else Answerer()
        self._legs = TapLegs(name, self._connection, self._answerer, start=self._feed.start, tell=self._feed.put,
                             sequence=self._feed.next, clock=time.time)
        self._announcements = Announcements(name, self._connection, start=self._feed.start, tell=self._feed.put,
                                            sequence=self._feed.next, clock=time.time)
        self._askers: Askers[commands.Asker] = Askers()
        self._outbound = Outbound(door, knows=lambda leg: leg in self._translator.legs, asks=self._asks)
        self._status = ""
        self._boot = ""
        self._up = False
        self._reading = asyncio.Lock()

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self._name

    async def events(self) -> AsyncIterator[CallEvent]:
        """Connect, stay connected, and tell what happens, until cancelled."""
        self._feed.start(self._outbound.run())
        try:
            async with aclosing(self._feed.events(self._connection.run(self))) as events:
                async for event in events:
                    yield event
        finally:
            self._answerer.close()

    def taken(self, event: CallEvent) -> None:
        """See ``Switch``. An attach that is under way ends with its detach: nothing has to be waited for."""

    async def attach(self, effect: Attach, to: Mapping[Direction, RtpAddress] = NOWHERE) -> None:
        """Start a recording, or have the audio sent, when it is this call's turn."""
        sent = effect.source.sink is Sink.SERVER
        taps = self._legs if sent else self._taps
        taps.expect(effect.segment)

        async def begin() -> None:
            await self._announcements.make_way(effect.source)
            if sent:
                await self._legs.attach(effect, to)
            else:
                await self._taps.attach(effect)

        try:
            await self._limits.run(effect.call, begin)
        except SwitchOperationFailed as fault:
            taps.refused(effect, fault.message)

    async def detach(self, effect: Detach) -> None:
        """Stop a recording, or what is sent, at once."""
        taps = self._legs if effect.source.sink is Sink.SERVER else self._taps
        await self._limits.run(effect.call, lambda: taps.detach(effect), urgent=True)

    async def announce(self, effect: Announce) -> None:
        """Have it played on the legs, when it is this call's turn."""
        try:
            await self._limits.run(effect.call, lambda: self._announcements.announce(effect))
        except SwitchOperationFailed as fault:
            self._announcements.refused(effect, fault.message)

    async def hush(self, effect: Hush) -> None:
        """End it, after what was asked before for this call."""
        try:
            await self._limits.run(effect.call, lambda: self._announcements.hush(effect))
        except SwitchOperationFailed as fault:
            log.warning("an announcement could not be ended", call=effect.call, why=fault.message)

    async def mark(self, effect: Mark) -> None:
        """Set variables of the channel, in order."""
        await self._set(effect, urgent=False)

    async def release(self, effect: Release) -> None:
        """Tell a leg what was decided, at once."""
        await self._set(effect, urgent=True)
        self._outbound.release(effect.leg)

    async def reply(self, effect: Reply) -> None:
        """Answer the dialplan or the script that waits, at once; see ``commands``."""
        asker = self._askers.take(effect.request)
        if asker is None:
            return
        try:
            if asker.channel:
                await self._connection.api("uuid_setvar", asker.channel, commands.ANSWER, asker.word(effect))
            elif (line := asker.line(effect)) is not None:
                await self._connection.command(line)
        except SwitchFault as fault:
            log.warning("who asked could not be answered; it goes on without us", request=effect.request,
                        fault=fault.id, why=fault.message)

    async def packets(self, leg: str) -> RtpCounters | None:  # noqa: ARG002  # the port has it
        """Not asked on FreeSWITCH, where a tap hears whatever its leg does."""
        return None

    async def show(self, status: str) -> None:
        """Keep it for ``fs_cli -x "recorder status"``."""
        self._status = status

    async def resync(self) -> None:
        """Read everything again. A failure makes the connection anew, which reads everything too."""
        if self._up:
            try:
                async with self._reading:
                    await self._snapshot()
            except SwitchFault as fault:
                log.warning("the calls could not be read again", fault=fault.id, why=fault.message)
                self._connection.again()

    # ---- What the connection tells ------------------------------------------------------------------------------

    def reached(self, boot: str) -> None:
        """See ``Listener``."""
        self._taps.forget()
        self._legs.forget()
        self._announcements.forget()
        self._boot = boot

    async def connected(self) -> None:
        """See ``Listener``."""
        await self._wake()
        async with self._reading:  # an older connection's reading may still be ending
            await self._snapshot()
        self._up = True
        self._outbound.begin()
        self._feed.start(self._look_again())

    async def received(self, event: Event) -> None:
        """See ``Listener``. While everything is read again events wait: else a call that has just begun would be taken
        for one that is gone."""
        async with self._reading:
            self._receive(event)

    def told(self, fault: SwitchFault | None) -> None:
        """See ``Listener``. Each change is said once, however often it is tried."""
        if fault is None:
            log.info("FreeSWITCH is connected", switch=self._name)
            return
        log.error("FreeSWITCH cannot be used", switch=self._name, fault=fault.id, why=fault.message,
                  remedy=fault.remedy, recording=fault.recording)
        self._outbound.end()
        if self._up:
            self._up = False
            self._feed.put(SwitchDown(switch=self._name, at=time.time(), sequence=self._feed.next(),
                                      cause=fault.message))

    # ---- Inside -------------------------------------------------------------------------------------------------

    def _receive(self, event: Event) -> None:
        if commands.asks_for_status(event):
            self._feed.start(self._tell_status(event))
            return
        if event.name in announcements.EVENTS:
            self._announcements.received(event)
        if event.name in taplegs.EVENTS:
            self._legs.received(event)
        for told in self._translator.translate(event):
            if isinstance(told, TapUp):
                self._taps.started(told.segment)
            elif isinstance(told, TapDown):
                told = replace(told, cause=self._taps.ended(told.segment) or told.cause)
            elif isinstance(told, TapFailed):
                self._taps.ended(told.segment)
            elif isinstance(told, Asked):
                self._askers.expect(told.request, commands.Asker(event))
            self._feed.put(told)
        self._outbound.look()

    async def _asks(self, leg: str) -> None:
        """A leg's dialplan waits for the decision over a connection of its own."""
        choice = choice_of(await self._connection.api("uuid_getvar", leg, "recorder_record"))
        self._feed.put(Held(switch=self._name, at=time.time(), sequence=self._feed.next(), leg=leg, choice=choice,
                            inside=False))

    async def _wake(self) -> None:
        """The first presence event of a FreeSWITCH's life, which its first answered call brings, holds up all events
        for half a second. So it has one now, about nobody, which mod_sofia passes over; and when the end of a job is
        told, an event as all others, that time is over."""
        await self._connection.command(lines.sendevent("PRESENCE_OUT", {}))
        with suppress(TimeoutError, SwitchOperationFailed):
            async with asyncio.timeout(_AWAKE_WITHIN):
                await self._connection.job("version")

    async def _snapshot(self) -> None:
        known = self._translator.legs | self._legs.legs
        found = await snapshot.take(self._connection, self._spool, known)
        self._translator.resume(found.snapshot, {segment: source.leg for segment, source in found.sources.items()})
        for segment in found.sources:
            self._taps.adopt(segment)
        self._legs.adopt(found.sent, found.strays)
        self._announcements.adopt(found.pieces)
        self._feed.put(SwitchUp(switch=self._name, at=time.time(), sequence=self._feed.next(), boot=self._boot,
                                snapshot=replace(found.snapshot, coming=self._taps.coming + self._legs.coming)))

    async def _look_again(self) -> None:
        await asyncio.sleep(_SECOND_LOOK)
        await self.resync()

    async def _set(self, effect: Mark | Release, *, urgent: bool) -> None:
        """Set variables of a channel, in order."""
        async def set_all() -> None:
            for name, value in effect.variables.items():
                await self._connection.api("uuid_setvar", effect.leg, name.lower(), value)

        try:
            await self._limits.run(effect.call, set_all, urgent=urgent)
        except SwitchFault as fault:
            log.debug("a channel could not be marked", call=effect.call, fault=fault.id, why=fault.message)

    async def _tell_status(self, event: Event) -> None:
        line = commands.reply_line(event, "done", "", self._status)
        try:
            if line is not None:
                await self._connection.command(line)
        except SwitchFault as fault:
            log.debug("the table could not be told", fault=fault.id, why=fault.message)
