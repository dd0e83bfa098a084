"""Encrypted recordings in a real S3 server: nothing readable is there, and nothing here goes before it is stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import artefacts
from processing.stores.choice import Stores
from tests.keys import Listener
from tests.processing.scene import Scene
from tests.processing.stores.objects import store
from tests.seaweed import SeaweedServer
from tests.troubled import Troubled

MAIL = "listener@voice.example"


@pytest.fixture
def key(listener: Listener, tmp_path: Path) -> Path:
    """The file of the listener's public key."""
    path = tmp_path / "public.asc"
    path.write_bytes(listener.public(MAIL))
    return path


def recorded(folder: Path, key: Path, stores: Stores) -> Scene:
    scene = Scene(folder, key=key)
    scene.stores = stores
    scene.record()
    scene.enqueue()
    return scene


def test_the_bucket_has_what_gpg_opens_and_the_plaintext_is_gone(seaweed: SeaweedServer, listener: Listener, key: Path,
                                                                 tmp_path: Path) -> None:
    bucket = seaweed.bucket()
    scene = recorded(tmp_path / "scene", key, Stores.of(store(seaweed, bucket)))
    scene.finish()
    plain = seaweed.client()
    names = sorted(one["Key"] for one in plain.list_objects_v2(Bucket=bucket)["Contents"])
    assert [name.partition(scene.recording)[2] for name in names] == ["-stereo.wav.gpg", ".json.gpg", ".wav.gpg"]
    fetched = tmp_path / "fetched.gpg"
    fetched.write_bytes(plain.get_object(Bucket=bucket, Key=names[0])["Body"].read())
    assert listener.opened(fetched).startswith(b"RIFF")
    assert list(scene.spool.rglob("*.wav")) == []
    assert scene.leftovers() == []
    ledger = scene.ledger()
    with ledger.reading() as connection:
        assert sorted(one.name for one in artefacts.of(connection, scene.recording)) == names
    ledger.close()


def test_the_plaintext_stays_while_the_store_hangs(seaweed: SeaweedServer, key: Path, tmp_path: Path) -> None:
    bucket = seaweed.bucket()
    with Troubled(seaweed.port) as way:
        way.hangs = True
        hanging = Stores.of(store(seaweed, bucket, endpoint=way.endpoint, timeout=0.5))
        scene = recorded(tmp_path / "scene", key, hanging)
        scene.clock.now += 1_000
        ledger = scene.ledger()
        assert scene.worker(ledger, attempts=1).work_once()
        ledger.close()
    assert len(list(scene.spool.rglob("*.wav"))) == 2
    fault = scene.job().fault
    assert fault is not None
    assert fault["id"] == "processing.storage-unreachable"
