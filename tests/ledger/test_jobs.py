"""A job has one worker at a time; a dead worker's job is taken over; a failed one stays on its list."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection

from faults import LeaseLost, NotFound, StepFailed
from ledger import Ledger, calls, jobs, publishing
from ledger.jobs import Job, JobState
from recorder.states import RecordingState
from tests.ledger.examples import call

LEASE = 30.0


def _enqueue(ledger: Ledger, number: int = 0, now: float = 100.0, node: str | None = None) -> str:
    made = call(number, recording=RecordingState.ENDED)
    with ledger.transaction() as connection:
        calls.save(connection, [made], now)
        jobs.enqueue(connection, made.recordings[0].id, now, node)
    return made.recordings[0].id


def _claim(ledger: Ledger, owner: str = "one", now: float = 100.0, node: str | None = None) -> Job | None:
    with ledger.transaction() as connection:
        return jobs.claim(connection, owner, now, LEASE, node)


def _claimed(ledger: Ledger, owner: str = "one", now: float = 100.0, node: str | None = None) -> Job:
    job = _claim(ledger, owner, now, node)
    assert job is not None
    return job


def _stands(ledger: Ledger, recording: str) -> Job:
    with ledger.reading() as connection:
        return jobs.get(connection, recording)


def test_a_recording_has_one_job_however_often_it_is_asked_for(ledger: Ledger) -> None:
    recording = _enqueue(ledger)
    job = _claimed(ledger)
    with ledger.transaction() as connection:
        jobs.enqueue(connection, recording, 200.0)
    assert _stands(ledger, recording) == job


def test_a_claimed_job_is_nobody_elses(ledger: Ledger) -> None:
    recording = _enqueue(ledger)
    job = _claimed(ledger)
    assert (job.recording, job.state, job.owner, job.lease_until, job.attempts) == (
        recording, JobState.RUNNING, "one", 130.0, 1)
    assert _claim(ledger, "two") is None


def test_a_job_is_not_claimed_before_its_time(ledger: Ledger) -> None:
    _enqueue(ledger, now=100.0)
    assert _claim(ledger, now=99.9) is None


def test_the_job_that_waits_longest_comes_first(ledger: Ledger) -> None:
    later, earlier = _enqueue(ledger, 0, now=90.0), _enqueue(ledger, 1, now=80.0)
    assert [_claimed(ledger).recording, _claimed(ledger).recording] == [earlier, later]


def test_the_job_of_a_dead_worker_is_taken_over_when_its_lease_is_out(ledger: Ledger) -> None:
    _enqueue(ledger)
    _claimed(ledger)
    assert _claim(ledger, "two", now=130.0) is None
    taken = _claimed(ledger, "two", now=130.1)
    assert (taken.owner, taken.attempts) == ("two", 2)


def test_a_renewed_lease_holds(ledger: Ledger) -> None:
    _enqueue(ledger)
    with ledger.transaction() as connection:
        job = jobs.claim(connection, "one", 100.0, LEASE)
        assert job is not None
        jobs.renew(connection, job, 120.0, LEASE)
    assert _claim(ledger, "two", now=149.0) is None


def test_a_job_is_claimed_by_workers_of_its_node_alone(ledger: Ledger) -> None:
    recording = _enqueue(ledger, node="berlin")
    assert _claim(ledger, node="paris") is None
    with ledger.reading() as connection:
        assert (jobs.next_due(connection, "paris"), jobs.next_due(connection, "berlin")) == (None, 100.0)
    assert _claimed(ledger, node="berlin").recording == recording


def test_a_job_whose_next_step_needs_no_files_is_claimed_anywhere(ledger: Ledger) -> None:
    _enqueue(ledger, node="berlin")
    job = _claimed(ledger, node="berlin")
    with ledger.transaction() as connection:
        jobs.release(connection, jobs.advance(connection, job, {}, "tell", 101.0, LEASE, anywhere=True), 101.0)
    assert _claimed(ledger, now=101.0, node="paris").step == "tell"


def test_a_job_without_a_node_is_anybodys(ledger: Ledger) -> None:
    recording = _enqueue(ledger)
    assert _claimed(ledger, node="paris").recording == recording


def test_a_job_that_is_begun_anew_is_its_nodes_again(ledger: Ledger) -> None:
    recording = _enqueue(ledger, node="berlin")
    with ledger.transaction() as connection:
        job = jobs.claim(connection, "one", 100.0, LEASE, "berlin")
        assert job is not None
        jobs.advance(connection, job, {}, "tell", 101.0, LEASE, anywhere=True)
        jobs.again(connection, recording, 102.0, "paris")
    assert _claim(ledger, now=102.0, node="paris") is None
    assert _claimed(ledger, now=102.0, node="berlin").step == ""


def test_one_job_is_claimed_by_its_name_if_it_is_due_and_free(ledger: Ledger) -> None:
    first, second = _enqueue(ledger, 0, now=80.0), _enqueue(ledger, 1, now=90.0)

    def claim(recording: str, now: float, node: str | None = None) -> Job | None:
        with ledger.transaction() as connection:
            return jobs.claim_one(connection, recording, "two", now, LEASE, node)

    assert claim(second, 89.0) is None
    claimed = claim(second, 90.0, "berlin")
    assert claimed is not None
    assert claimed.recording == second
    assert claim(second, 91.0) is None
    assert _claimed(ledger).recording == first


def test_who_is_told_of_a_job_gets_it_although_somebody_is_just_changing_its_row(ledger: Ledger) -> None:
    """The relay writes down that it has told of it, while the worker that it told claims it already."""
    recording = _enqueue(ledger)

    def claim() -> Job | None:
        with ledger.transaction() as connection:
            return jobs.claim_one(connection, recording, "two", 101.0, LEASE)

    with ThreadPoolExecutor(1) as threads:
        with ledger.transaction() as connection:
            publishing.take(connection, 100.0, within=1.0, most=1)
            claiming = threads.submit(claim)
            with pytest.raises(TimeoutError):
                claiming.result(0.3)
        claimed = claiming.result(20)
    assert claimed is not None
    assert claimed.recording == recording


CHANGES: dict[str, Callable[[Connection, Job], object]] = {
    "renew": lambda connection, job: jobs.renew(connection, job, 200.0, LEASE),
    "advance": lambda connection, job: jobs.advance(connection, job, {"verify": {}}, "compose", 200.0, LEASE),
    "retry": lambda connection, job: jobs.retry(connection, job, StepFailed("no"), 300.0),
    "give up": lambda connection, job: jobs.give_up(connection, job, StepFailed("no")),
    "done": jobs.done,
}


@pytest.mark.parametrize("change", CHANGES)
def test_who_lost_the_lease_changes_nothing(ledger: Ledger, change: str) -> None:
    recording = _enqueue(ledger)
    lost = _claimed(ledger)
    _claimed(ledger, "two", now=200.0)
    before = _stands(ledger, recording)
    with pytest.raises(LeaseLost), ledger.transaction() as connection:
        CHANGES[change](connection, lost)
    assert _stands(ledger, recording) == before


def test_a_finished_step_is_kept_for_whoever_goes_on(ledger: Ledger) -> None:
    _enqueue(ledger)
    with ledger.transaction() as connection:
        job = jobs.claim(connection, "one", 100.0, LEASE)
        assert job is not None
        job = jobs.advance(connection, job, {"verify": {"good": True}}, "compose", 110.0, LEASE)
        jobs.advance(connection, job, {**job.facts, "compose": {"seconds": 2.5}}, "name", 110.0, LEASE)
    taken = _claimed(ledger, "two", now=141.0)
    assert (taken.step, taken.facts) == ("name", {"verify": {"good": True}, "compose": {"seconds": 2.5}})


def test_a_failed_step_is_tried_again_at_its_time_and_says_why(ledger: Ledger) -> None:
    recording = _enqueue(ledger)
    job = _claimed(ledger)
    with ledger.transaction() as connection:
        jobs.retry(connection, job, StepFailed("The disk is full.", free=0), 160.0)
    assert _claim(ledger, now=159.0) is None
    fault = _stands(ledger, recording).fault
    assert fault is not None
    assert (fault["id"], fault["details"]) == ("processing.step", {"free": 0})
    assert _claimed(ledger, now=160.0).attempts == 2


def test_the_failed_list_keeps_a_job_until_somebody_takes_it_off(ledger: Ledger) -> None:
    recording = _enqueue(ledger)
    job = _claimed(ledger)
    with ledger.transaction() as connection:
        jobs.give_up(connection, job, StepFailed("Never again."))
    with ledger.reading() as connection:
        assert [each.recording for each in jobs.listing(connection, JobState.FAILED)] == [recording]
    assert _claim(ledger, now=1e9) is None
    with ledger.transaction() as connection:
        jobs.retry_failed(connection, recording, 500.0)
    assert _claimed(ledger, now=500.0).attempts == 1


def test_only_a_failed_job_can_be_taken_off_the_list(ledger: Ledger) -> None:
    recording = _enqueue(ledger)
    with pytest.raises(NotFound), ledger.transaction() as connection:
        jobs.retry_failed(connection, recording, 500.0)


def test_a_done_job_is_never_claimed_again(ledger: Ledger) -> None:
    recording = _enqueue(ledger)
    job = _claimed(ledger)
    with ledger.transaction() as connection:
        jobs.done(connection, job)
    assert _claim(ledger, now=1e9) is None
    assert _stands(ledger, recording).state is JobState.DONE


def test_the_next_time_to_look_is_known(ledger: Ledger) -> None:
    with ledger.reading() as connection:
        assert jobs.next_due(connection) is None
    _enqueue(ledger, 0, now=100.0)
    _enqueue(ledger, 1, now=120.0)
    with ledger.reading() as connection:
        assert jobs.next_due(connection) == 100.0
    _claimed(ledger, now=100.0)
    with ledger.reading() as connection:
        assert jobs.next_due(connection) == 120.0
    _claimed(ledger, now=125.0)
    with ledger.reading() as connection:
        assert jobs.next_due(connection) == 130.0


def test_many_workers_never_claim_the_same_job(ledger: Ledger) -> None:
    wanted = {_enqueue(ledger, number) for number in range(20)}

    def work(owner: str) -> list[str]:
        taken = []
        while (job := _claim(ledger, owner)) is not None:
            taken.append(job.recording)
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [recording for part in pool.map(work, ["a", "b", "c", "d"]) for recording in part]
    assert sorted(taken) == sorted(wanted)


def test_a_recording_without_a_job_is_said(ledger: Ledger) -> None:
    with ledger.reading() as connection, pytest.raises(NotFound):
        jobs.get(connection, "nothing")
