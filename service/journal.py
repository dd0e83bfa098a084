"""The flight recorder: what was told about each call and what the engine asked for, one journal a call.

A journal can be fed to a fresh engine (service/replay.py). So an event goes to every call that it concerns; one of the
whole switch goes to each open call, reduced to that call's legs; and a call that takes over a leg of another call gets
the other's journal too. Everything is redacted on the way to the disk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, replace
from functools import partial

from recorder import records
from recorder.effects import Reply, Resync
from recorder.engine import Step
from recorder.events import (
    Announced,
    Asked,
    BridgeIs,
    CallEvent,
    Decided,
    Held,
    LegGone,
    LegIs,
    LegReplaced,
    Observed,
    SessionIs,
    Silenced,
    SwitchDown,
    SwitchFound,
    SwitchUp,
    TapDown,
    TapFailed,
    TapUp,
    Transferred,
    Unheard,
)
from recorder.ids import segment_recording
from recorder.model import Call
from recorder.snapshot import Snapshot
from recorder.states import CallState
from recorder.world import Limits
from service.journal_files import JournalFiles


class Journal:
    """The journals of one switch's calls.

    Args:
        limits: what the engine works by; a replay needs them.
        at: seconds since the epoch (UTC): steps are counted from it in microseconds, so that a later life of the
            service counts on.
    """

    def __init__(self, files: JournalFiles, switch: str, limits: Limits, at: float) -> None:
        self._files = files
        self._switch = switch
        self._limits = limits
        self._step = int(at * 1e6)
        self._up = False
        self._boot = ""
        self._calls_of: defaultdict[str, set[str]] = defaultdict(set)
        self._legs_of: dict[str, set[str]] = {}
        self._recordings: dict[str, str] = {}
        self._followers: defaultdict[str, set[str]] = defaultdict(set)

    def restored(self, calls: Iterable[Call]) -> None:
        """The engine begins with these calls of an earlier life, open or closed."""
        for call in calls:
            self._open(call, 0.0, restored=True)
            if call.state is CallState.CLOSED:
                self._closed(call)

    def note(self, event: CallEvent, step: Step, now: float) -> None:
        """Write down one step of the engine, in the journals of the calls that it concerns.

        Args:
            now: what the engine was given as its clock.
        """
        self._step += 1
        for call in step.changed:
            if call.id not in self._legs_of:
                self._open(call, now, restored=False)
            self._joined(call)
        asked = {effect.call for effect in step.effects if not isinstance(effect, Reply | Resync)} - {""}
        concerned = {call.id for call in step.changed} | asked | self._told(event)
        for call_id in self._with_followers(concerned):
            own = event
            if isinstance(event, SwitchUp):
                own = replace(event, snapshot=self._reduced(event.snapshot, call_id))
            self._files.write(call_id, partial(_line, self._step, now, own, step))
        if isinstance(event, SwitchUp | SwitchDown):
            self._up = isinstance(event, SwitchUp)
        if isinstance(event, SwitchUp | SwitchFound):
            self._boot = event.boot
        for call in step.changed:
            if call.state is CallState.CLOSED:
                self._close(call)
        if isinstance(event, LegGone):
            self._forget_leg(event.leg)

    def _open(self, call: Call, now: float, *, restored: bool) -> None:
        self._legs_of[call.id] = set()
        number, up, boot, limits = self._step, self._up, self._boot, asdict(self._limits)
        self._files.write(call.id, lambda: {
            "journal": 1, "n": number, "now": now, "call": call.id, "switch": self._switch, "limits": limits,
            "up": up, "boot": boot, "at": call.created, "restored": records.of_call(call) if restored else None})
        if restored:
            self._joined(call)

    def _joined(self, call: Call) -> None:
        """Note the call's legs; where one comes from another call, take that call's journal over."""
        known = self._legs_of[call.id]
        for leg in call.legs:
            if leg.id in known:
                continue
            known.add(leg.id)
            for other in self._calls_of[leg.id] - {call.id}:
                if call.id not in self._followers[other]:
                    self._followers[other].add(call.id)
                    self._files.copy(other, call.id)
            self._calls_of[leg.id].add(call.id)
        for recording in call.recordings:
            self._recordings[recording.id] = call.id

    def _told(self, event: CallEvent) -> set[str]:
        """The open calls that an event speaks of."""
        match event:
            case SwitchUp() | SwitchFound() | SwitchDown():
                return set(self._legs_of)
            case LegIs():
                legs: tuple[str, ...] = (event.leg.id, event.leg.origin or "")
            case Held() | LegGone():
                legs = (event.leg,)
            case BridgeIs():
                legs = tuple(event.bridge.members)
            case LegReplaced():
                legs = (event.old, event.new)
            case Transferred():
                legs = (event.by, *event.legs)
            case TapUp() | TapDown() | TapFailed() | Observed() | Unheard():
                return {self._recordings.get(segment_recording(event.segment), "")} & self._legs_of.keys()
            case Announced():
                return {self._recordings.get(segment_recording(event.announcement), "")} & self._legs_of.keys()
            case SessionIs():
                return {self._recordings.get(event.recording, "")} & self._legs_of.keys()
            case Asked():
                return ({event.target} | self._calls_of.get(event.target, set())) & self._legs_of.keys()
            case Decided() | Silenced():
                return {event.call} & self._legs_of.keys()
            case _:
                return set()
        return {call for leg in legs for call in self._calls_of.get(leg, ())} & self._legs_of.keys()

    def _with_followers(self, concerned: set[str]) -> set[str]:
        found, new = set(concerned), list(concerned)
        while new:
            for follower in self._followers.get(new.pop(), ()):
                if follower in self._legs_of and follower not in found:
                    found.add(follower)
                    new.append(follower)
        return found

    def _close(self, call: Call) -> None:
        number = self._step
        self._files.write(call.id, lambda: {"n": number, "closed": records.of_call(call)})
        self._closed(call)

    def _closed(self, call: Call) -> None:
        self._files.close(call.id)
        gone = [leg.id for leg in call.legs if leg.gone is not None]
        del self._legs_of[call.id]
        self._followers.pop(call.id, None)
        for recording in call.recordings:
            self._recordings.pop(recording.id, None)
        for leg in gone:
            self._forget_leg(leg)

    def _reduced(self, snapshot: Snapshot, call: str) -> Snapshot:
        """What a snapshot says of one call."""
        legs = self._legs_of.get(call, set())
        there = tuple(leg for leg in snapshot.legs if leg.id in legs or leg.origin in legs)
        return Snapshot(
            legs=there,
            bridges=tuple(bridge for bridge in snapshot.bridges if bridge.members & legs),
            taps=tuple(tap for tap in snapshot.taps
                       if self._recordings.get(segment_recording(tap.segment)) == call),
            announcements=tuple(one for one in snapshot.announcements
                                if self._recordings.get(segment_recording(one)) == call),
            coming=tuple(one for one in snapshot.coming
                         if self._recordings.get(segment_recording(one)) == call),
            read={leg.id: snapshot.read[leg.id] for leg in there if leg.id in snapshot.read})

    def _forget_leg(self, leg: str) -> None:
        """A leg that has gone, with all its calls closed, will join no other call."""
        if not self._calls_of.get(leg, set()) & self._legs_of.keys():
            self._calls_of.pop(leg, None)


def _line(number: int, now: float, event: CallEvent, step: Step) -> records.Record:
    return {"n": number, "now": now, "event": records.of_event(event),
            "effects": [records.of_effect(effect) for effect in step.effects]}
