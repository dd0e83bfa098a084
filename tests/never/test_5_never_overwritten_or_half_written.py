"""Never: a file overwritten, or seen half-written.

The worker is killed with SIGKILL after every commit and every effect on a disk, as it names them itself. Whoever reads
the destination at that moment finds only whole files; a restart leaves one set of files and one state.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger import jobs, recordings
from ledger.jobs import JobState
from policy.types import RecordingTarget
from processing.worker import Worker
from recorder.states import FINAL_RECORDING, RecordingState
from tests import keys, manifests
from tests.keys import Listener
from tests.processing.crashing import killed_at, points
from tests.processing.scene import Scene, assert_whole, noise, wav_bytes
from tests.processing.serving import both_ways, served


@pytest.fixture(params=["the same file system", "another file system"])
def folders(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """The folder of a scene, and one for its destination."""
    if request.param == "the same file system":
        yield tmp_path / "scene", tmp_path / "recordings"
        return
    memory = Path(tempfile.mkdtemp(dir="/dev/shm"))
    assert memory.stat().st_dev != tmp_path.stat().st_dev
    yield tmp_path / "scene", memory / "recordings"
    shutil.rmtree(memory)


def _scene(folder: Path, destination: Path) -> Scene:
    scene = Scene(folder, destination, seconds=0.5)
    # A killed Asterisk leaves the lengths at zero: mending them is an effect, too.
    broken = bytearray(wav_bytes(noise(0.5, 1)))
    broken[4:8] = broken[40:44] = bytes(4)
    scene.write("pbx/in.wav", bytes(broken))
    scene.write("pbx/out.wav", wav_bytes(noise(0.5, 2)))
    scene.enqueue()
    return scene


@pytest.mark.timeout(300)
def test_a_kill_at_any_point_leaves_whole_files_and_one_end(folders: tuple[Path, Path]) -> None:
    folder, destination = folders
    _scene(folder / "before", destination / "before")
    reader = _again(folder, destination, "reader")
    names = points(reader, lambda: _assert_all_whole(reader))
    assert {"compose: mended .wav", "store: remembered", "store: committed", "finished", "cleaned"} <= set(names)
    expected = {name: path.read_bytes() for name, path in reader.visible().items()}
    assert len(expected) == 3

    for number, name in enumerate(names):
        scene = _again(folder, destination, str(number))
        killed_at(scene, number)
        _assert_all_whole(scene)
        scene.finish()
        found = {name: path.read_bytes() for name, path in scene.visible().items()}
        assert found == expected, name
        assert scene.leftovers() == [], name
        _assert_one_end(scene, name)


def test_a_kill_at_any_point_of_a_recording_that_a_server_has_leaves_one_manifest_and_one_end(tmp_path: Path) -> None:
    before = served(tmp_path / "before", RecordingTarget.SIPREC, *both_ways(0.1, 0.5), seconds=0.5)
    before.enqueue()
    reader = _again(tmp_path, tmp_path / "recordings", "reader")
    names = points(reader, lambda: _assert_all_whole(reader))
    assert {"verify: committed", "store: committed", "finished", "cleaned"} <= set(names)
    expected = {name: path.read_bytes() for name, path in reader.visible().items()}
    assert [Path(name).suffix for name in expected] == [".json"]

    for number, name in enumerate(names):
        scene = _again(tmp_path, tmp_path / "recordings", str(number))
        killed_at(scene, number)
        _assert_all_whole(scene)
        scene.finish()
        assert {name: path.read_bytes() for name, path in scene.visible().items()} == expected, name
        assert scene.leftovers() == [], name
        _assert_one_end(scene, name)


@pytest.mark.timeout(300)
def test_a_kill_at_any_point_of_an_encrypted_recording_leaves_whole_files_and_one_end(tmp_path: Path) -> None:
    with keys.listener() as listener:
        key = tmp_path / "key"
        key.write_bytes(listener.public(listener.make("listener@voice.example")))
        _scene(tmp_path / "before", tmp_path / "none")
        scenes = _encrypted(tmp_path, key)
        reader = next(scenes)
        names = points(reader)
        assert {"encrypt: written .gpg", "encrypt: committed", "manifest: synced .gpg", "store: committed", "finished",
                "clean: deleted .wav", "cleaned"} <= set(names)
        expected = _opened(reader, listener)
        assert len(expected) == 3

        # The points of the steps before are those of a recording that is not encrypted.
        for number, name in list(enumerate(names))[names.index("name: committed"):]:
            scene = next(scenes)
            killed_at(scene, number)
            for path in scene.visible().values():
                listener.opened(path)
            scene.finish()
            assert _opened(scene, listener) == expected, name
            assert [*scene.leftovers(), *scene.spool.rglob("*.wav")] == [], name
            _assert_one_end(scene, name)


def _encrypted(folder: Path, key: Path) -> Iterator[Scene]:
    """The scene of the folder ``before`` with a key, again and again."""
    for number in itertools.count():
        shutil.copytree(folder / "before", folder / str(number))
        yield Scene(folder / str(number), seconds=0.5, key=key)


def _opened(scene: Scene, listener: Listener) -> dict[str, bytes]:
    """What is stored, decrypted; of the manifest what the kind of encryption does not change."""
    opened = {name: listener.opened(path) for name, path in scene.visible().items()}
    for name, content in opened.items():
        if name.endswith(".json.gpg"):
            document = manifests.checked(json.loads(content))
            for file in document["files"]:
                stored = scene.visible()[file["filename"]].read_bytes()
                assert hashlib.sha256(stored).hexdigest() == file["sha256"]
            opened[name] = json.dumps([file["encrypted"] for file in document["files"]]).encode()
    return opened


def _again(folder: Path, destination: Path, name: str) -> Scene:
    """The scene of the folder ``before``, once more."""
    shutil.copytree(folder / "before", folder / name)
    return Scene(folder / name, destination / name, seconds=0.5)


def _assert_all_whole(scene: Scene) -> None:
    for path in scene.visible().values():
        assert_whole(path)


def _assert_one_end(scene: Scene, point: str) -> None:
    ledger = scene.ledger()
    with ledger.reading() as connection:
        states = [state for state, _ in recordings.history(connection, scene.recording)]
        job = jobs.get(connection, scene.recording)
    ledger.close()
    assert [state for state in states if state in FINAL_RECORDING] == [RecordingState.READY], point
    assert job.state is JobState.DONE, point


def test_another_file_of_that_name_is_never_overwritten(folders: tuple[Path, Path]) -> None:
    scene = _scene(*folders)
    base = folders[1] / "2023" / scene.recording
    base.parent.mkdir(parents=True)
    theirs = base.with_suffix(".wav")
    theirs.write_bytes(b"not ours")
    ledger = scene.ledger()
    worker: Worker = scene.worker(ledger, attempts=1)
    worker.work_once()
    with ledger.reading() as connection:
        fault = jobs.get(connection, scene.recording).fault
    ledger.close()
    assert fault is not None
    assert fault["id"] == "processing.destination-exists"
    assert theirs.read_bytes() == b"not ours"
    assert list(scene.visible()) == [f"2023/{scene.recording}.wav"]


def test_two_recordings_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    first, second = (Scene(tmp_path / name, tmp_path / "recordings", seconds=length, template="{{year}}")
                     for name, length in (("first", 0.5), ("second", 1.0)))
    for scene in (first, second):
        scene.record()
        scene.enqueue()
        scene.finish()
    assert {name: path.stat().st_size for name, path in first.visible().items() if name.endswith(".wav")} == {
        "2023.wav": 44 + 8_000, "2023-stereo.wav": 44 + 16_000}


def test_a_slow_worker_that_was_taken_over_does_not_write_into_published_files(tmp_path: Path) -> None:
    """It still writes into its own unfinished files while the other worker publishes."""
    scene = _scene(tmp_path, tmp_path / "recordings")
    ledger = scene.ledger()
    other = scene.worker(ledger)
    published: dict[str, bytes] = {}

    def overtaken(point: str) -> None:
        if point == "compose: created .wav" and not published:
            scene.clock.now += 61
            other.work_once()
            published.update({name: path.read_bytes() for name, path in scene.visible().items()})

    scene.worker(ledger, checkpoint=overtaken).work_once()
    ledger.close()
    assert len(published) == 3
    assert {name: path.read_bytes() for name, path in scene.visible().items()} == published


def test_a_slow_worker_does_not_touch_what_another_one_composed(tmp_path: Path) -> None:
    """It composes while a third worker publishes what the second one has composed."""
    scene = _scene(tmp_path, tmp_path / "recordings")
    ledger = scene.ledger()
    third = scene.worker(ledger)

    def stop_second(point: str) -> None:
        if point == "compose: committed":
            second.stop()

    second = scene.worker(ledger, checkpoint=stop_second)

    def overtaken(point: str) -> None:
        if point == "verify: committed":
            scene.clock.now += 61
            second.work_once()
        if point == "compose: created .wav":
            third.work_once()
            seen.update({name: path.read_bytes() for name, path in scene.visible().items()})

    seen: dict[str, bytes] = {}
    scene.worker(ledger, checkpoint=overtaken).work_once()
    ledger.close()
    assert len(seen) == 3
    assert {name: path.read_bytes() for name, path in scene.visible().items()} == seen
    _assert_all_whole(scene)


def test_a_slow_worker_that_was_taken_over_leaves_nothing_behind(tmp_path: Path) -> None:
    scene = _scene(tmp_path, tmp_path / "recordings")
    ledger = scene.ledger()
    other = scene.worker(ledger)

    def overtaken(point: str) -> None:
        if point == "verify: committed":
            scene.clock.now += 61
            other.work_once()

    scene.worker(ledger, checkpoint=overtaken).work_once()
    ledger.close()
    assert len(scene.visible()) == 3
    assert not list(scene.work.rglob("*.wav"))
