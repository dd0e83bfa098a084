"""A first store and its backup: who takes a recording when the first one fails, and what stays until one has it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from faults import DestinationExists, StorageRefused, StorageUnreachable
from ledger import artefacts, jobs, recordings
from ledger.jobs import JobState
from processing.stores import Store
from processing.stores.choice import REST_S, Stores
from recorder.states import RecordingState
from tests.processing.scene import Scene, assert_whole
from tests.processing.stores.objects import store
from tests.seaweed import SeaweedServer
from tests.troubled import Troubled


class Named:
    """A store of which only the name matters."""

    def __init__(self, name: str) -> None:
        self.name = name


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def both(clock: Time) -> Stores:
    every: Any = {name: Named(name) for name in ("first", "second")}
    return Stores(every, "first", "second", clock=clock)


def failing(tried: list[str], *names: str, error: Exception | None = None) -> Any:
    """Puts into a store; into those of these names it fails."""
    def put(into: Store) -> str:
        tried.append(into.name)
        if into.name in names:
            raise error or StorageUnreachable(f"{into.name} is down.")
        return into.name

    return put


def test_the_first_store_has_it() -> None:
    assert both(Time()).keep(failing([])) == "first"


@pytest.mark.parametrize("error", [StorageUnreachable("No answer."), StorageRefused("403."), OSError(28, "full")])
def test_the_backup_takes_over(error: Exception) -> None:
    assert both(Time()).keep(failing([], "first", error=error)) == "second"


def test_a_name_that_is_taken_is_no_failure_of_the_store() -> None:
    tried: list[str] = []
    with pytest.raises(DestinationExists):
        both(Time()).keep(failing(tried, "first", error=DestinationExists("Taken.")))
    assert tried == ["first"]


def test_a_first_store_that_failed_is_left_alone_for_a_while() -> None:
    clock, tried = Time(), list[str]()
    stores = both(clock)
    stores.keep(failing(tried, "first"))
    stores.keep(failing(tried, "first"))
    assert tried == ["first", "second", "second"]
    clock.now += REST_S
    assert stores.keep(failing(tried)) == "first"


def test_when_both_fail_both_are_named() -> None:
    with pytest.raises(StorageUnreachable, match=r"first is down\. Nor did the backup take it: second is down"):
        both(Time()).keep(failing([], "first", "second"))


def test_without_a_backup_the_fault_is_the_stores_own() -> None:
    alone: Any = Named("first")
    with pytest.raises(StorageUnreachable, match="first is down"):
        Stores.of(alone).keep(failing([], "first"))


def recorded(folder: Path, stores: Stores) -> Scene:
    scene = Scene(folder)
    scene.stores = stores
    scene.record()
    scene.enqueue()
    return scene


def with_local(folder: Path, archive: Store) -> Stores:
    local = Scene(folder).stores.named("local")
    return Stores({"archive": archive, "local": local}, "archive", "local", clock=time.monotonic)


def where(scene: Scene) -> tuple[RecordingState, set[str]]:
    """The recording's state, and the stores that its files are in."""
    ledger = scene.ledger()
    with ledger.reading() as connection:
        found = recordings.get(connection, scene.recording)
        stores = {one.store for one in artefacts.of(connection, scene.recording)}
    ledger.close()
    assert stores <= {(found.result or {}).get("store")}
    return found.recording.state, stores


def test_a_recording_goes_into_s3_and_nothing_of_it_stays_in_the_work_folder(seaweed: SeaweedServer,
                                                                             tmp_path: Path) -> None:
    bucket = seaweed.bucket()
    scene = recorded(tmp_path, with_local(tmp_path, store(seaweed, bucket, prefix="calls/")))
    scene.finish()
    assert where(scene) == (RecordingState.READY, {"archive"})
    assert (scene.visible(), scene.leftovers()) == ({}, [])
    plain = seaweed.client()
    for one in plain.list_objects_v2(Bucket=bucket)["Contents"]:
        target = tmp_path / "fetched" / Path(one["Key"]).name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(plain.get_object(Bucket=bucket, Key=one["Key"])["Body"].read())
    for file in (tmp_path / "fetched").iterdir():
        assert_whole(file)


class Killed(BaseException):
    """The process ends here."""


def test_whoever_dies_at_any_point_the_recording_is_there_once(seaweed: SeaweedServer, tmp_path: Path) -> None:
    def scene_of(name: str) -> tuple[Scene, str]:
        bucket = seaweed.bucket()
        return recorded(tmp_path / name, Stores.of(store(seaweed, bucket))), bucket

    points: list[str] = []
    scene, _ = scene_of("whole")
    scene.clock.now += 1_000
    ledger = scene.ledger()
    scene.worker(ledger, checkpoint=points.append).work_once()
    ledger.close()
    first = next(number for number, point in enumerate(points) if point.startswith("store: "))
    assert points.count("store: uploaded") == 3
    for number in range(first, len(points)):
        scene, bucket = scene_of(str(number))
        passed: list[str] = []

        def die(point: str, passed: list[str] = passed, number: int = number) -> None:
            passed.append(point)
            if len(passed) == number + 1:
                raise Killed

        scene.clock.now += 1_000
        ledger = scene.ledger()
        with pytest.raises(Killed):
            scene.worker(ledger, checkpoint=die).work_once()
        ledger.close()
        scene.finish()
        assert where(scene) == (RecordingState.READY, {"archive"})
        assert len(seaweed.client().list_objects_v2(Bucket=bucket)["Contents"]) == 3
        assert scene.leftovers() == []


def test_the_backup_has_the_whole_recording_when_s3_fails_half_way(seaweed: SeaweedServer, tmp_path: Path) -> None:
    bucket = seaweed.bucket()
    with Troubled(seaweed.port) as way:
        scene = recorded(tmp_path, with_local(tmp_path, store(seaweed, bucket, endpoint=way.endpoint, timeout=2.0)))
        scene.clock.now += 1_000
        ledger = scene.ledger()

        def hang(point: str) -> None:
            way.hangs = way.hangs or point == "store: read back"  # the first of three files is there

        assert scene.worker(ledger, checkpoint=hang).work_once()
        ledger.close()
    assert where(scene) == (RecordingState.READY, {"local"})
    assert len(scene.visible()) == 3
    for file in scene.visible().values():
        assert_whole(file)


def test_while_no_store_takes_it_everything_stays_here(seaweed: SeaweedServer, tmp_path: Path) -> None:
    bucket = seaweed.bucket()
    key = (seaweed.reader_key, seaweed.reader_secret)
    scene = recorded(tmp_path, Stores.of(store(seaweed, bucket, key=key)))
    ledger = scene.ledger()
    worker = scene.worker(ledger, attempts=2)
    for _ in range(2):
        scene.clock.now += 1_000
        assert worker.work_once()
        assert len(list(scene.spool.rglob("*.wav"))) == 2
        assert len(list(scene.work.rglob("*.wav"))) >= 2
    with ledger.reading() as connection:
        (job,) = jobs.listing(connection, JobState.FAILED)
    ledger.close()
    assert job.fault is not None
    assert job.fault["id"] == "processing.storage"
    assert "AccessDenied" in str(job.fault["message"])
    assert seaweed.reader_secret not in json.dumps(job.fault)
    assert where(scene) == (RecordingState.FAILED, set())
    scene.stores = Stores.of(store(seaweed, bucket))
    ledger = scene.ledger()
    with ledger.transaction() as connection:
        jobs.retry_failed(connection, scene.recording, scene.clock.now)
    ledger.close()
    scene.finish()
    assert where(scene) == (RecordingState.READY, {"archive"})


def test_nothing_here_goes_when_the_stored_copy_is_found_damaged_before_cleaning(seaweed: SeaweedServer,
                                                                                 tmp_path: Path) -> None:
    bucket = seaweed.bucket()
    scene = recorded(tmp_path, Stores.of(store(seaweed, bucket)))

    def damage(point: str) -> None:
        if point == "finished":
            key = f"2023/{scene.recording}.wav"
            seaweed.client().put_object(Bucket=bucket, Key=key, Body=b"damaged")

    scene.clock.now += 1_000
    ledger = scene.ledger()
    assert scene.worker(ledger, checkpoint=damage).work_once()
    ledger.close()
    assert len(list(scene.work.rglob("*.wav"))) >= 2
