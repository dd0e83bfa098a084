"""FreeSWITCH's events as the engine's: what happened on this switch, in the words of every switch.

The switch tells of bridges and conferences in steps; the engine wants whole memberships. So the translator remembers
who is with whom, between a snapshot and the next. It also remembers on which leg each of our recordings is, since
FreeSWITCH may move one to another leg without ending it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from esl_app import commands
from esl_app.legs import counters_of, hangup_time, is_own, leg_of
from esl_app.messages import Event
from esl_app.names import below
from recorder.events import BridgeIs, CallEvent, LegGone, LegIs, TapDown, TapFailed, TapUp, Transferred
from recorder.model import Bridge, BridgeKind, Direction, TrackFile
from recorder.snapshot import Snapshot

CONFERENCE = "conference::maintenance"
QUEUE = "fifo::info"
SUBCLASSES = (CONFERENCE, QUEUE, *commands.SUBCLASSES)

_SEGMENT_FILE = re.compile(r"(?:.*/)?([0-9a-f-]{36}\.[0-9]+)\.wav")
_QUEUED = {"push": True, "abort": False, "timeout": False, "bridge-caller-start": False, "consumer_start": True,
           "bridge-consumer-start": False, "bridge-consumer-stop": True, "consumer_stop": False}
"""What happens to a leg in a queue of mod_fifo: whether it waits there afterwards."""
_TRANSFERS = ("BLIND_TRANSFER", "ATTENDED_TRANSFER")


class Translator:
    """Translates the events of one connection, in the order of their arrival.

    Args:
        switch: the name of the switch in the settings.
        spool: the folder, as the switch sees it, below which our recordings are.
    """

    def __init__(self, switch: str, spool: str) -> None:
        self._switch = switch
        self._spool = spool
        self._bridges: dict[str, Bridge] = {}
        self._bridge_of: dict[str, str] = {}
        self._sources: dict[str, str] = {}
        self._conference_steps: dict[str, int] = {}
        self._tapped: dict[str, str] = {}
        self._segment_at: dict[str, str] = {}
        self._legs: set[str] = set()
        self._refused: set[str] = set()

    @property
    def legs(self) -> frozenset[str]:
        """The legs that are there, as far as their events and the last snapshot tell."""
        return frozenset(self._legs)

    def resume(self, snapshot: Snapshot, tapped: Mapping[str, str]) -> None:
        """Forget what was remembered: these are the legs, bridges, conferences and taps from now on.

        Bridges between two are named by ``bridge_id``, conferences by their ``Conference-Unique-ID``.

        Args:
            tapped: segment -> the leg that its recording is on.
        """
        for memory in (self._bridges, self._bridge_of, self._sources, self._conference_steps,
                       self._tapped, self._segment_at, self._refused):
            memory.clear()
        self._legs = {leg.id for leg in snapshot.legs}
        self._tapped.update(tapped)
        self._segment_at.update({file.path: tap.segment for tap in snapshot.taps for file in tap.files})
        for bridge in snapshot.bridges:
            self._bridges[bridge.id] = bridge
            if bridge.kind is BridgeKind.MIXING:
                self._bridge_of.update(dict.fromkeys(bridge.members, bridge.id))

    def tapped_leg(self, segment: str) -> str | None:
        """The leg that a segment's recording is on now, or None if it is not running.

        With ``recording_follow_transfer`` it is not the leg that it was started on.
        """
        return self._tapped.get(segment)

    def conference(self, bridge: str) -> str | None:
        """The name of a conference that is there, by its bridge's id; None where it is not known."""
        found = self._bridges.get(bridge)
        return found.name if found is not None and found.kind is BridgeKind.CONFERENCE else None

    def translate(self, event: Event) -> tuple[CallEvent, ...]:
        """What an event means; nothing for all events that do not concern us, that have no time, or that are about a
        leg of ours."""
        make = _TRANSLATIONS.get(event.name)
        if make is None or event.timestamp is None or is_own(event):
            return ()
        return tuple(make(self, event, event.timestamp, event.sequence or 0))

    def _leg(self, event: Event, at: float, sequence: int) -> Iterator[CallEvent]:
        leg = leg_of(event)
        if leg is not None:
            self._legs.add(leg.id)
            yield LegIs(switch=self._switch, at=at, sequence=sequence, leg=leg)

    def _bridged(self, event: Event, at: float, sequence: int) -> Iterator[CallEvent]:
        yield from self._leg(event, at, sequence)
        pair = _pair(event)
        if pair is None:
            return
        bridge = Bridge(id=bridge_id(*pair), kind=BridgeKind.MIXING, members=frozenset(pair))
        for leg in pair:
            if self._bridge_of.get(leg, bridge.id) != bridge.id:
                yield from self._empty(self._bridge_of[leg], at, sequence)
        self._bridges[bridge.id] = bridge
        self._bridge_of.update(dict.fromkeys(pair, bridge.id))
        self._sources[pair[0]] = event.header("Caller-Transfer-Source") or ""
        yield BridgeIs(switch=self._switch, at=at, sequence=sequence, bridge=bridge)

    def _unbridged(self, event: Event, at: float, sequence: int) -> Iterator[CallEvent]:
        """Both have left their bridge. Its first leg tells: by a source that it did not have before if it was handed
        on, else by the bond that is missing. It may be told after the other one has gone."""
        pair = _pair(event)
        if pair is None:
            return
        first, second = pair
        identity = bridge_id(*pair)
        source = event.header("Caller-Transfer-Source") or ""
        if event.uuid == first and self._bridge_of.get(first, identity) == identity:
            if source.endswith(f":uuid_br:{second}"):
                pass  # their media come back to FreeSWITCH, or go past it: they stay together
            elif source and source != self._sources.get(first, source):
                yield Transferred(switch=self._switch, at=at, sequence=sequence, by=second, legs=(first,))
            elif _released(event):
                yield Transferred(switch=self._switch, at=at, sequence=sequence, by=first, legs=(second,))
        yield from self._empty(identity, at, sequence)

    def _empty(self, identity: str, at: float, sequence: int) -> Iterator[CallEvent]:
        """A bridge between two has nobody in it any more."""
        bridge = self._bridges.pop(identity, None)
        if bridge is None:
            return
        for member in bridge.members:
            if self._bridge_of.get(member) == identity:
                del self._bridge_of[member]
        yield BridgeIs(switch=self._switch, at=at, sequence=sequence, bridge=replace(bridge, members=frozenset()))

    def _hanging_up(self, event: Event, at: float, sequence: int) -> Iterator[CallEvent]:
        """A party that hangs up because it handed the call on, or because the other one was taken from it, says so
        here, before its leg is gone."""
        bridge = self._bridges.get(self._bridge_of.get(event.uuid or "", ""))
        handed_on = event.header("variable_endpoint_disposition") in _TRANSFERS or _released(event)
        if bridge is not None and event.uuid and handed_on:
            yield Transferred(switch=self._switch, at=at, sequence=sequence, by=event.uuid,
                              legs=tuple(sorted(bridge.members - {event.uuid})))

    def _gone(self, event: Event, at: float, sequence: int) -> Iterator[CallEvent]:
        """Its recording was ended before this, so no tap has to be ended for a leg that hangs up by itself."""
        if event.uuid:
            self._legs.discard(event.uuid)
            self._sources.pop(event.uuid, None)
            yield from self._empty(self._bridge_of.get(event.uuid, ""), at, sequence)
            yield LegGone(switch=self._switch, at=hangup_time(event) or at, sequence=sequence, leg=event.uuid,
                          cause=event.header("Hangup-Cause") or "", counters=counters_of(event))

    def _record_start(self, event: Event, at: float, sequence: int) -> Iterator[CallEvent]:
        segment = event.header("Recording-Variable-recorder_id")
        path = self._below_spool(event.header("Record-File-Path"))
        if segment and path and event.uuid:
            self._tapped[segment] = event.uuid
            self._segment_at[path] = segment
            yield TapUp(switch=self._switch, at=at, sequence=sequence, segment=segment, started=at,
                        files=_tracks(event, path))

    def _record_stop(self, event: Event, at: float, sequence: int) -> Iterator[CallEvent]:
        segment = event.header("Recording-Variable-recorder_id")
        path = self._below_spool(event.header("Record-File-Path"))
        if segment and path:
            self._tapped.pop(segment, None)
            self._segment_at.pop(path, None)
            yield TapDown(switch=self._switch, at=at, sequence=sequence, segment=segment, ended=at,
                          cause=(cause := event.header("Record-Completion-Cause") or ""), files=_tracks(event, path),
                          empty=cause == "empty-file")

    def _bug_start(self, event: Event, _at: float, _sequence: int) -> Iterator[CallEvent]:
        """A recording that moves to another leg shows only as its bug's start there."""
        path = self._below_spool(event.header("Media-Bug-Target"))
        if event.uuid and path in self._segment_at:
            self._tapped[self._segment_at[path]] = event.uuid
        yield from ()

    def _custom(self, event: Event, at: float, sequence: int) -> Iterator[CallEvent]:
        if event.subclass == CONFERENCE:
            yield from self._conference(event, at, sequence)
        elif event.subclass == QUEUE:
            yield from self._queue(event, at, sequence)
        elif (held := commands.waits(event, self._switch, at)) is not None:
            yield held
        elif (request := commands.asked(event, self._switch, at)) is not None:
            yield request

    def _queue(self, event: Event, at: float, sequence: int) -> Iterator[CallEvent]:
        """mod_fifo pauses all recordings of who waits in it, callers and agents, before it says so here."""
        leg, waits = leg_of(event), _QUEUED.get(event.header("FIFO-Action") or "")
        if leg is not None and waits is not None:
            yield LegIs(switch=self._switch, at=at, sequence=sequence, leg=replace(leg, queued=waits))

    def _conference(self, event: Event, at: float, sequence: int) -> Iterator[CallEvent]:
        identity, action = event.header("Conference-Unique-ID"), event.header("Action")
        if not identity:
            return
        if action in ("start-recording", "stop-recording"):
            yield from self._conference_tap(event, action, at, sequence)
            return
        known = self._bridges.get(identity)
        members = known.members if known is not None else frozenset()
        if action == "add-member" and event.uuid:
            members |= {event.uuid}
        elif action == "del-member" and event.uuid:
            members -= {event.uuid}
        elif action == "conference-destroy":
            members = frozenset()
        else:
            return
        bridge = Bridge(id=identity, kind=BridgeKind.CONFERENCE, name=event.header("Conference-Name") or "",
                        profile=event.header("Conference-Profile-Name") or "", members=members)
        # Members come and go on their own threads: a step may carry a lower number than the one before it, and is
        # nevertheless the later membership.
        sequence = max(sequence, self._conference_steps.get(identity, 0) + 1)
        if action == "conference-destroy":
            self._bridges.pop(identity, None)
            self._conference_steps.pop(identity, None)
        else:
            self._bridges[identity] = bridge
            self._conference_steps[identity] = sequence
        yield BridgeIs(switch=self._switch, at=at, sequence=sequence, bridge=bridge)

    def _conference_tap(self, event: Event, action: str, at: float, sequence: int) -> Iterator[CallEvent]:
        path = self._below_spool(event.header("Path"))
        # A conference's recording carries no variables: the file's name is the segment's id.
        named = _SEGMENT_FILE.fullmatch(path or "")
        if named is None or path is None:
            return
        files = (TrackFile(direction=Direction.MIX, path=path),)
        if error := event.header("Error"):
            self._refused.add(named[1])  # its end is told as well
            yield TapFailed(switch=self._switch, at=at, sequence=sequence, segment=named[1], cause=error)
        elif action == "start-recording":
            yield TapUp(switch=self._switch, at=at, sequence=sequence, segment=named[1], started=at, files=files)
        elif named[1] in self._refused:
            self._refused.discard(named[1])
        else:
            yield TapDown(switch=self._switch, at=at, sequence=sequence, segment=named[1], ended=at, cause=action,
                          files=files)

    def _below_spool(self, path: str | None) -> str | None:
        """The path below the spool; None for any other."""
        return below(self._spool, path) if path is not None else None


def bridge_id(one: str, other: str) -> str:
    """The id of the bridge between two legs, to which FreeSWITCH gives none."""
    return "/".join(sorted((one, other)))


def _pair(event: Event) -> tuple[str, str] | None:
    a, b = event.header("Bridge-A-Unique-ID"), event.header("Bridge-B-Unique-ID")
    return (a, b) if a and b else None


def _released(event: Event) -> bool:
    """Whether the bond of two that talk was taken from a leg: only a transfer of one of them does that."""
    return not event.header("variable_signal_bond")


def _tracks(event: Event, path: str) -> tuple[TrackFile, ...]:
    """The directions in a recording: in stereo the left channel is what the switch reads from the leg's phone."""
    def said(name: str) -> bool:
        return event.header(f"Recording-Variable-{name}") == "true"

    if said("RECORD_STEREO"):
        return TrackFile(direction=Direction.IN, path=path), TrackFile(direction=Direction.OUT, path=path, channel=1)
    if said("RECORD_READ_ONLY"):
        return (TrackFile(direction=Direction.IN, path=path),)
    if said("RECORD_WRITE_ONLY"):
        return (TrackFile(direction=Direction.OUT, path=path),)
    return (TrackFile(direction=Direction.MIX, path=path),)


_TRANSLATIONS: Mapping[str, Callable[[Translator, Event, float, int], Iterator[CallEvent]]] = {
    "CHANNEL_CREATE": Translator._leg,
    "CHANNEL_ANSWER": Translator._leg,
    "CHANNEL_HOLD": Translator._leg,
    "CHANNEL_UNHOLD": Translator._leg,
    "CHANNEL_BRIDGE": Translator._bridged,
    "CHANNEL_UNBRIDGE": Translator._unbridged,
    "CHANNEL_HANGUP": Translator._hanging_up,
    "CHANNEL_HANGUP_COMPLETE": Translator._gone,
    "CHANNEL_DESTROY": Translator._gone,
    "RECORD_START": Translator._record_start,
    "RECORD_STOP": Translator._record_stop,
    "MEDIA_BUG_START": Translator._bug_start,
    "CUSTOM": Translator._custom,
}

EVENTS = tuple(name for name in _TRANSLATIONS if name != "CUSTOM")
"""The events to subscribe to, beside the custom ``SUBCLASSES``."""
