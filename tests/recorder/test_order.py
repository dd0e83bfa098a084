"""Events twice, in another order, or lost before a snapshot: the same rows come of it.

A story is told once, and its events are recorded with the times at which they came. Then they come again, worse, any
of them behind any five others. What the engine decides by itself on the way (another try at a tap, the moment at which
it notices something) may differ; what a person reads in the row may not. Two things stay as they are in any order:
a switch tells only of taps that it was asked for, and what somebody asks for comes after what made them ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.types import Decision
from recorder.effects import Attach, Decide, Effect
from recorder.events import (
    Asked,
    BridgeIs,
    CallEvent,
    Decided,
    LegGone,
    LegIs,
    LegReplaced,
    SwitchDown,
    SwitchUp,
    TapDown,
    TapFailed,
    TapUp,
    Tick,
    Transferred,
    Verb,
)
from recorder.model import Bridge, BridgeKind, Call, Leg, LegState, Source
from recorder.snapshot import Snapshot, TapFact
from recorder.states import RecordingState
from tests.recorder.story import SWITCH, Story, every, only, says, unless_unread

WINDOW = 5
A_MOMENT = 0.03
"""Seconds. The stories are so brisk that no event comes later than a switch may take to confirm a tap."""
TRUNK = ("trunk",)
Told = tuple[float, CallEvent]
Tap = tuple[str, Source | None, int]
"""A tap by the leg that opened its call, its source (in a call between two any leg will do), and how many such there
were before it."""


class Recorded(Story):
    """A story that keeps what the switch and people said, and when."""

    def __init__(self, decision: Decision | Callable[[Decide], Decision], *, trunks: Iterable[str] = ()) -> None:
        super().__init__(decision, trunks=trunks)
        self.told: list[Told] = []

    def receive(self, event: CallEvent) -> list[Effect]:
        if not isinstance(event, Decided | Tick):
            self.told.append((self.clock, event))
        return super().receive(event)


def normal() -> Recorded:
    story = Recorded(says(True))
    segment = story.talk()
    story.bridge("talk", "alice", "bob")
    story.wait(A_MOMENT)
    story.bridge("talk")
    story.tap_down(segment, "hangup")
    story.hangs_up("bob")
    story.hangs_up("alice")
    return story


def not_answered() -> Recorded:
    story = Recorded(says(True))
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.wait(A_MOMENT)
    story.hangs_up("bob")
    story.hangs_up("alice")
    return story


def skipped() -> Recorded:
    story = Recorded(says(False))
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    story.answers("alice")
    story.bridge("talk", "alice", "bob")
    story.wait(A_MOMENT)
    story.bridge("talk")
    story.hangs_up("alice")
    story.hangs_up("bob")
    return story


def bypassed() -> Recorded:
    """The switch tells that it does not read the call after it has refused the tap."""
    story = Recorded(unless_unread)
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    segment = only(Attach, story.answers("alice")).segment
    story.tap_failed(segment, "there are no media")
    story.tells_obstacle("alice", "bypass_media")
    story.bridge("talk", "alice", "bob")
    story.wait(A_MOMENT)
    story.bridge("talk")
    story.hangs_up("bob")
    story.hangs_up("alice")
    return story


def paused() -> Recorded:
    story = Recorded(says(True))
    first = story.talk()
    story.wait(A_MOMENT)
    story.asks(Verb.PAUSE, "alice")
    story.wait(A_MOMENT)
    story.tap_down(first)
    story.wait(A_MOMENT)
    second = only(Attach, story.asks(Verb.RESUME, "alice", request="resume")).segment
    story.wait(A_MOMENT)
    story.tap_up(second)
    story.wait(A_MOMENT)
    story.tap_down(second, "hangup")
    story.hangs_up("alice")
    story.hangs_up("bob")
    return story


def handed_on() -> Recorded:
    story = Recorded(says(True), trunks=TRUNK)
    segment = story.talk("trunk", "bob")
    story.bridge("talk", "trunk", "bob")
    story.wait(A_MOMENT)
    story.transferred("bob", "trunk")
    story.bridge("talk")
    story.hangs_up("bob")
    story.rings("carol", "trunk")
    story.wait(A_MOMENT)
    story.answers("carol")
    story.bridge("talk-2", "trunk", "carol")
    story.wait(A_MOMENT)
    story.bridge("talk-2")
    story.tap_down(segment, "hangup")
    story.hangs_up("trunk")
    story.hangs_up("carol")
    return story


def merged() -> Recorded:
    story = Recorded(says(True), trunks=TRUNK)
    first = story.talk("trunk", "bob")
    story.bridge("talk", "trunk", "bob")
    story.wait(A_MOMENT)
    story.rings("bob2")
    story.rings("carol", "bob2")
    story.answers("carol")
    second = only(Attach, story.answers("bob2")).segment
    story.tap_up(second)
    story.wait(A_MOMENT)
    story.bridge("talk-2", "bob2", "carol")
    story.wait(A_MOMENT)
    story.bridge("talk-2", "carol")
    story.bridge("talk-2")
    story.bridge("talk", "trunk", "bob", "carol")
    story.bridge("talk", "trunk", "carol")
    story.tap_down(second)
    story.hangs_up("bob")
    story.hangs_up("bob2")
    story.wait(A_MOMENT)
    story.bridge("talk")
    story.tap_down(first, "hangup")
    story.hangs_up("carol")
    story.hangs_up("trunk")
    return story


def conference() -> Recorded:
    story = Recorded(says(True))
    story.connect()
    own = {}
    for leg in ("alice", "bob", "carol"):
        story.rings(leg)
        own[leg] = only(Attach, story.answers(leg)).segment
        story.tap_up(own[leg])
    story.bridge("room", "alice", kind=BridgeKind.CONFERENCE)
    story.tap_down(own["alice"])
    taps = every(Attach, story.bridge("room", "alice", "bob", kind=BridgeKind.CONFERENCE))
    taps += every(Attach, story.bridge("room", "alice", "bob", "carol", kind=BridgeKind.CONFERENCE))
    for tap in taps:
        story.tap_up(tap.segment)
    for leg in ("bob", "carol"):
        story.tap_down(own[leg])
    story.wait(A_MOMENT)
    for leg, members in (("carol", ("alice", "bob")), ("bob", ("alice",)), ("alice", ())):
        story.bridge("room", *members, kind=BridgeKind.CONFERENCE)
        for tap in taps:
            if tap.source.leg == leg or (leg == "bob" and tap.source.leg == ""):
                story.tap_down(tap.segment)
        story.hangs_up(leg)
        story.wait(A_MOMENT)
    return story


STORIES: dict[str, Callable[[], Recorded]] = {
    story.__name__: story for story in (normal, not_answered, skipped, bypassed, paused, handed_on, merged, conference)}


@dataclass(frozen=True)
class Row:
    """What a person reads in a call's row. Ids, times of our own decisions, and recordings with nothing in them are
    left out: whether a member was tapped in the moment before the conference depends on what was heard of first."""

    first: str
    decision: Decision | None
    outcome: str
    pauses: tuple[str, ...]
    recordings: tuple[tuple[str, tuple[tuple[float | None, float | None], ...]], ...]

    @classmethod
    def of(cls, call: Call, *, times: bool) -> Row:
        return cls(call.first_leg, call.decision, f"{call.state} {call.outcome}",
                   tuple(pause.state for pause in call.pauses),
                   tuple((recording.state, tuple((one.started, one.ended) if times else (None, None)
                                                 for one in recording.segments if one.started is not None))
                         for recording in call.recordings if recording.state is not RecordingState.EMPTY))


def rows(story: Story, *, times: bool = True) -> list[Row]:
    """All rows of a story, once it is over."""
    story.wait(200)
    return sorted((Row.of(call, times=times) for call in story.rows.values()), key=lambda row: row.first)


class Replayed(Story):
    """The same story, told differently; what is told of a tap comes when that tap was asked for, not before."""

    def __init__(self, original: Recorded) -> None:
        super().__init__(original.decision, trunks=original.trunks)
        self.known_as = {attach.segment: tap for tap, attach in asked_for(original)}
        self.mine: dict[Tap, str] = {}
        self.early: dict[Tap, list[TapUp | TapDown | TapFailed]] = {}

    def receive(self, event: CallEvent) -> list[Effect]:
        if isinstance(event, TapUp | TapDown | TapFailed):
            tap = self.known_as[event.segment]
            if tap not in self.mine:
                self.early.setdefault(tap, []).append(event)
                return []
            event = replace(event, segment=self.mine[tap])
        effects = super().receive(event)
        self.mine |= {tap: attach.segment for tap, attach in asked_for(self)}
        for tap in [tap for tap in self.early if tap in self.mine]:
            for late in self.early.pop(tap):
                effects += super().receive(replace(late, segment=self.mine[tap]))
        return effects


def asked_for(story: Story) -> list[tuple[Tap, Attach]]:
    """The taps that were asked for."""
    found: list[tuple[Tap, Attach]] = []
    for attach in every(Attach, story.effects):
        source = (story.rows[attach.call].first_leg, None if len(attach.source.directions) == 2 else attach.source)
        found.append(((*source, sum(tap[:2] == source for tap, _ in found)), attach))
    return found


def again(original: Recorded, told: Iterable[Told]) -> Story:
    """The same engine, told this instead. Nothing comes before it was said."""
    story = Replayed(original)
    for when, event in told:
        if when > story.clock:
            story.wait(when - story.clock)
        story.receive(event)
    return story


def snapshot(told: Iterable[Told]) -> Snapshot:
    """What the switch has after all that."""
    legs: dict[str, Leg] = {}
    bridges: dict[str, Bridge] = {}
    taps: dict[str, TapFact] = {}
    for _, event in told:
        match event:
            case LegIs():
                legs[event.leg.id] = event.leg
            case LegGone():
                legs.pop(event.leg, None)
            case BridgeIs():
                bridges[event.bridge.id] = event.bridge
            case TapUp():
                taps[event.segment] = TapFact(segment=event.segment, started=event.started, files=event.files)
            case TapDown():
                taps.pop(event.segment, None)
            case _:
                pass
    return Snapshot(legs=tuple(legs.values()), taps=tuple(taps.values()),
                    bridges=tuple(bridge for bridge in bridges.values() if bridge.members))


def tellable(lost: Iterable[CallEvent]) -> bool:
    """Whether a snapshot makes up for these events: nothing came and went in between, nobody handed a call on.

    Of a tap whose cause is lost nothing can be told either: nobody would have asked for it.
    """
    seen: set[str] = set()
    for event in lost:
        match event:
            case TapUp() if seen:
                return False
            case LegIs() if event.leg.state is not LegState.GONE:
                seen.add(event.leg.id)
            case TapUp():
                seen.add(event.segment)
            case BridgeIs() if event.bridge.members:
                seen.add(event.bridge.id)
            case LegGone() if event.leg in seen:
                return False
            case TapDown() if event.segment in seen:
                return False
            case BridgeIs() if event.bridge.id in seen:
                return False
            case Transferred() | LegReplaced() | Asked() | SwitchUp():
                return False
            case _:
                pass
    return True


def shuffled(told: list[Told], jitter: list[int]) -> list[Told]:
    """Each event behind up to ``WINDOW`` others, but before whatever it is the cause of."""
    keys = []
    for index, ((_, event), late) in enumerate(zip(told, jitter, strict=True)):
        stays = isinstance(event, Asked | SwitchUp)
        effect = _CAUSE_OF.get(type(event), Asked)
        limit = next((place for place, (_, other) in enumerate(told) if place > index and isinstance(other, effect)),
                     len(told))
        keys.append(index if stays else min(index + late + 0.6, limit - 0.5))
    return [told[index] for index in sorted(range(len(told)), key=keys.__getitem__)]


_CAUSE_OF: dict[type[CallEvent], type[CallEvent] | tuple[()]] = {TapDown: TapUp, TapUp: ()}
"""A new tap comes up when the one before it was told down; nobody waits for the word that a tap is up."""


def doubled(told: list[Told], copies: list[int]) -> list[Told]:
    """Some events come once more, up to ``WINDOW`` events after they first came."""
    worse = list(told)
    for index in range(len(told) - 1, -1, -1):
        if copies[index] and not isinstance(told[index][1], Asked | SwitchUp):
            worse.insert(index + copies[index], told[index])
    return worse


def numbers(count: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, WINDOW), min_size=count, max_size=count)


STORY = st.sampled_from(sorted(STORIES))


@settings(max_examples=80, deadline=None)
@given(name=STORY, data=st.data())
def test_events_that_come_twice_change_no_row(name: str, data: st.DataObject) -> None:
    story = STORIES[name]()
    told = doubled(story.told, data.draw(numbers(len(story.told))))
    assert rows(again(story, told)) == rows(story)


@settings(max_examples=120, deadline=None)
@given(name=STORY, data=st.data())
def test_events_in_another_order_change_no_row(name: str, data: st.DataObject) -> None:
    story = STORIES[name]()
    told = shuffled(story.told, data.draw(numbers(len(story.told))))
    assert rows(again(story, told)) == rows(story)


@settings(max_examples=120, deadline=None)
@given(name=STORY, data=st.data())
def test_events_that_are_lost_before_a_snapshot_change_no_row(name: str, data: st.DataObject) -> None:
    story = STORIES[name]()
    told = lossy(story.told, data)
    assert rows(again(story, told), times=False) == rows(story, times=False)


@settings(max_examples=120, deadline=None)
@given(name=STORY, data=st.data())
def test_all_of_that_at_once_changes_no_row(name: str, data: st.DataObject) -> None:
    story = STORIES[name]()
    parts: list[list[Told]] = [[]]
    for when, event in lossy(story.told, data):
        if isinstance(event, SwitchDown):
            parts.append([])
        parts[-1].append((when, event))
    told = [one for part in parts for one in worse(part, data)]
    assert rows(again(story, told), times=False) == rows(story, times=False)


def worse(told: list[Told], data: st.DataObject) -> list[Told]:
    """Doubled and shuffled, between two breaks of the connection."""
    head = [one for one in told if isinstance(one[1], SwitchUp | SwitchDown)]
    rest = [one for one in told if one not in head]
    rest = doubled(rest, data.draw(numbers(len(rest))))
    return head + shuffled(rest, data.draw(numbers(len(rest))))


def lossy(told: list[Told], data: st.DataObject) -> list[Told]:
    """Some stretch of events is lost, and a snapshot makes up for it."""
    windows = [(first, last) for first in range(1, len(told)) for last in range(first + 1, len(told) + 1)
               if tellable(event for _, event in told[first:last])]
    first, last = data.draw(st.sampled_from(windows))
    when, event = told[last - 1]
    down = SwitchDown(switch=SWITCH, at=event.at, sequence=event.sequence)
    up = SwitchUp(switch=SWITCH, at=event.at, boot="boot-1", snapshot=snapshot(told[:last]))
    return [*told[:first], (when, down), (when, up), *told[last:]]


@pytest.mark.parametrize("name", sorted(STORIES))
def test_a_recorded_story_told_as_it_was_ends_in_its_own_rows(name: str) -> None:
    story = STORIES[name]()
    assert rows(again(story, story.told)) == rows(story)
    assert all("closed" in row.outcome for row in rows(story))
