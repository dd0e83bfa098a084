"""Never: something deleted before its copy is verified.

What the switch recorded stays where it is, unless the settings say otherwise. What we composed, and what the switch
recorded if it goes, is deleted only when the stored files stand whole.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger import jobs, recordings
from processing.files import sha256_of
from recorder.states import RecordingState
from tests import keys
from tests.processing.crashing import points
from tests.processing.scene import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A recording whose destination is another file system, so that publishing copies."""
    memory = Path(tempfile.mkdtemp(dir="/dev/shm"))
    made = Scene(tmp_path, memory, seconds=0.5)
    made.record()
    made.enqueue()
    yield made
    shutil.rmtree(memory)


def _work(scene: Scene, at: str, deed: Callable[[], None]) -> None:
    """Work once; do the deed at the first point of that name."""
    done: list[str] = []

    def checkpoint(point: str) -> None:
        if point == at and not done:
            done.append(point)
            deed()

    ledger = scene.ledger()
    scene.worker(ledger, checkpoint=checkpoint).work_once()
    ledger.close()
    assert done


def _fault(scene: Scene) -> object:
    ledger = scene.ledger()
    with ledger.reading() as connection:
        job = jobs.get(connection, scene.recording)
    ledger.close()
    return job.fault and job.fault["id"]


def _composed(scene: Scene) -> set[str]:
    return {path.name for path in scene.work.rglob("*.wav")}


def test_what_the_switch_recorded_is_there_at_every_point(scene: Scene) -> None:
    before = {path: path.read_bytes() for path in scene.spool.rglob("*.wav")}
    assert len(before) == 2

    def look() -> None:
        assert {path: path.read_bytes() for path in scene.spool.rglob("*")if path.is_file()} == before

    assert points(scene, look)


def test_composed_files_stay_until_the_manifest_is_published(scene: Scene) -> None:
    seen: list[tuple[bool, bool]] = []
    points(scene, lambda: seen.append((_composed(scene) >= {"mixed.wav", "stereo.wav"},
                                       any(name.endswith(".json") for name in scene.visible()))))
    composed_from = seen.index((True, False))
    assert all(composed or published for composed, published in seen[composed_from:])


@pytest.mark.parametrize("encrypted", [False, True])
def test_what_the_switch_recorded_goes_only_when_all_that_was_made_of_it_stands_whole(
        scene: Scene, tmp_path: Path, encrypted: bool) -> None:
    with keys.listener() as listener:
        if encrypted:
            scene.key = tmp_path / "key"
            scene.key.write_bytes(listener.public(listener.make("listener@voice.example")))
        scene.recorded = not encrypted
        before = {path: path.read_bytes() for path in scene.spool.rglob("*.wav")}
        seen: list[tuple[bool, dict[str, str]]] = []

        def look() -> None:
            there = {path: path.read_bytes() for path in scene.spool.rglob("*.wav")} == before
            seen.append((there, {name: sha256_of(path) for name, path in scene.visible().items()}))

        points(scene, look)
    last = seen[-1][1]
    assert len(last) == 3
    gone = [stored for there, stored in seen if not there]
    assert gone
    assert all(stored == last for stored in gone)
    assert seen[0][0]


def test_nothing_goes_if_the_store_does_not_stand_by_its_copy(scene: Scene) -> None:
    scene.recorded = True
    def spoil() -> None:
        scene.visible()[f"2023/{scene.recording}.wav"].write_bytes(b"spoilt")

    _work(scene, "finished", spoil)
    assert _fault(scene) == "processing.storage"
    assert _composed(scene) == {"mixed.wav", "stereo.wav"}
    assert sorted(path.name for path in scene.spool.rglob("*.wav")) == ["in.wav", "out.wav"]


def test_a_copy_that_is_not_what_was_written_is_not_published(scene: Scene) -> None:
    def spoil() -> None:
        (part,) = scene.places.destination.rglob("*.part")
        content = bytearray(part.read_bytes())
        content[100] ^= 1
        part.write_bytes(content)

    _work(scene, "store: synced .part", spoil)
    assert (_fault(scene), scene.visible()) == ("processing.storage", {})
    assert _composed(scene) == {"mixed.wav", "stereo.wav"}
    scene.finish()
    assert len(scene.visible()) == 3


def test_composed_files_stay_if_a_published_one_is_gone(scene: Scene) -> None:
    _work(scene, "store: committed", lambda: scene.visible()[f"2023/{scene.recording}.wav"].unlink())
    assert _fault(scene) == "processing.storage"
    assert _composed(scene) == {"mixed.wav", "stereo.wav"}


def test_composed_files_stay_if_a_published_one_was_cut(scene: Scene) -> None:
    def cut() -> None:
        with scene.visible()[f"2023/{scene.recording}-stereo.wav"].open("r+b") as file:
            file.truncate(1000)

    _work(scene, "store: committed", cut)
    assert _fault(scene) == "processing.storage"
    assert _composed(scene) == {"mixed.wav", "stereo.wav"}


def test_the_failed_list_deletes_nothing(scene: Scene) -> None:
    taken = scene.places.destination / "2023" / f"{scene.recording}.wav"
    taken.parent.mkdir()
    taken.write_bytes(b"not ours")
    ledger = scene.ledger()
    worker = scene.worker(ledger, attempts=1)
    worker.work_once()
    with ledger.reading() as connection:
        state = recordings.get(connection, scene.recording).recording.state
    ledger.close()
    assert state is RecordingState.FAILED
    assert _composed(scene) == {"mixed.wav", "stereo.wav"}
    assert sorted(path.name for path in scene.spool.rglob("*.wav")) == ["in.wav", "out.wav"]
