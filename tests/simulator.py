"""A faulty switch in memory: legs, bridges and taps with latency, behind a connection that loses, doubles and delays.

What it has (``legs``, ``bridges``, ``taps``) is the truth that tests hold the engine's belief against. What it tells
is less: events come late, twice or in another order, until the connection breaks and a snapshot follows. The snapshot
is not read in one moment, and events of the time in which it was read come after it.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from recorder.effects import Announce, Attach, Detach, Hush
from recorder.events import (
    Announced,
    BridgeIs,
    CallEvent,
    LegGone,
    LegIs,
    LegReplaced,
    SwitchDown,
    SwitchUp,
    TapDown,
    TapFailed,
    TapUp,
    Transferred,
)
from recorder.model import Bridge, BridgeKind, Direction, Leg, LegKind, LegState, Party, Source, TrackFile
from recorder.snapshot import Snapshot, TapFact
from recorder.states import PlaybackInput

NAME = "main"
EPOCH = 1_700_000_000.0


class Agenda:
    """What is to be done, and when. ``clock`` is in seconds and moves only in ``run``."""

    def __init__(self) -> None:
        self.clock = 1000.0
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()

    @property
    def at(self) -> float:
        """The switch's clock, in seconds since the Unix epoch."""
        return EPOCH + self.clock

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        """Do something after that time."""
        heapq.heappush(self._waiting, (self.clock + seconds, next(self._count), do))

    def next(self) -> float | None:
        """When the next thing is due."""
        return self._waiting[0][0] if self._waiting else None

    def do_next(self) -> None:
        """Move the clock to the next thing and do it."""
        when, _, do = heapq.heappop(self._waiting)
        self.clock = max(self.clock, when)
        do()


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How bad the switch is. Times in seconds, all others are probabilities.

    Attributes:
        latency: longest time from a command to its execution. delay: longest time from an event to its arrival.
        doubled: an event comes twice. lost: an event is lost, and with it the connection.
        refused: a tap is refused. stalled: it comes up only after seconds. breaks: it ends by itself.
        deaf: a detach is accepted and not done, until it comes with force. deafer: then neither.
        late: longest time from the end of a tap to the word of it.
    """

    latency: float = 0.01
    delay: float = 0.005
    doubled: float = 0.0
    lost: float = 0.0
    refused: float = 0.0
    stalled: float = 0.0
    breaks: float = 0.0
    deaf: float = 0.0
    deafer: float = 0.0
    late: float = 0.01


@dataclass(slots=True)
class Tap:
    """What the switch wrote of a segment: from ``started`` to ``ended`` on its clock; None while it goes on.

    ``cancelled``: its end was asked for before it had come up, so it never will.
    """

    segment: str
    source: Source
    started: float | None = None
    ended: float | None = None
    cancelled: bool = False

    @property
    def alive(self) -> bool:
        """Whether it writes now."""
        return self.started is not None and self.ended is None


@dataclass(slots=True)
class Speaker:
    """What the switch plays of an announcement: from ``started`` to ``ended`` on its clock; None while it goes on."""

    effect: Announce
    started: float | None = None
    ended: float | None = None

    @property
    def alive(self) -> bool:
        """Whether it plays now."""
        return self.started is not None and self.ended is None


@dataclass(slots=True)
class FaultySwitch:
    """One switch.

    Args:
        agenda: its clock and what it will do.
        tell: takes each event that arrives.
        dice: decides about each fault.
    """

    agenda: Agenda
    tell: Callable[[CallEvent], None]
    dice: random.Random
    faults: Faults = field(default_factory=Faults)
    legs: dict[str, Leg] = field(default_factory=dict)
    bridges: dict[str, Bridge] = field(default_factory=dict)
    taps: dict[str, Tap] = field(default_factory=dict)
    speakers: dict[str, Speaker] = field(default_factory=dict)
    boots: int = 1
    connection: int = 0
    connected: bool = False
    _sequence: int = 0
    _held_back: list[CallEvent] | None = None

    # What telephones do.

    def rings(self, leg: str, origin: str | None = None) -> None:
        self._leg(Leg(id=leg, name=f"PJSIP/{leg}", origin=origin, created=self.agenda.at, party=Party(user=leg),
                      endpoint=leg))

    def answers(self, leg: str) -> None:
        self._leg(replace(self.legs[leg], state=LegState.UP, answered=self.agenda.at))

    def holds(self, leg: str, *, held: bool) -> None:
        """The leg puts the others on hold, or takes them back."""
        self._leg(replace(self.legs[leg], held=held))

    def passes_by(self, leg: str, obstacle: str | None) -> None:
        """The leg's media go past the switch, which then refuses a tap of it; None: they come back."""
        self._leg(replace(self.legs[leg], obstacle=obstacle))

    def hangs_up(self, leg: str) -> None:
        """The leg is gone, and with it its place in bridges and its taps; the order of the news is anybody's guess."""
        del self.legs[leg]
        news: list[Callable[[], None]] = [partial(self._event, LegGone, leg=leg)]
        for bridge in [bridge for bridge in self.bridges.values() if leg in bridge.members]:
            self._members(bridge, bridge.members - {leg})
        news += [partial(self._end, tap, "hangup")
                 for tap in self.taps.values() if tap.source.leg == leg and tap.alive]
        news += [partial(self._silent, speaker, PlaybackInput.FAILS) for speaker in self.speakers.values()
                 if speaker.effect.leg == leg]
        self.dice.shuffle(news)
        for tell in news:
            tell()

    def joins(self, bridge: str, legs: Iterable[str], kind: BridgeKind = BridgeKind.MIXING) -> None:
        """Legs come into a bridge, and leave any other one."""
        legs = frozenset(legs)
        for other in [other for other in self.bridges.values() if other.id != bridge and other.members & legs]:
            self._members(other, other.members - legs)
        known = self.bridges.get(bridge) or Bridge(id=bridge, kind=kind, name=bridge)
        self._members(known, known.members | legs)

    def leaves(self, leg: str) -> None:
        """A leg comes out of whatever bridge it is in."""
        for bridge in [bridge for bridge in self.bridges.values() if leg in bridge.members]:
            self._members(bridge, bridge.members - {leg})

    def transfers(self, by: str, legs: Iterable[str]) -> None:
        """A leg hands others on, and hangs up."""
        self._event(Transferred, by=by, legs=tuple(legs))
        self.hangs_up(by)

    def asks_by_keys(self, by: str, asked: str) -> str | None:
        """A leg consults somebody by the keys of an attended transfer: it is put with one half of a Local channel into
        a bridge of its own, and the other half dials. All of it has the origin of the first call. Gives the bridge;
        None where nobody would wait."""
        bridge = next((one for one in self.bridges.values() if by in one.members and len(one.members) > 1), None)
        if bridge is None or bridge.kind is not BridgeKind.MIXING:
            return None
        origin = self.legs[by].origin or by
        one, two = f"Local/{asked};1", f"Local/{asked};2"
        for half, twin in ((one, two), (two, one)):
            self._leg(Leg(id=half, name=half, twin=twin, kind=LegKind.LOCAL, origin=origin, created=self.agenda.at))
        self.joins(f"asks-{asked}", [one])
        self.joins(f"asks-{asked}", [by])
        self._leg(Leg(id=asked, name=f"PJSIP/{asked}", origin=origin, dialled_by=two, created=self.agenda.at,
                      party=Party(user=asked), endpoint=asked))
        return bridge.id

    def answers_by_keys(self, asked: str) -> None:
        """Who was consulted answers."""
        for leg in (asked, f"Local/{asked};2", f"Local/{asked};1"):
            self.answers(leg)
        self.joins(f"asked-{asked}", [asked, f"Local/{asked};2"])

    def replaces(self, old: str, new: str) -> None:
        """An INVITE with Replaces: the new leg takes the old one's place, and the old one hangs up."""
        self._event(LegReplaced, old=old, new=new)
        for bridge in [bridge for bridge in self.bridges.values() if old in bridge.members]:
            self.joins(bridge.id, [new], bridge.kind)
        self.hangs_up(old)

    # What the service asks for.

    def attach(self, effect: Attach) -> None:
        stalls = self._happens(self.faults.stalled)
        wait = self.dice.uniform(3, 6) if stalls else self._within(self.faults.latency)
        self.agenda.later(wait, lambda: self._attached(effect))

    def detach(self, effect: Detach) -> None:
        self.agenda.later(self._within(self.faults.latency), lambda: self._detached(effect))

    def announce(self, effect: Announce) -> None:
        self.agenda.later(self._within(self.faults.latency), lambda: self._speaks(effect))

    def hush(self, effect: Hush) -> None:
        self.agenda.later(self._within(self.faults.latency), lambda: self._hushed(effect.announcement))

    def breaks_a_tap(self) -> None:
        """Some tap ends by itself."""
        alive = [tap for tap in self.taps.values() if tap.alive]
        if alive:
            self._end(self.dice.choice(alive), "write error")

    # What networks and machines do.

    def connect(self) -> None:
        """Open a connection: events are held back until the snapshot has been read and told."""
        if self.connected:
            return
        self.connected = True
        self.connection += 1
        self._sequence = 0
        self._held_back = []
        connection = self.connection
        self.agenda.later(self._within(0.05), lambda: self._read_legs(connection))

    def disconnect(self) -> None:
        """The connection breaks; what was on its way is lost."""
        if self.connected:
            self.connected = False
            self._held_back = None
            self.connection += 1
            self.tell(SwitchDown(switch=NAME, at=self.agenda.at, cause="connection lost"))

    def crashes(self) -> None:
        """The switch dies with all it has, and tells nobody."""
        for tap in self.taps.values():
            if tap.alive:
                tap.ended = self.agenda.at
        for speaker in self.speakers.values():
            if speaker.alive:
                speaker.ended = self.agenda.at
        self.legs.clear()
        self.bridges.clear()
        self.boots += 1
        self.disconnect()

    def _read_legs(self, connection: int) -> None:
        legs = tuple(self.legs.values())
        self.agenda.later(self._within(0.02), lambda: self._read_rest(connection, legs))

    def _read_rest(self, connection: int, legs: tuple[Leg, ...]) -> None:
        taps = tuple(TapFact(segment=tap.segment, files=files(tap), started=self.dice.choice([None, tap.started]))
                     for tap in self.taps.values() if tap.alive)
        playing = tuple(name for name, speaker in self.speakers.items() if speaker.alive)
        snapshot = Snapshot(legs=legs, bridges=tuple(self.bridges.values()), taps=taps, announcements=playing)
        event = SwitchUp(switch=NAME, at=self.agenda.at, boot=f"boot-{self.boots}", snapshot=snapshot)
        self.agenda.later(self._within(0.02), lambda: self._up(connection, event))

    def _up(self, connection: int, event: SwitchUp) -> None:
        if connection != self.connection:
            return
        held_back, self._held_back = self._held_back or [], None
        self.tell(event)
        for late in held_back:
            self._send(late)

    def _leg(self, leg: Leg) -> None:
        self.legs[leg.id] = leg
        self._event(LegIs, leg=leg)

    def _members(self, bridge: Bridge, members: frozenset[str]) -> None:
        bridge = replace(bridge, members=members)
        if members:
            self.bridges[bridge.id] = bridge
        else:
            self.bridges.pop(bridge.id, None)
        self._event(BridgeIs, bridge=bridge)
        if not members:
            for tap in [tap for tap in self.taps.values() if tap.source.bridge == bridge.id and tap.alive]:
                self._end(tap, "the bridge is gone")

    def _attached(self, effect: Attach) -> None:
        if not self.connected or effect.segment in self.taps:
            return
        tap = self.taps[effect.segment] = Tap(effect.segment, effect.source)
        there = effect.source.leg in self.legs if effect.source.leg else effect.source.bridge in self.bridges
        unread = effect.source.leg in self.legs and self.legs[effect.source.leg].obstacle is not None
        if not there or unread or self._happens(self.faults.refused):
            tap.cancelled = True
            self._event(TapFailed, segment=tap.segment, cause="refused" if there else "there is no such channel")
            return
        tap.started = self.agenda.at
        self._event(TapUp, segment=tap.segment, started=tap.started, files=files(tap))
        if self._happens(self.faults.breaks):
            self.agenda.later(self._within(2), lambda: self._end(tap, "write error"))

    def _detached(self, effect: Detach) -> None:
        deaf = self._happens(self.faults.deafer if effect.destroy else self.faults.deaf)
        if not self.connected or deaf:
            return
        tap = self.taps.get(effect.segment)
        if tap is None:
            tap = self.taps[effect.segment] = Tap(effect.segment, effect.source, cancelled=True)
        if tap.started is None:
            self._event(TapFailed, segment=tap.segment, cause="ended before it was up")
        elif tap.ended is None:
            self._end(tap, "detached")
        else:
            self._down(tap, "detached")

    def _speaks(self, effect: Announce) -> None:
        if not self.connected or effect.announcement in self.speakers:
            return
        speaker = self.speakers[effect.announcement] = Speaker(effect)
        if effect.leg not in self.legs or self._happens(self.faults.refused):
            speaker.ended = self.agenda.at
            self._event(Announced, announcement=effect.announcement, news=PlaybackInput.FAILS, cause="refused")
            return
        speaker.started = self.agenda.at
        self._event(Announced, announcement=effect.announcement, news=PlaybackInput.PLAYS)
        if effect.what.beep is None:
            self.agenda.later(2, lambda: self._silent(speaker, PlaybackInput.ENDS))
        elif self._happens(self.faults.breaks):
            self.agenda.later(self._within(2), lambda: self._silent(speaker, PlaybackInput.FAILS))

    def _hushed(self, name: str) -> None:
        if not self.connected:
            return
        speaker = self.speakers.get(name)
        if speaker is not None and speaker.alive:
            self._silent(speaker, PlaybackInput.FAILS)
        self._event(Announced, announcement=name, news=PlaybackInput.ENDS)

    def _silent(self, speaker: Speaker, news: PlaybackInput) -> None:
        if speaker.alive:
            speaker.ended = self.agenda.at
            self._event(Announced, announcement=speaker.effect.announcement, news=news,
                        cause="" if news is PlaybackInput.ENDS else "broke off")

    def _end(self, tap: Tap, cause: str) -> None:
        if tap.alive:
            tap.ended = self.agenda.at
            connection = self.connection
            self.agenda.later(self._within(self.faults.late), lambda: self._down(tap, cause, connection))

    def _down(self, tap: Tap, cause: str, connection: int | None = None) -> None:
        if connection in (None, self.connection):
            self._event(TapDown, segment=tap.segment, cause=cause, ended=tap.ended, files=files(tap),
                        started=self.dice.choice([None, tap.started]))

    def _event(self, kind: type[CallEvent], **values: object) -> None:
        if not self.connected:
            return
        self._sequence += 1
        event = kind(switch=NAME, at=self.agenda.at, sequence=self._sequence, **values)  # type: ignore[arg-type]
        if self._held_back is not None:
            self._held_back.append(event)
        else:
            self._send(event)

    def _send(self, event: CallEvent) -> None:
        connection = self.connection
        if self._happens(self.faults.lost):
            self.agenda.later(self._within(self.faults.delay), lambda: self._breaks(connection))
            return
        for _ in range(1 + self._happens(self.faults.doubled)):
            self.agenda.later(self._within(self.faults.delay), lambda: self._arrives(connection, event))

    def _breaks(self, connection: int) -> None:
        if connection == self.connection:
            self.disconnect()

    def _arrives(self, connection: int, event: CallEvent) -> None:
        if connection == self.connection:
            self.tell(event)

    def _happens(self, probability: float) -> bool:
        return self.dice.random() < probability

    def _within(self, longest: float) -> float:
        return self.dice.uniform(0, longest)


def files(tap: Tap) -> tuple[TrackFile, ...]:
    """The files that the switch writes for a tap."""
    return tuple(TrackFile(direction=Direction(direction), path=f"phonograph/{tap.segment}-{direction}.wav")
                 for direction in tap.source.directions)
