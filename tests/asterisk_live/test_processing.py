"""After a real call: encrypted files that the listener opens, a program of the administrator's, and nothing left."""

import asyncio
import io
import json
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests import keys, manifests
from tests.asterisk import AsteriskServer
from tests.hearing import whose_audio
from tests.keys import Listener
from tests.meeting import VOICES, conference_of, meet, running, samples
from tests.phone import Phones
from tests.phonograph import Phonograph
from tests.recorded import ALICE, BOB, EVERYTHING, Conversation, clear, converse, said
from tests.sounds import RATE

pytestmark = pytest.mark.asterisk

MAIL = "listener@voice.example"


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with keys.listener() as found:
        found.make(MAIL)
        yield found


def recorded(server: AsteriskServer, talk: Conversation) -> list[Path]:
    """What the switch's spool has of a call."""
    return sorted(path for path in server.recordings.rglob("*.wav") if talk.recording["id"] in path.name)


async def cleaned(service: Phonograph, talk: Conversation) -> None:
    """Until the job has nothing left to do."""
    async def done() -> bool:
        return bool((await service.get(f"/recordings/{talk.recording['id']}"))["job"]["state"] == "done")

    await service.until(done, "has not cleaned up")


async def test_a_call_is_stored_encrypted_and_nothing_unencrypted_is_left(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path, listener: Listener) -> None:
    (tmp_path / "key.asc").write_bytes(listener.public(MAIL))
    told = tmp_path / "told"
    async with Phonograph(asterisk, tmp_path / "service", policy=EVERYTHING, should_encrypt=True,
                          encryption_key=str(tmp_path / "key.asc"), layouts=["mixed", "stereo", "parties"],
                          steps={"told": {"command": ["/bin/cp", "-t", str(told), "--"]}}) as service:
        told.mkdir()
        status, said_by_check = await service.cli("check")
        assert listener.fingerprint(MAIL) in said_by_check
        alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
        talk = await converse(service, alice, bob, "102")
        await cleaned(service, talk)
        recording = talk.recording
        assert (recording["state"], recording["key"], status) == ("ready", listener.fingerprint(MAIL), 0)
        files = {kind: Path(path) for kind, path in recording["files"].items()}
        assert sorted(files) == ["manifest", "mixed", "party-1", "party-2", "stereo"]
        assert all(path.name.endswith(".gpg") for path in files.values())
        with wave.open(io.BytesIO(listener.opened(files["stereo"]))) as file:
            frames = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).astype(np.int16)
        assert clear(said(talk.caller, ALICE, margin=0.5), frames[:, 0])
        assert clear(said(talk.callee, BOB, margin=0.5), frames[:, 1])
        document = manifests.checked(json.loads(listener.opened(files["manifest"])))
        assert json.loads((told / "manifest.json").read_text()) == document
        assert recorded(asterisk, talk) == []
        assert [path for path in (tmp_path / "service").rglob("*.wav*") if path.suffix == ".wav"] == []
        log = service.logs()
        for line in ("encryption is on", "names of finished files", "recording started",
                     "recording ended, its job begins", "file processed",
                     "encryption tried", "recording finished"):
            assert line in log


async def test_a_key_that_expires_meanwhile_keeps_the_call_until_there_is_a_good_one(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path, listener: Listener) -> None:
    key = tmp_path / "key.asc"
    key.write_bytes(listener.public(MAIL))
    async with Phonograph(asterisk, tmp_path / "service", policy=EVERYTHING, should_encrypt=True,
                          encryption_key=str(key), jobs={"attempts": 1}) as service:
        key.write_bytes(listener.public(listener.make("expired@voice.example", expired=True)))
        alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
        talk = await converse(service, alice, bob, "102", seconds=1.5)
        assert talk.recording["state"] == "failed"
        assert len(recorded(asterisk, talk)) == 2
        status, told = await service.cli("recordings", "show", talk.recording["id"])
        assert (status, "expired on 2020-12-31" in told) == (0, True)
        key.write_bytes(listener.public(MAIL))
        await service.cli("recordings", "retry", talk.recording["id"])

        async def ready() -> bool:
            return bool((await service.get(f"/recordings/{talk.recording['id']}"))["state"] == "ready")

        await service.until(ready, "has not tried again")
        await cleaned(service, talk)
        assert recorded(asterisk, talk) == []


async def test_what_asterisk_recorded_goes_once_the_recording_is_ready(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(asterisk, tmp_path / "service", policy=EVERYTHING, clean_temporary_files=True) as service:
        alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
        talk = await converse(service, alice, bob, "102")
        await cleaned(service, talk)
        assert talk.recording["state"] == "ready"
        assert recorded(asterisk, talk) == []
        left, right = talk.tracks()
        assert clear(said(talk.caller, ALICE, margin=0.5), left)
        assert clear(said(talk.callee, BOB, margin=0.5), right)
        assert list((tmp_path / "service" / "work").rglob("*.wav")) == []


async def test_each_member_of_a_conference_has_a_file_of_its_own_voice(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(asterisk, tmp_path / "service", policy=EVERYTHING, layouts=["mixed", "parties"],
                          clean_temporary_files=True) as service:
        calls = await meet(phones, "8040", "8040")
        await running(service, 3)
        await asyncio.sleep(3)
        for call in calls.values():
            await call.hangup()
        (recording,) = (await conference_of(service, rows=3))["recordings"]
        assert recording["state"] == "ready"
        assert sorted(recording["files"]) == ["manifest", "mixed", "party-1", "party-2"]
        document = service.manifest(recording)
        users = {party["track"]: party["user"] for party in document["parties"]}
        files = {users[file["track"]]: samples(Path(recording["files"][file["kind"]]))
                 for file in document["files"] if file["track"]}
        for name in ("alice", "bob"):
            assert list(whose_audio(files[name][-2 * RATE:], VOICES)) == [name]
