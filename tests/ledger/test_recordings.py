"""A recording after its call: its states follow the table, its end leaves one notice."""

from __future__ import annotations

import pytest

from faults import NotFound, TransitionForbidden
from ledger import Ledger, calls, recordings
from ledger.recordings import RecordingFilter
from recorder.model import Call
from recorder.states import RecordingInput, RecordingState
from tests.ledger.examples import BEGAN, call

ENDED = call(recording=RecordingState.ENDED)
OWN = ENDED.recordings[0].id


def _save(ledger: Ledger, *made: Call) -> None:
    with ledger.transaction() as connection:
        calls.save(connection, made, 1.0)


def test_a_finished_recording_has_its_state_and_its_result(ledger: Ledger) -> None:
    _save(ledger, ENDED)
    with ledger.transaction() as connection:
        recordings.move(connection, OWN, RecordingInput.PROCESS, 2.0)
        recordings.finish(connection, OWN, RecordingInput.GOOD, 3.0, result={"mixed": "a.wav"})
    with ledger.reading() as connection:
        kept = recordings.get(connection, OWN)
        assert (kept.recording.state, kept.result) == (RecordingState.READY, {"mixed": "a.wav"})
        assert recordings.history(connection, OWN) == [
            (RecordingState.ENDED, 1.0), (RecordingState.PROCESSING, 2.0), (RecordingState.READY, 3.0)]


def test_a_step_that_the_table_lacks_is_refused(ledger: Ledger) -> None:
    _save(ledger, ENDED)
    with pytest.raises(TransitionForbidden), ledger.transaction() as connection:
        recordings.move(connection, OWN, RecordingInput.GOOD, 2.0)


def test_processing_twice_is_remembered_once(ledger: Ledger) -> None:
    _save(ledger, ENDED)
    with ledger.transaction() as connection:
        for now in (2.0, 3.0):
            recordings.move(connection, OWN, RecordingInput.PROCESS, now)
    with ledger.reading() as connection:
        assert len(recordings.history(connection, OWN)) == 2


def test_a_recording_that_is_not_there_is_said(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        with pytest.raises(NotFound):
            recordings.get(connection, "nothing")
        with pytest.raises(NotFound):
            recordings.move(connection, "nothing", RecordingInput.PROCESS, 1.0)


@pytest.mark.parametrize(("wanted", "found"), [
    (RecordingFilter(), [2, 1, 0]),
    (RecordingFilter(switch="other"), [2]),
    (RecordingFilter(state=RecordingState.ENDED), [1]),
    (RecordingFilter(since=BEGAN + 1, until=BEGAN + 2), [1]),
])
def test_recordings_are_listed_newest_first(ledger: Ledger, wanted: RecordingFilter, found: list[int]) -> None:
    made = [call(0), call(1, recording=RecordingState.ENDED), call(2, switch="other")]
    _save(ledger, *made)
    with ledger.reading() as connection:
        kept = recordings.listing(connection, wanted)
    assert [(each.call, each.recording) for each in kept] == [
        (made[number], made[number].recordings[0]) for number in found]


def test_pages_of_recordings_follow_each_other(ledger: Ledger) -> None:
    made = [call(number) for number in range(3)]
    _save(ledger, *made)
    with ledger.reading() as connection:
        first = recordings.listing(connection, RecordingFilter(), limit=2)
        then = recordings.listing(connection, RecordingFilter(), limit=2, after=first[-1].recording.id)
    assert [each.call for each in first + then] == made[::-1]
