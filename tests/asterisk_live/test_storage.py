"""Real calls whose recordings end after a time, go into a real S3 server, and expire."""

from pathlib import Path

import numpy as np
import pytest

from ledger import Ledger
from ledger.tables import recordings
from tests.announcing import CHIME, beeps, put_sound, told
from tests.asterisk import AsteriskServer
from tests.hearing import tones
from tests.phone import Phones
from tests.phonograph import Json, Phonograph
from tests.processing.scene import assert_whole
from tests.recorded import ALICE, BOB, clear, converse, said
from tests.seaweed import SeaweedServer
from tests.sounds import RATE

pytestmark = pytest.mark.asterisk

LONGEST = 3.0


async def test_a_recording_ends_when_its_time_is_over_and_the_parties_hear_so(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    put_sound(asterisk)
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    limits = {"maximum_duration": LONGEST, "maximum_duration_sound": "custom/consent"}
    async with Phonograph(asterisk, tmp_path, policy="record: all\n", limits=limits) as service:
        talk = await converse(service, alice, bob, "102", seconds=8.0)

        assert talk.recording["state"] == "ready"
        assert LONGEST <= talk.recording["seconds"] < 7.0
        assert "longest duration" in talk.recording["reason"]
        left, right = talk.tracks()
        assert clear(said(talk.caller, ALICE)[:2 * RATE], left)
        assert tones(left, CHIME) == tones(right, CHIME) == []
        assert len(beeps(talk.caller, CHIME)) == len(beeps(talk.callee, CHIME)) == 1
        one, other = told(talk.row)
        assert sorted([*one["parties"], *other["parties"]]) == ["alice", "bob"]
        # The call went on as long as its parties wanted.
        assert talk.row["ended"] - talk.row["connected"] > 7.0


def _settings(seaweed: SeaweedServer, bucket: str, folder: Path) -> Json:
    secret = folder / "secret"
    secret.write_text(seaweed.secret_key)
    return {"storage": {"first": "archive", "backup": "local", "stores": {"archive": {
        "bucket": bucket, "endpoint": seaweed.endpoint, "access_key": seaweed.access_key,
        "secret_key_file": str(secret)}}}}


async def test_a_recording_goes_into_s3_is_fetched_and_expires(
        asterisk: AsteriskServer, phones: Phones, seaweed: SeaweedServer, tmp_path: Path) -> None:
    bucket = seaweed.bucket()
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    own = _settings(seaweed, bucket, tmp_path)
    service = Phonograph(asterisk, tmp_path / "service", policy="record: all\n", **own)
    await service.start()
    try:
        talk = await converse(service, alice, bob, "102", seconds=3.0)
        recording = talk.recording["id"]
        assert (talk.recording["state"], talk.recording["store"]) == ("ready", "archive")
        assert list((service.folder / "recordings").rglob("*")) == []
        status, _ = await service.cli("recordings", "get", recording, str(tmp_path / "fetched"))
        assert status == 0
        fetched = sorted((tmp_path / "fetched").iterdir())
        assert len(fetched) == 3
        for file in fetched:
            assert_whole(file)
        assert np.any(np.frombuffer(fetched[0].read_bytes()[-1000:], np.uint8))
    finally:
        await service.stop()
    _make_old(service.folder / "ledger.sqlite")
    async with Phonograph(asterisk, service.folder, policy="record: all\n", limits={"expiration_days": 30},
                          **own) as later:
        async def deleted() -> bool:
            shown = await later.get(f"/recordings/{recording}")
            return all(file["deleted"] is not None for file in shown["artefacts"])

        await later.until(deleted, "did not delete what has expired")
        assert (await later.get(f"/recordings/{recording}"))["state"] == "expired"
        status, shown = await later.cli("recordings", "show", recording)
        assert (status, "expired" in shown, "(deleted " in shown) == (0, True, True)
    assert "Contents" not in seaweed.client().list_objects_v2(Bucket=bucket)
    assert not any(recording in str(path) for path in asterisk.recordings.rglob("*.wav"))


def _make_old(path: Path) -> None:
    """Every recording of a ledger ended a year ago."""
    ledger = Ledger.open(path)
    with ledger.transaction() as connection:
        connection.execute(recordings.update().values(ended=recordings.c.ended - 365 * 86_400.0))
    ledger.close()
