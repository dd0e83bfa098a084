"""Where files are: noted with the recording's end, confirmed by their store, deleted when their time is over."""

from __future__ import annotations

import pytest

from ledger import Ledger, artefacts, calls, jobs, recordings
from recorder.states import CallState, RecordingInput, RecordingState
from tests.ledger.examples import BEGAN, call

FILES = {kind: {"name": f"2026/{kind}", "bytes": 10, "sha256": "ab"} for kind in ("manifest", "mixed")}
SWITCHES = ["pbx"]


def finished(ledger: Ledger, number: int = 0, *, given: RecordingInput = RecordingInput.GOOD, switch: str = "pbx",
             stored: bool = True) -> str:
    """A recording whose job is done; it has ended ``number`` seconds after BEGAN."""
    one = call(number, state=CallState.CLOSED, recording=RecordingState.ENDED, switch=switch)
    recording = one.recordings[0].id
    with ledger.transaction() as connection:
        calls.save(connection, [one], BEGAN)
        jobs.enqueue(connection, recording, BEGAN)
        recordings.move(connection, recording, RecordingInput.PROCESS, BEGAN)
        recordings.finish(connection, recording, given, BEGAN, result={"store": "archive"})
        job = jobs.claim(connection, "worker", BEGAN + 1e6, 60)
        assert job is not None
        jobs.done(connection, job)
        if stored:
            artefacts.keep(connection, recording, "archive", FILES, BEGAN + 5)
    return recording


def test_the_files_of_a_recording_are_noted_the_manifest_first(ledger: Ledger) -> None:
    recording = finished(ledger)
    with ledger.reading() as connection:
        noted = artefacts.of(connection, recording)
    assert [(one.kind, one.store, one.name, one.stored) for one in noted] == [
        ("manifest", "archive", "2026/manifest", BEGAN + 5), ("mixed", "archive", "2026/mixed", BEGAN + 5)]


def test_the_first_confirmation_counts(ledger: Ledger) -> None:
    recording = finished(ledger)
    with ledger.transaction() as connection:
        assert artefacts.confirm(connection, "archive", "2026/mixed", BEGAN + 7)
        assert artefacts.confirm(connection, "archive", "2026/mixed", BEGAN + 9)
        assert not artefacts.confirm(connection, "archive", "2026/other", BEGAN + 9)
        assert not artefacts.confirm(connection, "local", "2026/mixed", BEGAN + 9)
    with ledger.reading() as connection:
        assert {one.kind: one.confirmed for one in artefacts.of(connection, recording)} == {
            "mixed": BEGAN + 7, "manifest": None}


def test_a_store_may_tell_of_a_file_before_its_recording_is_finished(ledger: Ledger) -> None:
    one = call(state=CallState.CLOSED, recording=RecordingState.ENDED)
    recording = one.recordings[0].id
    with ledger.transaction() as connection:
        calls.save(connection, [one], BEGAN)
        jobs.enqueue(connection, recording, BEGAN)
        job = jobs.claim(connection, "worker", BEGAN, 60)
        assert job is not None
        jobs.advance(connection, job, {
            "compose": {"files": {"mixed": {"bytes": 10, "sha256": "ab"}}},
            "manifest": {"bytes": 3, "sha256": "cd", "names": {"mixed": "2026/mixed", "manifest": "2026/manifest"}},
        }, "store", BEGAN, 60)
        assert artefacts.confirm(connection, "archive", "2026/mixed", BEGAN + 1)
        assert not artefacts.confirm(connection, "archive", "2026/mix", BEGAN + 1)
        assert not artefacts.confirm(connection, "archive", "%", BEGAN + 1)
        artefacts.keep(connection, recording, "archive", FILES, BEGAN + 5)
        mixed = artefacts.of(connection, recording)[1]
    assert (mixed.kind, mixed.confirmed, mixed.stored) == ("mixed", BEGAN + 1, BEGAN + 5)


@pytest.mark.parametrize("given", [RecordingInput.GOOD, RecordingInput.SHORT])
def test_what_ended_long_enough_ago_expires_once(ledger: Ledger, given: RecordingInput) -> None:
    old, young = finished(ledger, 0, given=given), finished(ledger, 1000)
    with ledger.transaction() as connection:
        assert artefacts.expire(connection, BEGAN + 500, SWITCHES, BEGAN + 2000, limit=10) == [old]
        assert artefacts.expire(connection, BEGAN + 500, SWITCHES, BEGAN + 2000, limit=10) == []
        kept = recordings.get(connection, old)
        assert kept.recording.state is RecordingState.EXPIRED
        assert kept.result == {"store": "archive", "expired": BEGAN + 2000}
        assert recordings.history(connection, old)[-1] == (RecordingState.EXPIRED, BEGAN + 2000)
        assert recordings.get(connection, young).recording.state is RecordingState.READY


def test_what_is_not_known_to_be_stored_does_not_expire(ledger: Ledger) -> None:
    finished(ledger, stored=False)
    failed = finished(ledger, 1, given=RecordingInput.GIVE_UP)
    with ledger.transaction() as connection:
        assert artefacts.expire(connection, BEGAN + 500, SWITCHES, BEGAN + 2000, limit=10) == []
        assert recordings.get(connection, failed).recording.state is RecordingState.FAILED


def test_what_is_still_worked_on_does_not_expire(ledger: Ledger) -> None:
    recording = finished(ledger)
    with ledger.transaction() as connection:
        jobs.again(connection, recording, BEGAN)
        assert artefacts.expire(connection, BEGAN + 500, SWITCHES, BEGAN + 2000, limit=10) == []


def test_recordings_of_switches_that_others_look_after_do_not_expire_here(ledger: Ledger) -> None:
    finished(ledger, switch="elsewhere")
    with ledger.transaction() as connection:
        assert artefacts.expire(connection, BEGAN + 500, SWITCHES, BEGAN + 2000, limit=10) == []


def test_what_has_expired_is_to_be_deleted_until_each_file_is(ledger: Ledger) -> None:
    recording = finished(ledger)
    with ledger.transaction() as connection:
        assert artefacts.to_delete(connection, SWITCHES) == []
        artefacts.expire(connection, BEGAN + 500, SWITCHES, BEGAN + 2000, limit=10)
        for file in artefacts.of(connection, recording):
            assert artefacts.to_delete(connection, SWITCHES) == [recording]
            artefacts.deleted(connection, file, BEGAN + 2001)
        assert artefacts.to_delete(connection, SWITCHES) == []


def test_a_call_that_is_saved_late_does_not_bring_an_expired_recording_back(ledger: Ledger) -> None:
    recording = finished(ledger)
    with ledger.transaction() as connection:
        artefacts.expire(connection, BEGAN + 500, SWITCHES, BEGAN + 2000, limit=10)
        calls.save(connection, [call(state=CallState.CLOSED, recording=RecordingState.ENDED)], BEGAN)
        assert recordings.get(connection, recording).recording.state is RecordingState.EXPIRED
