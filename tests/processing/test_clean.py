"""What is taken away after the recording's end, and what stays."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from ledger.jobs import JobState
from recorder.states import RecordingState
from tests.processing.scene import Scene, noise, samples_of, wav_bytes


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path, recorded=True)
    made.record()
    made.enqueue()
    return made


def spooled(scene: Scene) -> list[str]:
    return sorted(path.relative_to(scene.spool).as_posix() for path in scene.spool.rglob("*") if path.is_file())


def test_what_the_switch_recorded_goes_after_the_recording_is_ready(scene: Scene) -> None:
    bystander = scene.write("pbx/other.wav", wav_bytes(noise(1)))
    states: list[RecordingState] = []
    ledger = scene.ledger()

    def look(point: str) -> None:
        if point == "clean: deleted .wav":
            states.append(scene.kept().recording.state)

    scene.worker(ledger, checkpoint=look).work_once()
    ledger.close()
    assert states == [RecordingState.READY] * 2
    assert spooled(scene) == ["pbx/other.wav"]
    assert bystander.exists()
    assert np.array_equal(samples_of(scene.visible()[f"2023/{scene.recording}-stereo.wav"]),
                          np.stack([noise(4, 1), noise(4, 2)], axis=1))


def test_of_an_incomplete_recording_they_stay(scene: Scene) -> None:
    scene.write("pbx/out.wav", wav_bytes(noise(1, 2)))
    scene.finish()
    assert (scene.kept().recording.state, scene.job().state) == (RecordingState.INCOMPLETE, JobState.DONE)
    assert spooled(scene) == ["pbx/in.wav", "pbx/out.wav"]


def test_a_link_is_not_followed_out_of_the_spool(scene: Scene) -> None:
    outside = scene.folder / "outside.wav"
    outside.write_bytes(wav_bytes(noise(4)))
    (scene.spool / "pbx/out.wav").unlink()
    (scene.spool / "pbx/out.wav").symlink_to(outside)
    scene.finish()
    assert outside.exists()


def test_nothing_goes_if_a_stored_file_is_not_whole_any_more(scene: Scene) -> None:
    ledger = scene.ledger()

    def spoil(point: str) -> None:
        if point == "finished":
            path = scene.visible()[f"2023/{scene.recording}.wav"]
            path.unlink()  # it is a second name of the composed file
            path.write_bytes(b"spoilt")

    scene.worker(ledger, attempts=1, checkpoint=spoil).work_once()
    ledger.close()
    assert (scene.job().state, (scene.job().fault or {})["id"]) == (JobState.FAILED, "processing.storage")
    assert spooled(scene) == ["pbx/in.wav", "pbx/out.wav"]
    assert {path.name for path in scene.work.rglob("*.wav")} == {"mixed.wav", "stereo.wav"}


def test_what_cannot_be_deleted_is_in_the_failed_list_and_the_recording_stays_ready(
        scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    unlink = os.unlink

    def refuse(path: Path | str, **named: object) -> None:
        if str(path).endswith("in.wav"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        unlink(path, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "unlink", refuse)
    scene.finish(attempts=1)
    fault = scene.job().fault
    assert fault is not None
    assert (fault["id"], scene.job().state, scene.job().step) == ("processing.cleaning", JobState.FAILED, "clean")
    assert "in.wav: Permission denied" in str(fault["message"])
    assert scene.kept().recording.state is RecordingState.READY
    assert (spooled(scene), scene.leftovers()) == (["pbx/in.wav"], [])
    monkeypatch.undo()
    scene.retry()
    scene.finish()
    assert (spooled(scene), scene.job().state) == ([], JobState.DONE)


def test_on_failure_everything_stays(scene: Scene) -> None:
    taken = scene.places.destination / "2023" / f"{scene.recording}.json"
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"not ours")
    scene.finish(attempts=1)
    assert scene.kept().recording.state is RecordingState.FAILED
    assert spooled(scene) == ["pbx/in.wav", "pbx/out.wav"]
    assert {path.name for path in scene.work.rglob("*.wav")} == {"mixed.wav", "stereo.wav"}
