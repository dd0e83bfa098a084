"""What should not be: each is a named fault in the failed list, and no file is lost."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults import NameTemplateInvalid
from ledger.jobs import JobState
from recorder.states import RecordingState
from tests.keys import Listener
from tests.processing.scene import Scene, noise, wav_bytes

WHOLE = wav_bytes(noise(4, 2))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A whole recording, whose recorded files would go in the end."""
    made = Scene(tmp_path / "scene", recorded=True)
    made.record()
    made.enqueue()
    return made


def fault(scene: Scene) -> tuple[object, object]:
    """The fault of the job in the failed list: its id and message."""
    job = scene.job()
    assert job.state is JobState.FAILED
    assert job.fault is not None
    return job.fault["id"], job.fault["message"]


def spooled(scene: Scene) -> list[str]:
    return sorted(path.name for path in scene.spool.rglob("*.wav"))


@pytest.mark.parametrize(("content", "said"), [
    (WHOLE[:40_000], "pbx/out.wav: the data length says 64000 bytes, the file holds 39956"),
    (WHOLE[:20], "pbx/out.wav: The chunk b'fmt ' is longer than the file"),
    (b"", "pbx/out.wav: The file is empty"),
    (b"MThd" + bytes(100), "pbx/out.wav: The file is not RIFF/WAVE"),
], ids=["cut in its audio", "cut in its header", "empty", "no WAV"])
def test_a_truncated_file(scene: Scene, content: bytes, said: str) -> None:
    scene.write("pbx/out.wav", content)
    scene.finish()
    named, message = fault(scene)
    assert (named, said in str(message)) == ("media.wav-invalid", True)
    assert scene.kept().recording.state is RecordingState.INCOMPLETE
    assert (spooled(scene), len(scene.visible())) == (["in.wav", "out.wav"], 3)


def test_a_missing_track(scene: Scene) -> None:
    (scene.spool / "pbx/out.wav").unlink()
    scene.finish()
    assert fault(scene) == ("media.track-missing", "What the switch recorded is not there: pbx/out.wav.")
    assert scene.kept().recording.state is RecordingState.INCOMPLETE
    assert (spooled(scene), len(scene.visible())) == (["in.wav"], 3)


def test_a_retry_makes_it_anew_once_the_file_is_there(scene: Scene) -> None:
    (scene.spool / "pbx/out.wav").rename(scene.folder / "elsewhere.wav")
    scene.finish()
    (scene.folder / "elsewhere.wav").rename(scene.spool / "pbx/out.wav")
    scene.retry()
    scene.finish()
    kept = scene.kept()
    assert (kept.recording.state, scene.job().state, kept.files["mixed"]) == (
        RecordingState.READY, JobState.DONE, f"2023/{scene.recording}-2.wav")
    assert spooled(scene) == []


def test_a_header_that_a_killed_switch_left_at_zero_is_no_fault(scene: Scene) -> None:
    scene.write("pbx/out.wav", WHOLE[:40] + bytes(4) + WHOLE[44:])
    scene.finish()
    assert (scene.job().state, scene.kept().recording.state) == (JobState.DONE, RecordingState.READY)


def test_an_unknown_field_in_the_name_is_refused_before_there_is_a_recording(scene: Scene) -> None:
    scene.template = "{{caller}}"
    with pytest.raises(NameTemplateInvalid, match="There is no field"):
        scene.steps()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 140 kB: the mixed file fits, the stereo file does not."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=140k", "tmpfs", str(folder)], capture_output=True,
                          check=False)
    if made.returncode != 0:
        pytest.skip("a small file system can only be mounted as root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("what", ["the store", "the work folder", "the work folder, encrypting"])
def test_a_full_disk(tmp_path: Path, small: Path, what: str, listener: Listener) -> None:
    scene = Scene(tmp_path / "scene", small / "recordings" if what == "the store" else None, recorded=True)
    if what != "the store":
        scene.work.parent.mkdir()
        scene.work.symlink_to(small)
    if "encrypting" in what:
        scene.seconds = 1.5
        scene.key = tmp_path / "key"
        scene.key.write_bytes(listener.public("listener@voice.example"))
        scene.call = scene._call()
    scene.record()
    scene.enqueue()
    scene.finish(attempts=1)
    named, message = fault(scene)
    assert (named, "No space left on device" in str(message)) == (
        "processing.encryption" if "encrypting" in what else "processing.storage", True)
    assert scene.kept().recording.state is RecordingState.FAILED
    assert spooled(scene) == ["in.wav", "out.wav"]
    assert not [name for name in scene.visible() if name.endswith(".json")]
    subprocess.run(["mount", "-o", "remount,size=10m", str(small)], check=True)
    scene.retry()
    scene.finish()
    assert (scene.kept().recording.state, len(scene.visible()), spooled(scene)) == (RecordingState.READY, 3, [])
