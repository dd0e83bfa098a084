"""Encrypted recordings: the real gpg opens them with the private key, and nobody else sees anything of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import gnupg
import numpy as np
import pytest

from faults import EncryptionFailed, EncryptionUnusable
from ledger.jobs import JobState
from media import wav
from processing.encryption import Encryption, Key, Recipient, look
from processing.files import FILE_MODE
from recorder.states import RecordingState
from tests import manifests
from tests.keys import Listener
from tests.processing.crashing import points
from tests.processing.scene import Scene, noise, wav_bytes

MAIL = "listener@voice.example"
NOW = 1_790_000_000.0


@pytest.fixture
def key(listener: Listener, tmp_path: Path) -> Path:
    """The file of the listener's public key."""
    path = tmp_path / "public.asc"
    path.write_bytes(listener.public(MAIL))
    return path


@pytest.fixture
def scene(tmp_path: Path, key: Path) -> Scene:
    made = Scene(tmp_path / "scene", key=key)
    made.record()
    made.enqueue()
    return made


def spooled(scene: Scene) -> list[str]:
    return sorted(path.name for path in scene.spool.rglob("*.wav"))


def test_gpg_opens_each_file_and_the_audio_is_the_calls(scene: Scene, listener: Listener, tmp_path: Path) -> None:
    scene.finish()
    base = f"2023/{scene.recording}"
    assert list(scene.visible()) == [f"{base}-stereo.wav.gpg", f"{base}.json.gpg", f"{base}.wav.gpg"]
    opened = tmp_path / "opened.wav"
    opened.write_bytes(listener.opened(scene.visible()[f"{base}-stereo.wav.gpg"]))
    with opened.open("rb") as file:
        audio = np.concatenate(list(wav.read_blocks(file, wav.read_info(file), 1 << 20)))
    assert np.array_equal(audio, np.stack([noise(4, 1), noise(4, 2)], axis=1))


def test_the_manifest_says_what_is_stored_and_what_it_becomes(scene: Scene, listener: Listener) -> None:
    scene.finish()
    stored = scene.visible()
    document = manifests.checked(json.loads(listener.opened(stored[f"2023/{scene.recording}.json.gpg"])))
    assert [file["kind"] for file in document["files"]] == ["mixed", "stereo"]
    for file in document["files"]:
        content = stored[file["filename"]].read_bytes()
        plain = listener.opened(stored[file["filename"]])
        assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert file["encrypted"] == {"key": listener.fingerprint(MAIL), "plaintextBytes": len(plain),
                                     "plaintextSha256": hashlib.sha256(plain).hexdigest()}
    assert document["audio"]["size"] == document["files"][0]["bytes"]


def test_nothing_unencrypted_is_left(scene: Scene) -> None:
    scene.finish()
    assert (spooled(scene), scene.leftovers(), scene.job().state) == ([], [], JobState.DONE)


def test_of_an_incomplete_recording_nothing_unencrypted_is_left_either(scene: Scene) -> None:
    scene.write("pbx/out.wav", wav_bytes(noise(1, 2)))
    scene.finish()
    assert scene.kept().recording.state is RecordingState.INCOMPLETE
    assert (spooled(scene), scene.leftovers()) == ([], [])


def test_other_users_of_the_machine_cannot_read_what_is_encrypted_either(scene: Scene) -> None:
    scene.finish()
    assert {path.stat().st_mode & 0o777 & ~FILE_MODE for path in scene.visible().values()} == {0}


def test_the_job_in_the_ledger_keeps_nothing_of_the_manifest(scene: Scene) -> None:
    scene.finish()
    assert "document" not in scene.job().facts["manifest"]
    assert not [name for name in ("Alice", "alice", "1001") if name in json.dumps(scene.job().facts)]


def test_the_unencrypted_files_are_there_until_all_is_stored(scene: Scene) -> None:
    seen: list[tuple[list[str], int]] = []
    names = points(scene, lambda: seen.append((spooled(scene), len(scene.visible()))))
    assert all(spool == ["in.wav", "out.wav"] for (spool, _), name in zip(seen, names, strict=True)
               if names.index(name) <= names.index("clean: proven"))
    assert next(stored for spool, stored in seen if spool != ["in.wav", "out.wav"]) == 3


def test_only_a_public_key_is_in_the_key_ring(scene: Scene, listener: Listener) -> None:
    scene.finish()
    home = scene.folder / "state" / listener.fingerprint(MAIL)
    assert gnupg.GPG(gnupghome=str(home)).list_keys(secret=True) == []
    assert home.stat().st_mode & 0o077 == 0


def bad_keys(listener: Listener) -> dict[str, Callable[[], bytes]]:
    def revoked() -> bytes:
        listener.revoke(listener.make("revoked@voice.example"))
        return listener.public("revoked@voice.example")

    return {
        "expired": lambda: listener.public(listener.make("expired@voice.example", expired=True)),
        "revoked": revoked,
        "several": lambda: listener.public(MAIL, listener.make("second@voice.example")),
        "cannot encrypt": lambda: listener.public(listener.make("signs@voice.example", encrypts=False)),
        "private": lambda: listener.private(MAIL),
        "no key": lambda: b"no key",
    }


@pytest.mark.parametrize(("kind", "said"), [
    ("expired", "expired on 2020-12-31"), ("revoked", "is revoked"), ("several", "several keys"),
    ("cannot encrypt", "cannot encrypt"), ("private", "holds a private key"), ("no key", "no public key"),
])
def test_a_key_that_cannot_be_used_is_refused(listener: Listener, tmp_path: Path, kind: str, said: str) -> None:
    file = tmp_path / "key"
    file.write_bytes(bad_keys(listener)[kind]())
    with pytest.raises(EncryptionUnusable, match=said):
        Encryption(file, "", tmp_path / "rings", clock=lambda: NOW).load()


def test_of_a_private_key_given_by_mistake_nothing_is_kept(listener: Listener, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(listener.private(MAIL))
    with pytest.raises(EncryptionUnusable):
        look(file, "", tmp_path / "rings", NOW)
    assert list((tmp_path / "rings").rglob("*.key")) == []
    assert gnupg.GPG(gnupghome=str(tmp_path / "rings" / "look")).list_keys(secret=True) == []


def test_a_key_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncryptionUnusable, match="cannot be read"):
        Encryption(tmp_path / "none", "", tmp_path / "rings", clock=lambda: NOW).load()


@pytest.mark.parametrize("wanted", ["mail", "fingerprint", "fingerprint in groups"])
def test_one_of_several_keys_is_named(listener: Listener, tmp_path: Path, wanted: str) -> None:
    file = tmp_path / "key"
    file.write_bytes(listener.public(MAIL, listener.make(f"other-{len(wanted)}@voice.example")))
    fingerprint = listener.fingerprint(MAIL)
    word = {"mail": MAIL.upper(), "fingerprint": fingerprint.lower(), "fingerprint in groups": " ".join(
        fingerprint[start:start + 4] for start in range(0, 40, 4))}[wanted]
    assert look(file, word, tmp_path / "rings", NOW) == Key(fingerprint, None)
    with pytest.raises(EncryptionUnusable, match="no public key of nobody"):
        look(file, "nobody@voice.example", tmp_path / "rings", NOW)


def test_a_key_whose_time_is_over_by_our_clock_is_refused(listener: Listener, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(listener.public(listener.make("short@voice.example", lasts="1d")))
    expires = look(file, "", tmp_path / "rings", NOW).expires
    assert expires is not None
    with pytest.raises(EncryptionUnusable, match="expired on"):
        look(file, "", tmp_path / "rings", expires)


def test_a_key_that_became_unusable_keeps_the_files_and_says_so_until_there_is_a_good_one(
        scene: Scene, key: Path, listener: Listener) -> None:
    good = key.read_bytes()
    key.write_bytes(bad_keys(listener)["no key"]())
    scene.finish(attempts=1)
    fault = scene.job().fault
    assert fault is not None
    assert (fault["id"], scene.kept().recording.state) == ("processing.encryption", RecordingState.FAILED)
    assert "unencrypted files are kept" in str(fault["recording"])
    assert (spooled(scene), scene.visible()) == (["in.wav", "out.wav"], {})
    assert {path.name for path in scene.work.rglob("*.wav")} == {"mixed.wav", "stereo.wav"}
    key.write_bytes(good)
    scene.retry()
    scene.finish()
    assert scene.kept().recording.state is RecordingState.READY
    assert len(scene.visible()) == 3


def test_a_key_file_that_was_taken_away_stops_the_storing(scene: Scene, key: Path) -> None:
    assert scene.encryption() is not None
    key.unlink()
    scene.finish(attempts=1)
    assert (scene.job().fault or {})["id"] == "processing.encryption"
    assert (spooled(scene), scene.visible()) == (["in.wav", "out.wav"], {})


def test_what_gpg_refuses_is_said_in_its_words(listener: Listener, tmp_path: Path) -> None:
    ring = gnupg.GPG(gnupghome=str(tmp_path), options=["--no-autostart", "--trust-model", "always"])
    fingerprint = listener.make("gone@voice.example", expired=True)
    ring.import_keys(listener.public(fingerprint))
    source = tmp_path / "plain.wav"
    source.write_bytes(b"audio")
    digest = hashlib.sha256(b"audio").hexdigest()
    with pytest.raises(EncryptionFailed, match=f"gpg did not encrypt for the key {fingerprint}: "):
        Recipient(Key(fingerprint, None), ring, lambda: NOW).encrypt(
            source, digest, tmp_path / "plain.wav.gpg", lambda _: None)
    assert source.read_bytes() == b"audio"


def test_a_file_that_changed_since_it_was_composed_is_not_passed_off_as_it(key: Path, tmp_path: Path) -> None:
    source = tmp_path / "plain.wav"
    source.write_bytes(b"something else")
    recipient = Encryption(key, "", tmp_path / "rings", clock=lambda: NOW).load()
    with pytest.raises(EncryptionFailed, match="not what was composed"):
        recipient.encrypt(source, hashlib.sha256(b"audio").hexdigest(), tmp_path / "plain.wav.gpg", lambda _: None)


def test_the_unencrypted_files_stay_as_long_as_they_should_also_over_a_restart(scene: Scene) -> None:
    scene.plaintext_after = 3_600.0
    scene.finish()
    assert scene.kept().recording.state is RecordingState.READY
    assert (spooled(scene), scene.job().state, scene.job().run_at) == (
        ["in.wav", "out.wav"], JobState.WAITING, scene.clock.now + 3_600.0)
    assert {path.name for path in scene.work.rglob("*.wav")} == {"mixed.wav", "stereo.wav"}
    scene.clock.now += 2_000.0
    scene.finish()
    assert spooled(scene) == ["in.wav", "out.wav"]
    scene.finish()
    assert (spooled(scene), scene.leftovers(), scene.job().state) == ([], [], JobState.DONE)


def test_what_was_encrypted_before_a_failure_is_stored_as_it_is(scene: Scene) -> None:
    taken = scene.places.destination / "2023" / f"{scene.recording}-stereo.wav.gpg"
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"not ours")
    scene.finish(attempts=1)
    assert (scene.job().fault or {})["id"] == "processing.destination-exists"
    first = scene.visible()[f"2023/{scene.recording}.wav.gpg"].read_bytes()
    taken.unlink()
    scene.retry()
    scene.finish()
    assert scene.kept().recording.state is RecordingState.READY
    assert scene.visible()[f"2023/{scene.recording}.wav.gpg"].read_bytes() == first
