"""A queue is told of each job that can be claimed: not sooner, not by two at once, and again if it lost it."""

from __future__ import annotations

from faults import StepFailed
from ledger import Ledger, calls, jobs, publishing
from ledger.jobs import Job
from ledger.publishing import Due
from recorder.states import RecordingState
from tests.ledger.examples import call

LEASE, WITHIN, AGAIN = 30.0, 5.0, 900.0


def _enqueue(ledger: Ledger, number: int = 0, now: float = 100.0, node: str | None = None) -> str:
    made = call(number, recording=RecordingState.ENDED)
    with ledger.transaction() as connection:
        calls.save(connection, [made], now)
        jobs.enqueue(connection, made.recordings[0].id, now, node)
    return made.recordings[0].id


def _take(ledger: Ledger, now: float, most: int = 10) -> list[Due]:
    with ledger.transaction() as connection:
        return publishing.take(connection, now, within=WITHIN, most=most)


def _taken(ledger: Ledger, now: float) -> list[str]:
    return [due.recording for due in _take(ledger, now)]


def _told(ledger: Ledger, recording: str, now: float) -> None:
    with ledger.transaction() as connection:
        publishing.told(connection, [recording], taken=now, within=WITHIN, again=now + AGAIN)


def _claim(ledger: Ledger, now: float) -> Job:
    with ledger.transaction() as connection:
        job = jobs.claim(connection, "one", now, LEASE)
    assert job is not None
    return job


def test_each_job_is_taken_once_with_its_node(ledger: Ledger) -> None:
    first, second = _enqueue(ledger, 0, node="berlin"), _enqueue(ledger, 1)
    assert {(due.recording, due.node) for due in _take(ledger, 100.0)} == {(first, "berlin"), (second, None)}
    assert _take(ledger, 100.0) == []


def test_no_more_are_taken_than_asked_for(ledger: Ledger) -> None:
    for number in range(3):
        _enqueue(ledger, number)
    assert [len(_take(ledger, 100.0, most=2)) for _ in range(2)] == [2, 1]


def test_who_takes_jobs_and_dies_leaves_them_to_the_next(ledger: Ledger) -> None:
    recording = _enqueue(ledger)
    _take(ledger, 100.0)
    assert _taken(ledger, 104.9) == []
    assert _taken(ledger, 105.0) == [recording]


def test_what_a_queue_has_confirmed_is_told_again_only_much_later(ledger: Ledger) -> None:
    recording = _enqueue(ledger)
    _take(ledger, 100.0)
    _told(ledger, recording, 100.0)
    assert _taken(ledger, 999.9) == []
    assert _taken(ledger, 1000.0) == [recording]


def test_the_job_of_a_dead_worker_is_told_of_when_its_lease_is_out(ledger: Ledger) -> None:
    recording = _enqueue(ledger)
    _claim(ledger, 100.0)
    assert _taken(ledger, 129.9) == []
    assert _taken(ledger, 130.0) == [recording]


def test_a_job_that_was_claimed_before_the_queue_confirmed_keeps_its_time(ledger: Ledger) -> None:
    recording = _enqueue(ledger)
    _take(ledger, 100.0)
    _claim(ledger, 101.0)
    _told(ledger, recording, 100.0)
    assert _taken(ledger, 131.0) == [recording]


def test_a_failed_step_is_told_of_when_it_is_to_be_tried_again(ledger: Ledger) -> None:
    recording = _enqueue(ledger)
    job = _claim(ledger, 100.0)
    with ledger.transaction() as connection:
        jobs.retry(connection, job, StepFailed("No."), 160.0)
    assert _taken(ledger, 159.0) == []
    assert _taken(ledger, 160.0) == [recording]


def test_a_job_that_is_over_is_told_of_no_more(ledger: Ledger) -> None:
    _enqueue(ledger)
    job = _claim(ledger, 100.0)
    with ledger.transaction() as connection:
        jobs.done(connection, job)
    assert _take(ledger, 1e9) == []


def test_a_job_that_needs_no_files_is_everybodys(ledger: Ledger) -> None:
    _enqueue(ledger, node="berlin")
    job = _claim(ledger, 100.0)
    with ledger.transaction() as connection:
        job = jobs.advance(connection, job, {}, "tell", 101.0, LEASE, anywhere=True)
        jobs.release(connection, job, 102.0)
    assert [due.node for due in _take(ledger, 102.0)] == [None]


def test_jobs_whose_queue_has_lost_them_are_told_of_again_and_no_others(ledger: Ledger) -> None:
    lost, elsewhere = _enqueue(ledger, 0, node="berlin"), _enqueue(ledger, 1)
    for recording in _taken(ledger, 100.0):
        _told(ledger, recording, 100.0)
    with ledger.transaction() as connection:
        assert publishing.waiting(connection, 99.0, 104.0) == []
        assert set(publishing.waiting(connection, 100.0, 105.0)) == {"berlin", None}
        publishing.lost(connection, "berlin", 100.0, 105.0)
    assert _taken(ledger, 105.0) == [lost]
    with ledger.transaction() as connection:
        publishing.lost(connection, None, 100.0, 106.0)
    assert _taken(ledger, 106.0) == [elsewhere]


def test_the_next_time_is_that_of_the_earliest(ledger: Ledger) -> None:
    _enqueue(ledger, 0, now=100.0)
    _enqueue(ledger, 1, now=90.0)
    with ledger.reading() as connection:
        assert publishing.next_at(connection) == 90.0
