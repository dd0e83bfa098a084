"""`phonograph jobs`: what waits and what failed, with what to do about it; and off the failed list again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults import DestinationExists, Fault, StorageRefused
from ledger import Ledger, calls, jobs, recordings
from recorder.states import RecordingInput
from tests.console.running import WHEN, Running, call, cli

WAITS = call("leg-waits", "alice")
FULL = [call(f"leg-full-{number}", "bob") for number in range(3)]
TAKEN = call("leg-taken", "carol")


def _fail(ledger: Ledger, recording: str, fault: Fault) -> None:
    with ledger.transaction() as connection:
        job = jobs.claim_one(connection, recording, "worker", WHEN, 60.0)
        assert job is not None
        recordings.move(connection, recording, RecordingInput.PROCESS, WHEN)
        jobs.give_up(connection, job, fault)
        recordings.finish(connection, recording, RecordingInput.GIVE_UP, WHEN)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    """A service with a job that waits for long, and four that failed for two reasons. Their files are not there."""
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    with ledger.transaction() as connection:
        calls.save(connection, [WAITS, *FULL, TAKEN], WHEN)
        jobs.enqueue(connection, WAITS.recordings[0].id, WHEN + 1e9)
        for one in (*FULL, TAKEN):
            jobs.enqueue(connection, one.recordings[0].id, WHEN)
    for one in FULL:
        _fail(ledger, one.recordings[0].id, StorageRefused("The disk refused: No space left on device."))
    _fail(ledger, TAKEN.recordings[0].id, DestinationExists("Another file is named 1.wav."))
    ledger.close()
    running = Running(tmp_path)
    yield running
    running.stop()


def test_the_list_has_what_is_not_done_with_the_reason(service: Running) -> None:
    said = cli(service.file, "jobs", "list").stdout
    assert said.count("processing.storage") == 3
    assert WAITS.recordings[0].id in said
    assert said.splitlines()[-1] == "1 waiting, 0 running, 0 done, 4 failed"


def test_the_failed_list_of_one_reason_is_for_programs_too(service: Running) -> None:
    answer = json.loads(cli(service.file, "jobs", "list", "--state", "failed", "--fault",
                            "processing.destination-exists", "--json").stdout)
    assert [one["recording"] for one in answer["jobs"]] == [TAKEN.recordings[0].id]


def test_a_failed_job_says_what_to_do(service: Running) -> None:
    said = cli(service.file, "jobs", "show", FULL[0].recordings[0].id).stdout
    for words in ("failed", "processing.storage", "No space left on device", StorageRefused.remedy):
        assert words in said


def test_a_recording_without_a_job_is_not_found(service: Running) -> None:
    answer = cli(service.file, "jobs", "show", "nothing")
    assert answer.exit_code == 1
    assert "service.not-found" in answer.stderr


def test_all_that_failed_for_one_reason_begin_again_and_no_other(service: Running) -> None:
    answer = cli(service.file, "jobs", "retry", "--fault", "processing.storage")
    assert answer.exit_code == 0
    assert answer.stdout == "3 wait for their turn again.\n"
    left = json.loads(cli(service.file, "jobs", "list", "--state", "failed", "--json").stdout)
    assert TAKEN.recordings[0].id in [one["recording"] for one in left["jobs"]]
    assert "processing.storage" not in [one["fault"]["id"] for one in left["jobs"]]


def test_one_begins_again(service: Running) -> None:
    answer = cli(service.file, "jobs", "retry", TAKEN.recordings[0].id)
    assert (answer.exit_code, answer.stdout) == (0, "It waits for its turn again.\n")


def test_it_has_to_be_said_what_begins_again(service: Running) -> None:
    assert cli(service.file, "jobs", "retry").exit_code == 2
