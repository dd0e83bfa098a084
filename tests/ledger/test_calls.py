"""Calls come back as they were saved; a save writes what changed and never undoes a job's state."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from faults import NotFound
from ledger import Ledger, calls, recordings
from ledger.calls import CallFilter
from policy.types import Direction
from recorder.ids import recording_id, segment_id
from recorder.model import Call, LegState, Outcome, Pause, Recording, Segment
from recorder.states import CallState, PauseState, RecordingInput, RecordingState, SegmentState
from tests.ledger.examples import BEGAN, RECORDED, SKIPPED, call, emptied, in_state, leg, recorded
from tests.ledger.strategies import values


def _consistent(drawn: Call) -> Call:
    """The drawn call with ids that belong together, as the engine makes them."""
    made = tuple(
        replace(recording, id=recording_id(drawn.id, place), call=drawn.id, segments=tuple(
            replace(segment, id=segment_id(recording_id(drawn.id, place), number))
            for number, segment in enumerate(recording.segments)))
        for place, recording in enumerate(drawn.recordings))
    return replace(drawn, recordings=made, decided_for=(*drawn.decided_for, None, None, None, None)[:4])


ANY_CALL = values(Call).map(_consistent)


@given(st.lists(ANY_CALL, max_size=2, unique_by=lambda drawn: drawn.id))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_calls_come_back_exactly(database: str, drawn: list[Call]) -> None:
    with emptied(database) as ledger:
        with ledger.transaction() as connection:
            calls.save(connection, drawn, 1.0)
        with ledger.reading() as connection:
            assert [calls.load(connection, each.id) for each in drawn] == drawn


@given(ANY_CALL, ANY_CALL)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_call_is_what_was_saved_last(database: str, first: Call, then: Call) -> None:
    """Whatever was known of the first value, the second one is what stands there."""
    later = _consistent(replace(
        then, id=first.id, pauses=then.pauses + first.pauses[len(then.pauses):],
        recordings=then.recordings + first.recordings[len(then.recordings):]))
    later = replace(later, recordings=tuple(
        replace(recording, segments=_grown(first, place, recording)) for place, recording in
        enumerate(later.recordings)))
    later = _consistent(later)
    with emptied(database) as ledger:
        for each in (first, later):
            with ledger.transaction() as connection:
                calls.save(connection, [each], 1.0)
        with ledger.reading() as connection:
            found = calls.load(connection, first.id)
    expected = replace(later, recordings=tuple(
        replace(recording, state=_kept_state(first, place, recording))
        for place, recording in enumerate(later.recordings)))
    assert found == expected


def _grown(first: Call, place: int, recording: Recording) -> tuple[Segment, ...]:
    """The recording's segments, and those that it had before and now lacks: rows are never taken away."""
    had = first.recordings[place].segments if place < len(first.recordings) else ()
    return recording.segments + had[len(recording.segments):]


def _kept_state(first: Call, place: int, recording: Recording) -> RecordingState:
    if place < len(first.recordings) and first.recordings[place].state in calls.JOB_STATES:
        return first.recordings[place].state
    return recording.state


def test_a_save_of_what_is_saved_writes_nothing(ledger: Ledger) -> None:
    statements: list[str] = []
    with ledger.transaction() as connection:
        calls.save(connection, [call()], 1.0)
    with ledger.transaction() as connection:
        event.listen(connection, "before_cursor_execute", lambda *given: statements.append(given[2]))
        calls.save(connection, [call()], 2.0)
    assert statements == []


def test_a_changed_segment_is_the_only_row_written(ledger: Ledger) -> None:
    before = call()
    segment = replace(before.recordings[0].segments[0], state=SegmentState.DOWN, ended=BEGAN + 9, cause="hangup")
    after = replace(before, recordings=(replace(before.recordings[0], segments=(segment,)),))
    statements: list[str] = []
    with ledger.transaction() as connection:
        calls.save(connection, [before], 1.0)
    with ledger.transaction() as connection:
        event.listen(connection, "before_cursor_execute", lambda *given: statements.append(given[2]))
        calls.save(connection, [after], 2.0)
    assert [statement.split()[:3] for statement in statements] == [["INSERT", "INTO", "segments"]]
    with ledger.reading() as connection:
        assert calls.load(connection, before.id) == after


def test_every_state_of_a_recording_is_remembered_once_with_its_time(ledger: Ledger) -> None:
    states = [RecordingState.ARMED, RecordingState.RECORDING, RecordingState.RECORDING, RecordingState.PAUSED,
              RecordingState.ARMED, RecordingState.ENDED]
    for now, state in enumerate(states):
        with ledger.transaction() as connection:
            calls.save(connection, [in_state(call(), state)], float(now))
    with ledger.reading() as connection:
        assert recordings.history(connection, call().recordings[0].id) == [
            (RecordingState.ARMED, 0), (RecordingState.RECORDING, 1), (RecordingState.PAUSED, 3),
            (RecordingState.ARMED, 4), (RecordingState.ENDED, 5)]


def test_a_late_save_does_not_take_a_recording_back_out_of_its_job(ledger: Ledger) -> None:
    ended = in_state(call(state=CallState.ENDED), RecordingState.ENDED)
    with ledger.transaction() as connection:
        calls.save(connection, [ended], 1.0)
        recordings.move(connection, ended.recordings[0].id, RecordingInput.PROCESS, 2.0)
    with ledger.transaction() as connection:
        late = replace(ended, recordings=(replace(ended.recordings[0], reason="late"),))
        calls.save(connection, [late], 3.0)
    with ledger.reading() as connection:
        found = calls.load(connection, ended.id).recordings[0]
        assert (found.state, found.reason) == (RecordingState.PROCESSING, "late")
        assert recordings.history(connection, found.id)[-1] == (RecordingState.PROCESSING, 2.0)


def test_a_restarted_service_does_not_take_a_recording_back_either(database: str) -> None:
    ended = in_state(call(state=CallState.ENDED), RecordingState.ENDED)
    first = Ledger.open(database)
    with first.transaction() as connection:
        calls.save(connection, [ended], 1.0)
        recordings.move(connection, ended.recordings[0].id, RecordingInput.PROCESS, 2.0)
    first.close()
    second = Ledger.open(database)
    with second.transaction() as connection:
        calls.save(connection, [ended], 3.0)
    with second.reading() as connection:
        assert calls.load(connection, ended.id).recordings[0].state is RecordingState.PROCESSING
        assert len(recordings.history(connection, ended.recordings[0].id)) == 2
    second.close()


def closed(number: int, *, gone: tuple[bool, bool]) -> Call:
    """A call that has closed, with legs that are gone or not."""
    given = call(number, state=CallState.CLOSED)
    legs = tuple(replace(leg, state=LegState.GONE, gone=BEGAN + number + 9) if left else leg
                 for leg, left in zip(given.legs, gone, strict=True))
    return replace(given, legs=legs, ended=BEGAN + number + 9)


def test_open_calls_are_those_of_the_switch_that_are_not_closed(ledger: Ledger) -> None:
    standing = [call(2, state=CallState.ENDED), call(1, state=CallState.SETUP, decision=None, recording=None)]
    others = [closed(3, gone=(True, True)), call(4, switch="other")]
    with ledger.transaction() as connection:
        calls.save(connection, [*standing, *others], 1.0)
    with ledger.reading() as connection:
        assert calls.open_calls(connection, "pbx", since=0) == [standing[1], standing[0]]


def test_a_closed_call_that_left_a_leg_behind_is_given_back_while_it_is_recent(ledger: Ledger) -> None:
    old, recent = closed(1, gone=(True, False)), closed(500, gone=(False, True))
    with ledger.transaction() as connection:
        calls.save(connection, [old, recent, closed(501, gone=(True, True))], 1.0)
    with ledger.reading() as connection:
        assert calls.open_calls(connection, "pbx", since=BEGAN + 100) == [recent]


def test_a_call_that_is_not_there_is_said(ledger: Ledger) -> None:
    with ledger.reading() as connection, pytest.raises(NotFound):
        calls.load(connection, "nothing")


@pytest.mark.parametrize(("wanted", "found"), [
    (CallFilter(), [3, 2, 1, 0]),
    (CallFilter(party="carol"), [1]),
    (CallFilter(party="bob@voice.example"), [3, 2, 0]),
    (CallFilter(party="bob@other.example"), []),
    (CallFilter(party="1001"), [3, 2, 1, 0]),
    (CallFilter(recorded=False), [2]),
    (CallFilter(rule="user"), [3, 1, 0]),
    (CallFilter(outcome=Outcome.MISSED), [3]),
    (CallFilter(direction=Direction.INBOUND), [1]),
    (CallFilter(state=CallState.CLOSED), [3]),
    (CallFilter(since=BEGAN + 1, until=BEGAN + 3), [2, 1]),
    (CallFilter(switch="none"), []),
])
def test_calls_are_listed_newest_first_by_what_is_asked(ledger: Ledger, wanted: CallFilter, found: list[int]) -> None:
    made = [call(0), replace(call(1, callee="carol"), legs=(leg("alice", trunk=True), leg("carol"))),
            call(2, decision=SKIPPED, recording=None),
            replace(call(3, state=CallState.CLOSED, recording=None), outcome=Outcome.MISSED)]
    with ledger.transaction() as connection:
        calls.save(connection, made, 1.0)
    with ledger.reading() as connection:
        assert calls.listing(connection, wanted) == [made[number] for number in found]


def test_pages_follow_each_other_even_where_calls_began_at_once(ledger: Ledger) -> None:
    made = [replace(call(number), created=BEGAN) for number in range(5)]
    with ledger.transaction() as connection:
        calls.save(connection, made, 1.0)
    seen: list[str] = []
    with ledger.reading() as connection:
        while page := calls.listing(connection, CallFilter(), limit=2, after=seen[-1] if seen else None):
            seen += [each.id for each in page]
    assert seen == sorted((each.id for each in made), reverse=True)


def test_a_page_after_nothing_is_said(ledger: Ledger) -> None:
    with ledger.reading() as connection, pytest.raises(NotFound):
        calls.listing(connection, CallFilter(), after="nothing")


def test_calls_that_lack_their_recording_are_found(ledger: Ledger) -> None:
    closed = CallState.CLOSED
    without = call(0, state=closed, recording=None)
    empty = call(1, state=closed, recording=RecordingState.EMPTY)
    fine = [call(2, state=closed, recording=RecordingState.READY), call(3, recording=None),
            call(4, state=closed, decision=SKIPPED, recording=None),
            replace(call(5, state=closed, recording=None), connected=None),
            replace(call(6, state=closed, recording=None), merged_into=without.id)]
    with ledger.transaction() as connection:
        calls.save(connection, [without, empty, *fine], 1.0)
    with ledger.reading() as connection:
        assert calls.without_recording(connection, since=BEGAN, until=math.inf) == [without, empty]
        assert calls.without_recording(connection, since=BEGAN + 1, until=BEGAN + 1) == []


def test_pauses_and_later_recordings_are_kept_in_order(ledger: Ledger) -> None:
    before = call()
    pause = Pause(owner="ivr", actor="dialplan", reason="card", state=PauseState.ASKED, asked=BEGAN + 3)
    after = replace(before, pauses=(pause, replace(pause, owner="agent")),
                    recordings=(*before.recordings, recorded(before.id, RecordingState.ARMED, BEGAN + 9, 1)))
    with ledger.transaction() as connection:
        calls.save(connection, [before], 1.0)
        calls.save(connection, [after], 2.0)
    with ledger.reading() as connection:
        assert calls.load(connection, before.id) == after


def test_the_decision_stands_in_columns_of_its_own(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        calls.save(connection, [call()], 1.0)
        row = connection.exec_driver_sql(
            "SELECT recorded, media, level, rule, profile, subject, decision_reason, direction FROM calls").one()
    assert tuple(row) == (1, "audio", "user", "user", "always", "caller", RECORDED.reason, "internal")
