"""A job from the end of a call to its files, and what becomes of it when a step fails."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faults import StepFailed
from ledger import Ledger, jobs, recordings
from ledger.jobs import JobState
from processing.step import Context, Facts
from recorder.states import FINAL_RECORDING, RecordingState
from tests.processing.scene import BEGAN, Scene, noise, samples_of


class Failing:
    """A step that fails."""

    name = "verify"
    lasting = True

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.runs = 0

    def run(self, context: Context) -> Facts:
        self.runs += 1
        raise self.error


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    made.record()
    made.enqueue()
    return made


def _state(ledger: Ledger, scene: Scene) -> RecordingState:
    with ledger.reading() as connection:
        return recordings.get(connection, scene.recording).recording.state


def test_a_recording_becomes_a_mixed_file_a_stereo_file_and_a_manifest(scene: Scene) -> None:
    scene.finish()
    base = f"2023/{scene.recording}"
    assert list(scene.visible()) == [f"{base}-stereo.wav", f"{base}.json", f"{base}.wav"]
    caller, callee = noise(4, 1), noise(4, 2)
    assert np.array_equal(samples_of(scene.visible()[f"{base}-stereo.wav"]), np.stack([caller, callee], axis=1))
    assert np.array_equal(samples_of(scene.visible()[f"{base}.wav"])[:, 0], caller + callee)
    ledger = scene.ledger()
    with ledger.reading() as connection:
        kept = recordings.get(connection, scene.recording)
        history = recordings.history(connection, scene.recording)
    ledger.close()
    assert kept.result == {"store": "local", "key": None, "files": {
        "mixed": f"{base}.wav", "stereo": f"{base}-stereo.wav", "manifest": f"{base}.json"},
                           "seconds": 4.0, "bytes": 44 + 64_000 + 44 + 128_000, "reasons": []}
    assert [state for state, _ in history] == [RecordingState.ENDED, RecordingState.PROCESSING, RecordingState.READY]


def test_the_recorded_files_stay_and_the_unfinished_ones_go(scene: Scene) -> None:
    scene.finish()
    assert sorted(path.name for path in scene.spool.rglob("*.wav")) == ["in.wav", "out.wav"]
    assert scene.leftovers() == []


def test_nothing_due_is_nothing_done(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    ledger = scene.ledger()
    assert not scene.worker(ledger).work_once()
    ledger.close()


def test_a_failed_step_is_tried_again_later_and_later_then_listed(scene: Scene) -> None:
    ledger = scene.ledger()
    step = Failing(StepFailed("No."))
    worker = scene.worker(ledger, steps=(step,), attempts=3)
    waits = []
    while worker.work_once():
        with ledger.reading() as connection:
            due = jobs.next_due(connection)
        if due is not None:
            waits.append(due - scene.clock.now)
            scene.clock.now = due
    with ledger.reading() as connection:
        (failed,) = jobs.listing(connection, JobState.FAILED)
    assert (step.runs, waits, failed.fault and failed.fault["message"]) == (3, [1.0, 2.0], "No.")
    assert _state(ledger, scene) is RecordingState.FAILED
    assert sorted(path.name for path in scene.spool.rglob("*.wav")) == ["in.wav", "out.wav"]
    ledger.close()


def test_jobs_that_failed_together_do_not_come_back_together(scene: Scene) -> None:
    ledger = scene.ledger()
    scene.worker(ledger, steps=(Failing(StepFailed("No.")),), jitter=lambda: 1.0).work_once()
    with ledger.reading() as connection:
        assert jobs.next_due(connection) == scene.clock.now + 2.0
    ledger.close()


@pytest.mark.parametrize(("error", "fault"), [
    (OSError(28, "No space left on device", "/x"), "processing.storage"),
    (KeyError("a mistake"), "processing.step"),
])
def test_whatever_a_step_raises_stays_in_its_job(scene: Scene, error: Exception, fault: str) -> None:
    ledger = scene.ledger()
    assert scene.worker(ledger, steps=(Failing(error),)).work_once()
    with ledger.reading() as connection:
        said = jobs.get(connection, scene.recording).fault
    assert said is not None
    assert said["id"] == fault
    ledger.close()


def test_a_job_taken_off_the_failed_list_is_finished(scene: Scene) -> None:
    ledger = scene.ledger()
    scene.worker(ledger, steps=(Failing(StepFailed("No.")),), attempts=1).work_once()
    with ledger.transaction() as connection:
        jobs.retry_failed(connection, scene.recording, scene.clock.now)
    assert scene.worker(ledger).work_once()
    assert _state(ledger, scene) is RecordingState.READY
    ledger.close()


def test_a_retried_job_keeps_the_name_that_was_settled(scene: Scene) -> None:
    taken = scene.places.destination / "2023" / f"{scene.recording}.wav"
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"not ours")
    ledger = scene.ledger()
    scene.worker(ledger, attempts=1).work_once()
    taken.unlink()
    scene.template = "another/{{uuid}}"
    with ledger.transaction() as connection:
        jobs.retry_failed(connection, scene.recording, scene.clock.now)
    scene.worker(ledger).work_once()
    ledger.close()
    assert list(scene.visible()) == [f"2023/{scene.recording}{ending}" for ending in ("-stereo.wav", ".json", ".wav")]


def test_a_step_that_kills_its_worker_each_time_is_given_up(scene: Scene) -> None:
    ledger = scene.ledger()
    for _ in range(3):
        with ledger.transaction() as connection:
            assert jobs.claim(connection, "a worker that dies", scene.clock.now, 60.0)
        scene.clock.now += 61
    assert scene.worker(ledger, attempts=3).work_once()
    assert _state(ledger, scene) is RecordingState.FAILED
    ledger.close()


def test_a_worker_that_lost_its_lease_ends_nothing(scene: Scene) -> None:
    """It was too slow; the other one finishes, and there is one end."""
    ledger = scene.ledger()
    other = scene.worker(ledger)

    def overtaken(point: str) -> None:
        if point == "compose: ran":
            scene.clock.now += 61
            assert other.work_once()

    assert scene.worker(ledger, checkpoint=overtaken).work_once()
    with ledger.reading() as connection:
        history = recordings.history(connection, scene.recording)
        assert [state for state, _ in history if state in FINAL_RECORDING] == [RecordingState.READY]
        assert jobs.get(connection, scene.recording).state is JobState.DONE
    assert len(scene.visible()) == 3
    ledger.close()


def test_a_renewed_job_is_not_taken_over(scene: Scene) -> None:
    ledger = scene.ledger()
    taken: list[bool] = []

    def slow(point: str) -> None:
        if point == "compose: ran":
            scene.clock.now += 50
            worker.renew()
            scene.clock.now += 50
            taken.append(scene.worker(ledger).work_once())

    worker = scene.worker(ledger, checkpoint=slow)
    worker.work_once()
    assert taken == [False]
    ledger.close()


def test_a_stopped_worker_lets_go_between_two_steps_and_the_next_goes_on(scene: Scene) -> None:
    ledger = scene.ledger()
    points: list[str] = []

    def stopping(point: str) -> None:
        points.append(point)
        if point == "verify: committed":
            worker.stop()

    worker = scene.worker(ledger, checkpoint=stopping)
    worker.work_once()
    assert points[-1] == "verify: committed"
    again: list[str] = []
    assert scene.worker(ledger, checkpoint=again.append).work_once()
    assert not [point for point in again if point.startswith("verify")]
    assert _state(ledger, scene) is RecordingState.READY
    ledger.close()


def test_the_times_of_states_are_the_clocks(scene: Scene) -> None:
    ledger = scene.ledger()
    scene.worker(ledger).work_once()
    with ledger.reading() as connection:
        assert [at for _, at in recordings.history(connection, scene.recording)] == [
            BEGAN, scene.clock.now, scene.clock.now]
    ledger.close()
