"""Which machine does which step: those that need the recorded files run where the files are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger import Ledger, calls, jobs, recordings
from ledger.jobs import JobState
from processing.step import Context, Facts, Step
from processing.stores.choice import Stores
from processing.stores.local import LocalStore
from recorder.states import RecordingState
from tests.processing.scene import BEGAN, Scene


class Shared(LocalStore):
    """A store that every machine reaches."""

    name = "archive"


class Tell:
    """A step of a user's own, which needs none of the files."""

    name = "tell"
    lasting = True
    local = False

    def __init__(self) -> None:
        self.on: list[str | None] = []

    def run(self, context: Context) -> Facts:
        self.on.append(context.places.node)
        return {}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path, seconds=0.5)
    made.record()
    made.stores = Stores.of(Shared(tmp_path / "archive"))
    return made


@pytest.fixture
def ledger(scene: Scene) -> Iterator[Ledger]:
    opened = scene.ledger()
    with opened.transaction() as connection:
        calls.save(connection, [scene.call], BEGAN)
        jobs.enqueue(connection, scene.recording, BEGAN, "berlin")
    yield opened
    opened.close()


def _turn(scene: Scene, ledger: Ledger, node: str, *own: Step, stop_after: str = "") -> None:
    """One turn of a worker of that machine, which is asked to stop at a point of its work."""
    scene.places = replace(scene.places, node=node)

    def checkpoint(point: str) -> None:
        if point == stop_after:
            worker.stop()

    worker = scene.worker(ledger, steps=(*scene.steps(), *own), checkpoint=checkpoint)
    worker.work_once()


def _stands(scene: Scene, ledger: Ledger) -> tuple[str, JobState, bool]:
    with ledger.reading() as connection:
        job = jobs.get(connection, scene.recording)
    return job.step, job.state, job.anywhere


def test_until_its_files_are_stored_a_job_stays_on_its_machine(scene: Scene, ledger: Ledger) -> None:
    tell = Tell()
    _turn(scene, ledger, "paris", tell)
    assert _stands(scene, ledger) == ("", JobState.WAITING, False)
    _turn(scene, ledger, "berlin", tell, stop_after="store: committed")
    assert _stands(scene, ledger) == ("tell", JobState.WAITING, True)


def test_what_comes_later_runs_anywhere_and_the_cleaning_up_at_home_again(scene: Scene, ledger: Ledger) -> None:
    tell = Tell()
    _turn(scene, ledger, "berlin", tell, stop_after="store: committed")
    _turn(scene, ledger, "paris", tell)
    assert tell.on == ["paris"]
    with ledger.reading() as connection:
        assert recordings.get(connection, scene.recording).recording.state is RecordingState.READY
    assert _stands(scene, ledger) == ("clean", JobState.WAITING, False)
    _turn(scene, ledger, "paris", tell)
    assert _stands(scene, ledger) == ("clean", JobState.WAITING, False)
    _turn(scene, ledger, "berlin", tell)
    assert _stands(scene, ledger)[1] is JobState.DONE
    assert scene.leftovers() == []


def test_what_only_its_machine_can_read_keeps_a_job_there(scene: Scene, ledger: Ledger) -> None:
    scene.stores = Stores.of(LocalStore(scene.folder / "recordings"))
    _turn(scene, ledger, "berlin", Tell(), stop_after="store: committed")
    assert _stands(scene, ledger) == ("tell", JobState.WAITING, False)
