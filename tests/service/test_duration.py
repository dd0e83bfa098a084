"""Recordings that are too long are asked to end, once."""

from __future__ import annotations

from dataclasses import replace

from recorder.events import ActorKind, Asked, Verb
from recorder.model import Call
from recorder.states import CallState, RecordingState
from service.duration import REASON, Longest
from tests.ledger.examples import call
from tests.service.fakes import FakeClock

STARTED = FakeClock().at()


def recorded(number: int = 0) -> Call:
    made = call(number, state=CallState.ANSWERED, recording=RecordingState.RECORDING)
    return replace(made, recordings=(replace(made.recordings[0], started=STARTED, ended=None),))


def longest(calls: list[Call], clock: FakeClock, asked: list[Asked]) -> Longest:
    return Longest("pbx", 60.0, "over", calls=lambda: calls, ask=asked.append, clock=clock)


def test_a_recording_is_stopped_when_its_time_is_over_and_not_before() -> None:
    clock, asked, one = FakeClock(), list[Asked](), recorded()
    watcher = longest([one], clock, asked)
    clock.time += 59.9
    watcher.look()
    assert asked == []
    clock.time += 0.1
    watcher.look()
    watcher.look()
    (ask,) = asked
    assert (ask.verb, ask.target, ask.actor, ask.reason, ask.farewell) == (
        Verb.STOP, one.id, ActorKind.SERVICE, REASON, "over")


def test_what_is_not_recorded_is_left_alone() -> None:
    clock, asked, one = FakeClock(), list[Asked](), recorded()
    over = replace(one, recordings=(replace(one.recordings[0], ended=STARTED + 5),))
    armed = replace(one, recordings=(replace(one.recordings[0], started=None),))
    clock.time += 1000
    longest([over, armed, replace(one, stopped=True), replace(one, recordings=())], clock, asked).look()
    assert asked == []
