"""Recordings whose time is over: their files go, wherever they are, whoever dies on the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from faults import StorageUnreachable
from ledger import artefacts, recordings
from processing.expiry import DAY_S, Reaper
from processing.stores.choice import Stores
from recorder.states import RecordingState
from tests.processing.scene import Scene
from tests.processing.stores.objects import nothing, store
from tests.seaweed import SeaweedServer


class Killed(BaseException):
    """The process ends here."""


def finished(folder: Path, stores: Stores | None = None) -> Scene:
    """A recording whose job is done."""
    scene = Scene(folder)
    if stores is not None:
        scene.stores = stores
    scene.record()
    scene.enqueue()
    scene.finish()
    return scene


def reap(scene: Scene, days: float | None, *, checkpoint: Callable[[str], None] = nothing,
         stores: Stores | None = None) -> None:
    ledger = scene.ledger()
    try:
        Reaper(ledger, stores or scene.stores, scene.places, days, clock=scene.clock, checkpoint=checkpoint).turn()
    finally:
        ledger.close()


def state(scene: Scene) -> RecordingState:
    ledger = scene.ledger()
    with ledger.reading() as connection:
        found = recordings.get(connection, scene.recording).recording.state
    ledger.close()
    return found


def left(scene: Scene) -> list[str]:
    """The kinds that the ledger has as not deleted."""
    ledger = scene.ledger()
    with ledger.reading() as connection:
        found = [one.kind for one in artefacts.of(connection, scene.recording) if one.deleted is None]
    ledger.close()
    return found


def test_without_a_limit_nothing_expires(tmp_path: Path) -> None:
    scene = finished(tmp_path)
    scene.clock.now += 1e9
    reap(scene, None)
    assert state(scene) is RecordingState.READY
    assert len(scene.visible()) == 3


def test_before_its_time_nothing_is_touched(tmp_path: Path) -> None:
    scene = finished(tmp_path)
    reap(scene, 1.0)
    assert state(scene) is RecordingState.READY
    assert len(scene.visible()) == 3
    assert len(list(scene.spool.rglob("*.wav"))) == 2


def test_when_its_time_is_over_every_file_of_it_goes(tmp_path: Path) -> None:
    scene = finished(tmp_path)
    stranger = scene.write("pbx/other.wav", b"another recording's")
    scene.clock.now += 2 * DAY_S
    reap(scene, 1.0)
    assert state(scene) is RecordingState.EXPIRED
    assert scene.visible() == {}
    assert left(scene) == []
    assert list(scene.spool.rglob("*.wav")) == [stranger]
    reap(scene, 1.0)


def test_who_is_killed_anywhere_goes_on_at_the_next_start(tmp_path: Path) -> None:
    points: list[str] = []
    scene = finished(tmp_path / "whole")
    scene.clock.now += 2 * DAY_S
    reap(scene, 1.0, checkpoint=points.append)
    assert points.count("file deleted") == 3
    for number in range(len(points)):
        scene = finished(tmp_path / str(number))
        scene.clock.now += 2 * DAY_S
        passed: list[str] = []

        def die(point: str, passed: list[str] = passed, number: int = number) -> None:
            passed.append(point)
            if len(passed) == number + 1:
                raise Killed

        with pytest.raises(Killed):
            reap(scene, 1.0, checkpoint=die)
        reap(scene, None)  # even if the limit was taken out of the settings meanwhile: it has expired
        assert (state(scene), scene.visible(), left(scene)) == (RecordingState.EXPIRED, {}, [])
        assert list(scene.spool.rglob("*.wav")) == []


def test_a_turn_that_is_stopped_ends_after_the_file_at_hand(tmp_path: Path) -> None:
    scene = finished(tmp_path)
    scene.clock.now += 2 * DAY_S
    ledger = scene.ledger()

    def stop(point: str) -> None:
        if point == "file deleted":
            reaper.stop()

    reaper = Reaper(ledger, scene.stores, scene.places, 1.0, clock=scene.clock, checkpoint=stop)
    reaper.turn()
    ledger.close()
    assert len(scene.visible()) == 2
    reap(scene, 1.0)
    assert scene.visible() == {}


def test_the_manifest_goes_first(tmp_path: Path) -> None:
    scene = finished(tmp_path)
    scene.clock.now += 2 * DAY_S

    def look(point: str) -> None:
        if point == "file deleted":
            assert not any(name.endswith(".json") for name in scene.visible())

    reap(scene, 1.0, checkpoint=look)


class Failing:
    """A store that does not answer."""

    name = "local"

    def delete(self, name: str) -> None:
        raise StorageUnreachable("No.")


def test_a_store_that_fails_is_tried_again_the_next_time(tmp_path: Path) -> None:
    scene = finished(tmp_path)
    scene.clock.now += 2 * DAY_S
    reap(scene, 1.0, stores=Stores.of(Failing()))  # type: ignore[arg-type]
    assert state(scene) is RecordingState.EXPIRED
    assert len(left(scene)) == len(scene.visible()) == 3
    reap(scene, 1.0)
    assert (scene.visible(), left(scene)) == ({}, [])


def test_a_store_that_is_in_the_settings_no_more_is_said_and_waited_for(tmp_path: Path) -> None:
    scene = finished(tmp_path)
    scene.clock.now += 2 * DAY_S
    other = Failing()
    other.name = "other"
    reap(scene, 1.0, stores=Stores.of(other))  # type: ignore[arg-type]
    assert len(left(scene)) == 3


def test_files_in_s3_go_and_so_does_a_copy_that_was_left_in_the_backup(seaweed: SeaweedServer, tmp_path: Path) -> None:
    bucket = seaweed.bucket()
    local = Scene(tmp_path).stores.named("local")
    archive = store(seaweed, bucket)
    both = Stores({"archive": archive, "local": local}, "archive", "local", clock=time.monotonic)
    scene = finished(tmp_path, both)
    assert scene.visible() == {}
    names = [one["Key"] for one in seaweed.client().list_objects_v2(Bucket=bucket)["Contents"]]
    wav = next(name for name in names if name.endswith("-stereo.wav"))
    copy, other = (scene.folder / "recordings" / name for name in (wav, wav.replace("-stereo", "")))
    copy.parent.mkdir(parents=True)
    copy.write_bytes(seaweed.client().get_object(Bucket=bucket, Key=wav)["Body"].read())
    other.write_bytes(b"somebody else's, of the same name")
    scene.clock.now += 2 * DAY_S
    reap(scene, 1.0)
    assert "Contents" not in seaweed.client().list_objects_v2(Bucket=bucket)
    assert list(scene.visible().values()) == [other]
    assert left(scene) == []
