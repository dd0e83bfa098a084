"""Asterisk as the recorder's ``Switch``: wires connection, translation, snapshot and taps; decides nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from random import Random
from typing import Literal
from weakref import WeakValueDictionary

import structlog

from ari_app import commands, snapshot
from ari_app.announcements import Announcements, Whisper
from ari_app.arrivals import Arrivals
from ari_app.conference import join
from ari_app.connection import Connection, Way
from ari_app.file_taps import FileTaps
from ari_app.generated import events as ari
from ari_app.generated.models import AsteriskInfo, Channel
from ari_app.kept import Kept
from ari_app.leaving import Leaving
from ari_app.names import Part, announcement_of, member_of, parse, part_of, shared
from ari_app.server_taps import ServerTaps
from ari_app.stasis import Stasis, asks
from ari_app.translate import own, translate
from ari_app.variables import Globals, at_once
from faults import SwitchFault, SwitchOperationFailed, SwitchProtocolBroken, SwitchUnreachable
from link.askers import Askers
from link.backoff import Backoff
from link.feed import Feed
from link.lease import Holder, Lease
from link.limits import Limits
from recorder.effects import Announce, Attach, Detach, Hush, Mark, Release, Reply
from recorder.events import Asked, CallEvent, SwitchDown, SwitchFound, SwitchUp, Verb
from recorder.model import Direction, RtpCounters, Sink, Source
from recorder.ports import NOWHERE, RtpAddress

__all__ = ["AriSwitch"]

log = structlog.get_logger("asterisk")

EVENTS = ("StasisStart", "StasisEnd", "ChannelCreated", "ChannelStateChange", "ChannelDestroyed", "Dial",
          "ChannelEnteredBridge", "ChannelLeftBridge", "BridgeDestroyed", "BridgeBlindTransfer",
          "BridgeAttendedTransfer", "RecordingStarted", "RecordingFinished", "RecordingFailed",
          "ChannelHold", "ChannelUnhold", "ChannelUserevent", "PlaybackStarted", "PlaybackFinished")
"""What Asterisk is asked to send: a call of two legs then brings 25 events instead of 83."""

_BURST = 50
_AT_ONCE = 16
_WAITING = 5_000
_SPY: Mapping[Direction, Literal["in", "out", "both"]] = {
    Direction.IN: "in", Direction.OUT: "out", Direction.MIX: "both"}


class AriSwitch:
    """One Asterisk.

    Args:
        name: its name in the settings.
        way: how we and it come together; it is opened here.
        holder: who we are, for the lease.
        operations_per_second: the most operations that begin in a second; a detach is never held back.
        random: draws the jitter of reconnections.
    """

    def __init__(self, name: str, way: Way, holder: Holder, *, operations_per_second: float,
                 random: Random | None = None) -> None:
        self._name = name
        self._way = way
        self._feed = Feed()
        self._limits = Limits(per_second=operations_per_second, burst=_BURST, at_once=_AT_ONCE, waiting=_WAITING,
                              clock=time.monotonic)
        lease = Lease(Globals(way.operations), holder, clock=time.monotonic)
        self._connection = Connection(way, self, lease, clock=time.monotonic, events=EVENTS,
                                      backoff=Backoff(random or Random()))
        self._leaving = Leaving()
        self._file_taps = FileTaps(name, self, self._leaving, tell=self._put, sequence=self._feed.next,
                                   clock=time.time)
        self._server_taps = ServerTaps(name, self, self._leaving, tell=self._put, sequence=self._feed.next,
                                       clock=time.time, start=self._feed.start)
        self._kept = Kept(name)
        self._announcements = Announcements(name, self, self._leaving, tell=self._put, sequence=self._feed.next,
                                            clock=time.time)
        self._arrivals = Arrivals()
        self._stasis = Stasis(name, self._way.operations, sequence=self._feed.next, start=self._feed.start)
        self._askers: Askers[commands.Asker] = Askers()
        self._telling: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._boot = ""
        self._said_boot = False
        self._up = False
        self._reading = asyncio.Lock()
        self._weighty: set[int] = set()
        self._caught_up = asyncio.Event()

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self._name

    async def events(self) -> AsyncIterator[CallEvent]:
        """Connect, stay connected, and tell what happens, until cancelled."""
        async with self._way, aclosing(self._feed.events(self._connection.run())) as events:
            async for event in events:
                yield event

    def taken(self, event: CallEvent) -> None:
        """See ``Switch``."""
        if not isinstance(event, Asked | SwitchUp):
            return  # one that Asterisk told in the same breath has the same number
        self._weighty.discard(event.sequence)
        if isinstance(event, SwitchUp):
            self._weighty = {sequence for sequence in self._weighty if sequence > event.sequence}
        if not self._weighty:
            self._caught_up.set()

    async def attach(self, effect: Attach, to: Mapping[Direction, RtpAddress] = NOWHERE) -> None:
        """Make two snoops and record them, or send what they hear, when it is this call's turn."""
        if effect.source.sink is Sink.SERVER:
            self._server_taps.expect(effect, to)
        else:
            self._file_taps.expect(effect)
        taps = self._taps(effect.source)
        try:
            await self._limits.run(effect.call, lambda: taps.attach(effect))
        except SwitchOperationFailed as fault:
            taps.refused(effect, fault.message)

    async def detach(self, effect: Detach) -> None:
        """Delete the snoops, at once."""
        await self._limits.run(effect.call, lambda: self._taps(effect.source).detach(effect), urgent=True)

    async def announce(self, effect: Announce) -> None:
        """Have a snoop say it, when it is this call's turn."""
        try:
            await self._limits.run(effect.call, lambda: self._announcements.announce(effect))
        except SwitchOperationFailed as fault:
            self._announcements.refused(effect, fault.message)

    async def hush(self, effect: Hush) -> None:
        """Delete the snoop that says it, after what was asked before for this call."""
        try:
            await self._limits.run(effect.call, lambda: self._announcements.hush(effect))
        except SwitchOperationFailed as fault:
            log.warning("an announcement could not be ended", call=effect.call, why=fault.message)

    async def mark(self, effect: Mark) -> None:
        """Leave variables for the dialplan as ``${SHARED(NAME)}``: ARI cannot set a variable of a channel that is not
        in Stasis."""
        await self._share(effect)

    async def release(self, effect: Release) -> None:
        """Tell a leg what was decided and let it go, at once."""
        if effect.inside:
            await self._stasis.release(effect)
        else:
            await self._share(effect)

    async def reply(self, effect: Reply) -> None:
        """Leave the answer for the dialplan that waits for it, at once; see ``commands.ANSWER``."""
        asker = self._askers.take(effect.request)
        if asker is None:
            return
        try:
            await self._leave(asker.channel, {commands.ANSWER: asker.word(effect)})
        except SwitchFault as fault:
            log.warning("a dialplan could not be answered; it goes on without us", request=effect.request,
                        fault=fault.id, why=fault.message)

    async def show(self, status: str) -> None:
        """Leave it in a global variable; ``recorder status`` on the console shows that (cli_aliases.conf)."""
        try:
            await self._way.operations.asterisk_set_global_var(variable="RECORDER_STATUS", value=status)
        except SwitchFault as fault:
            log.debug("the console's table could not be written", fault=fault.id, why=fault.message)

    async def packets(self, leg: str) -> RtpCounters | None:
        """See ``Switch``. Asterisk counts the received ones anew when the sender's SSRC changes."""
        try:
            found = await self._way.operations.channels_rtpstatistics(leg)
        except SwitchFault as fault:
            log.debug("a leg's packets could not be asked for", leg=leg, fault=fault.id, why=fault.message)
            return None
        return RtpCounters(received=found.rxcount, lost=found.rxploss, sent=found.txcount)

    async def resync(self) -> None:
        """Read everything again. A failure makes the connection anew, which reads everything too."""
        if self._up:
            try:
                async with self._reading:
                    await self._snapshot(self._boot)
            except SwitchFault as fault:
                log.warning("the calls could not be read again", fault=fault.id, why=fault.message)
                await self._connection.again()

    # ---- What the connection tells ------------------------------------------------------------------------------

    def reached(self, info: AsteriskInfo) -> None:
        """See ``Listener``."""
        if info.system is None or info.status is None:
            raise SwitchProtocolBroken("Asterisk does not say which one it is and when it started.")
        boot = f"{info.system.entity_id}/{info.status.startup_time:.3f}"
        if boot != self._boot:
            self._file_taps.forget()
            self._server_taps.forget()
            self._leaving.forget()
        self._boot = boot
        self._said_boot = False

    async def connected(self) -> None:
        """See ``Listener``."""
        for told in self._kept.take(self._feed.next):
            self._put(told)
        await self._stasis.release_all(self._way.app)
        await self._snapshot(self._boot)
        self._up = True

    async def received(self, event: ari.Event) -> None:
        """See ``Listener``. What Asterisk had kept for us comes before the snapshot. While everything is read again
        events wait: else a call that has just begun would be taken for one that is gone."""
        async with self._reading:
            self._receive(event)

    def told(self, fault: SwitchFault | None) -> None:
        """See ``Listener``. Each change is said once, however often it is tried."""
        if fault is None:
            log.info("Asterisk is connected", switch=self._name)
            return
        log.error("Asterisk cannot be used", switch=self._name, fault=fault.id, why=fault.message, remedy=fault.remedy,
                  recording=fault.recording)
        if self._up:
            self._up = False
            self._put(SwitchDown(switch=self._name, at=time.time(), sequence=self._feed.next(), cause=fault.message))

    # ---- What taps need -----------------------------------------------------------------------------------------

    async def snoop(self, leg: str, snoop: str, direction: Direction) -> None:
        """See ``SnoopOperations``."""
        await self._way.operations.channels_snoop_channel_with_id(
            leg, snoop, app=self._way.app, spy=_SPY[direction])

    async def join(self, conference: str, segment: str) -> None:
        """See ``FileTapOperations``."""
        await join(self._way.operations, self._way.app, conference, segment)

    async def caught_up(self) -> None:
        """See ``SnoopOperations``. What was told while the connection was away only the next snapshot shows."""
        if not self._up:
            raise SwitchUnreachable("The connection was lost.")
        await self._caught_up.wait()

    async def record(self, snoop: str, name: str) -> None:
        """See ``FileTapOperations``. An existing file is refused by Asterisk: nothing is overwritten."""
        await self._way.operations.channels_record(snoop, name=name, format_="wav", if_exists="fail")

    async def stored(self, name: str) -> bool:
        """See ``FileTapOperations``."""
        try:
            await self._way.operations.recordings_get_stored(name)
        except SwitchOperationFailed:
            return False
        return True

    async def delete(self, channel: str) -> None:
        """See ``SnoopOperations``."""
        await self._way.operations.channels_hangup(channel)

    async def send(self, sender: str, to: RtpAddress) -> None:
        """See ``ServerTapOperations``."""
        host = f"[{to.host}]" if ":" in to.host else to.host
        await self._way.operations.channels_external_media(
            app=self._way.app, channel_id=sender, external_host=f"{host}:{to.port}", format_="ulaw")

    async def bridge(self, bridge: str) -> None:
        """See ``ServerTapOperations``."""
        await self._way.operations.bridges_create_with_id(bridge, type_="mixing")

    async def enter(self, bridge: str, channel: str) -> None:
        """See ``ServerTapOperations``."""
        await self._way.operations.bridges_add_channel(bridge, channel=[channel], inhibit_connected_line_updates=True)

    async def dissolve(self, bridge: str) -> None:
        """See ``ServerTapOperations``."""
        await self._way.operations.bridges_destroy(bridge)

    # ---- What announcements need --------------------------------------------------------------------------------

    async def whisper(self, leg: str, snoop: str, whisper: Whisper) -> None:
        """See ``AnnouncementOperations``."""
        await self._way.operations.channels_snoop_channel_with_id(
            leg, snoop, app=self._way.app, spy="none", whisper=whisper)

    async def play(self, snoop: str, media: str) -> None:
        """See ``AnnouncementOperations``."""
        await self._way.operations.channels_play_with_id(snoop, snoop, media=[media])

    # ---- Inside -------------------------------------------------------------------------------------------------

    def _taps(self, source: Source) -> FileTaps | ServerTaps:
        return self._server_taps if source.sink is Sink.SERVER else self._file_taps

    def _receive(self, event: ari.Event) -> None:
        if not self._up and not self._said_boot:
            self._said_boot = True
            self._put(SwitchFound(switch=self._name, at=time.time(), sequence=self._feed.next(), boot=self._boot))
        if isinstance(event, ari.ChannelEnteredBridge) and event.channel is not None:
            self._member_entered(event.channel.id, event.bridge.id)
        if isinstance(event, ari.ChannelDestroyed):
            self._leaving.gone(event.channel.id)
        self._part_told(event)
        match event:
            case ari.StasisStart():
                self._entered(event)
            case ari.StasisEnd():
                for snoop in self._file_taps.snoop_left(event.channel.id):
                    self._feed.start(self._hang_up(snoop))
            case ari.ChannelUserevent() if asks(event):
                self._put_all(self._stasis.asked(event))
            case ari.ChannelCreated():
                if not own(event.channel):
                    self._arrivals.created(event.channel)
            case ari.ChannelHold() | ari.ChannelUnhold():
                self._arrivals.holds(event.channel.id, held=isinstance(event, ari.ChannelHold))
                self._put_all(translate(event, self._name, self._feed.next()))
            case ari.RecordingStarted():
                if not self._up:
                    self._kept.started(event.recording.name, event.timestamp)
                self._file_taps.recording_started(event.recording.name, event.timestamp)
            case ari.RecordingFinished() | ari.RecordingFailed():
                cause = event.recording.cause or event.recording.state
                if not self._up and not self._file_taps.knows(event.recording.name):
                    self._kept.ended(event.recording.name, event.timestamp, cause)
                for snoop in self._file_taps.recording_ended(event.recording.name, event.timestamp, cause):
                    self._feed.start(self._hang_up(snoop))
            case ari.ChannelUserevent():
                self._commanded(event, self._feed.next())
            case ari.PlaybackStarted():
                self._announcements.playback_started(event.playback.id, event.timestamp)
            case ari.PlaybackFinished():
                playback = event.playback
                if self._announcements.playback_finished(playback.id, event.timestamp, playback.state):
                    self._feed.start(self._hang_up(playback.id))
            case _:
                self._put_all(translate(event, self._name, self._feed.next()))

    def _entered(self, event: ari.StasisStart) -> None:
        channel = event.channel.id
        if parse(channel) is not None:
            self._file_taps.snoop_entered(channel)
        elif (part := part_of(channel)) is not None:
            self._server_taps.entered(part)
        elif announcement_of(channel) is not None:
            self._announcements.snoop_entered(channel)
        else:
            self._put_all(self._stasis.entered(event))

    def _part_told(self, event: ari.Event) -> None:
        """What becomes of the channels by which audio goes to recording servers."""
        match event:
            case ari.ChannelEnteredBridge(channel=Channel(id=identity)) if (part := part_of(identity)) is not None:
                self._server_taps.entered_bridge(part, event.timestamp)
            case ari.ChannelLeftBridge(channel=Channel(id=identity)) if (part := part_of(identity)) is not None:
                self._part_ended(part, event.timestamp)
            case ari.ChannelDestroyed() if (part := part_of(event.channel.id)) is not None:
                self._part_ended(part, event.timestamp)

    def _part_ended(self, part: Part, at: float) -> None:
        for snoop in self._server_taps.ended(part, at):
            self._feed.start(self._hang_up(snoop))

    async def _snapshot(self, boot: str) -> None:
        found = await snapshot.take(self._way.operations, time.time())
        for tap in found.snapshot.taps:
            if tap.source is None:
                self._file_taps.adopt(tap.segment, tuple(file.direction for file in tap.files))
        self._server_taps.found({tap.segment: tap.source.directions for tap in found.snapshot.taps
                                 if tap.source is not None and tap.source.sink is Sink.SERVER}, found.parts)
        self._arrivals.keep({leg.id for leg in found.snapshot.legs})
        shown = replace(found.snapshot, legs=tuple(map(self._arrivals.dressed, found.snapshot.legs)))
        for orphan in found.orphans:
            self._feed.start(self._hang_up(orphan))
        self._put(SwitchUp(switch=self._name, at=time.time(), sequence=self._feed.next(), boot=boot,
                           snapshot=shown))

    async def _share(self, effect: Mark | Release) -> None:
        """Set shared variables of a channel, in order."""
        one_at_a_time = self._telling.setdefault(effect.channel, asyncio.Lock())

        async def set_all() -> None:
            async with one_at_a_time:
                await self._leave(effect.channel, effect.variables)

        try:
            await self._limits.run(effect.call, set_all, urgent=isinstance(effect, Release))
        except SwitchFault as fault:
            log.debug("a channel could not be marked", call=effect.call, fault=fault.id, why=fault.message)

    def _member_entered(self, channel: str, bridge: str) -> None:
        segment = member_of(channel)
        if segment is not None and not self._file_taps.member_entered(segment, bridge):
            log.warning("the quiet member came into another conference than it was sent to", segment=segment)
            self._feed.start(self._hang_up(channel))

    def _commanded(self, event: ari.ChannelUserevent, sequence: int) -> None:
        """A leg may be unknown before it asks. A pause is given back by the request before its mark is seen gone."""
        told = translate(event, self._name, sequence)
        asked = commands.asked(event, self._name, sequence)
        if asked is not None:
            if (asker := commands.asker_of(event)) is not None:
                self._askers.expect(asked.request, asker)
            told = [asked, *told] if asked.verb is Verb.RESUME else [*told, asked]
        self._put_all(told)

    async def _leave(self, channel: str, variables: Mapping[str, str]) -> None:
        """Leave variables for the dialplan as ``${SHARED(NAME)}``: ARI cannot set a variable of a channel that is not
        in Stasis."""
        named = shared(channel, variables)
        if named is None:
            log.warning("a channel's name cannot be used in a variable's name")
            return
        variable, value = at_once(named)
        await self._way.operations.asterisk_set_global_var(variable=variable, value=value)

    async def _hang_up(self, snoop: str) -> None:
        try:
            await self.delete(snoop)
        except SwitchFault as fault:
            log.debug("a snoop could not be hung up", snoop=snoop, why=fault.message)

    def _put_all(self, told: list[CallEvent]) -> None:
        for event in self._arrivals.dress(told):
            self._put(event)

    def _put(self, event: CallEvent) -> None:
        if isinstance(event, SwitchUp) or (isinstance(event, Asked) and event.verb is Verb.PAUSE):
            self._weighty.add(event.sequence)
            self._caught_up.clear()
        self._feed.put(event)
