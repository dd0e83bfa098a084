"""Recordings that are in S3, from the command line of a running service, and its HTTP server for other machines."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger import Ledger, artefacts
from tests.console.running import FINISHED, Running, cli, fill, settings, start
from tests.console.test_storage_hook import TOKEN
from tests.processing.stores.objects import Source, nothing, source, store
from tests.processing.stores.test_events import minio
from tests.seaweed import SeaweedServer
from tests.servers import free_port

KEY = "2026/alice.wav"


@dataclass
class Scene:
    """A running service, the server that its recordings are in, and one of them: ``made`` is its mixed file."""

    running: Running
    server: SeaweedServer
    bucket: str
    made: Source
    port: int


@pytest.fixture(scope="module")
def scene(seaweed: SeaweedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("s")
    fill(folder)
    bucket, made = seaweed.bucket(), source(folder, 700_000)
    store(seaweed, bucket, prefix="calls/").put(made.path, KEY, **made.meant(), checkpoint=nothing)
    ledger = Ledger.open(folder / "ledger.sqlite")
    with ledger.transaction() as connection:
        artefacts.keep(connection, FINISHED, "archive", {"mixed": {"name": KEY, **made.meant()}}, 1.0)
    ledger.close()
    (folder / "secret").write_text(seaweed.secret_key)
    (folder / "token").write_text(f"{TOKEN}\n")
    port = free_port(socket.SOCK_STREAM)
    running = Running(
        folder, log_level="debug", http=f"{{listen: '127.0.0.1:{port}', storage_token_file: token}}",
        storage=f"{{first: archive, backup: local, stores: {{archive: {{bucket: {bucket}, prefix: calls/, "
                f"endpoint: '{seaweed.endpoint}', access_key: {seaweed.access_key}, secret_key_file: secret}}}}}}")
    yield Scene(running, seaweed, bucket, made, port)
    running.stop()


def test_a_recording_says_where_its_file_is(scene: Scene) -> None:
    place = f"s3://{scene.bucket}/calls/{KEY}"
    assert cli(scene.running.file, "recordings", "path", FINISHED).stdout == f"{place}\n"
    shown = cli(scene.running.file, "recordings", "show", FINISHED).stdout
    assert f"mixed      {place}" in shown.splitlines()
    told = json.loads(cli(scene.running.file, "recordings", "show", FINISHED, "--json").stdout)["artefacts"]
    assert [(one["store"], one["place"], one["bytes"]) for one in told] == [("archive", place, scene.made.bytes)]


def test_its_files_are_fetched_and_verified(scene: Scene, tmp_path: Path) -> None:
    said = cli(scene.running.file, "recordings", "get", FINISHED, str(tmp_path / "new"))
    assert (said.exit_code, said.stdout) == (0, f"{tmp_path}/new/alice.wav\n")
    assert (tmp_path / "new" / "alice.wav").read_bytes() == scene.made.path.read_bytes()
    again = cli(scene.running.file, "recordings", "get", FINISHED, str(tmp_path / "new"), "--json")
    assert json.loads(again.stdout) == {"files": {"mixed": f"{tmp_path}/new/alice.wav"}}


def test_another_file_of_that_name_stays(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "alice.wav").write_bytes(b"somebody else's")
    said = cli(scene.running.file, "recordings", "get", FINISHED, str(tmp_path))
    assert (said.exit_code, (tmp_path / "alice.wav").read_bytes()) == (1, b"somebody else's")
    assert "processing.destination-exists" in said.stderr


def test_a_kind_that_it_has_not_is_said(scene: Scene, tmp_path: Path) -> None:
    said = cli(scene.running.file, "recordings", "get", FINISHED, str(tmp_path), "--kind", "party-9")
    assert said.exit_code == 1
    assert "That recording has no party-9 file: it is ready." in said.stderr


def test_a_damaged_file_leaves_nothing_behind(scene: Scene, tmp_path: Path) -> None:
    plain = scene.server.client()
    plain.put_object(Bucket=scene.bucket, Key=f"calls/{KEY}", Body=b"x" * scene.made.bytes)
    said = cli(scene.running.file, "recordings", "get", FINISHED, str(tmp_path))
    assert said.exit_code == 1
    assert "is not what was stored" in said.stderr
    assert list(tmp_path.iterdir()) == []
    plain.put_object(Bucket=scene.bucket, Key=f"calls/{KEY}", Body=scene.made.path.read_bytes())


def _ask(scene: Scene, path: str, body: bytes | None = None, token: str = "") -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{scene.port}{path}", body,
                                     {"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_reconcile_sees_what_is_gone_in_a_store(scene: Scene) -> None:
    plain = scene.server.client()
    words = ("reconcile", "--days", "3660", "--json")
    there = json.loads(cli(scene.running.file, *words).stdout)["discrepancies"]
    assert not any("archive" in one["said"] for one in there)
    plain.delete_object(Bucket=scene.bucket, Key=f"calls/{KEY}")
    found = json.loads(cli(scene.running.file, *words).stdout)["discrepancies"]
    assert {"kind": "no_file", "what": FINISHED, "remedy": None,
            "said": f"Its mixed file {KEY} is not in the store archive."} in found
    plain.put_object(Bucket=scene.bucket, Key=f"calls/{KEY}", Body=scene.made.path.read_bytes())


def test_other_machines_can_ask_how_the_service_is(scene: Scene) -> None:
    status, said = _ask(scene, "/health")
    assert (status, json.loads(said)["switches"]["main"]["up"]) == (503, False)


def test_stores_can_tell_and_the_recording_shows_it(scene: Scene) -> None:
    message = minio(f"calls/{KEY}", size=scene.made.bytes)
    message["Records"][0]["s3"]["bucket"]["name"] = scene.bucket
    body = json.dumps(message).encode()
    assert _ask(scene, "/recordings/storage-hook", body)[0] == 401
    assert _ask(scene, "/recordings/storage-hook", body, TOKEN) == (200, '{"confirmed":1}')
    assert "(confirmed by its store)" in cli(scene.running.file, "recordings", "show", FINISHED).stdout


@pytest.mark.parametrize("path", ["/", "/calls", "/recordings", "/docs", "/openapi.json"])
def test_other_machines_can_ask_nothing_else(scene: Scene, path: str) -> None:
    assert _ask(scene, path)[0] == 404


def test_neither_keys_nor_the_token_are_in_the_log(scene: Scene) -> None:
    log = (scene.running.folder / "service.log").read_text()
    assert not any(secret in log for secret in (scene.server.secret_key, scene.server.access_key, TOKEN))


def test_the_check_writes_reads_and_takes_away(scene: Scene) -> None:
    said = cli(scene.running.file, "check").stdout
    assert "ok    store archive: it can be written and read, and writes over nothing" in said.splitlines()
    there = scene.server.client().list_objects_v2(Bucket=scene.bucket)["Contents"]
    assert [one["Key"] for one in there] == [f"calls/{KEY}"]


def test_the_check_says_what_a_store_refuses(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("wrong")
    file = settings(tmp_path, storage=f"{{stores: {{a: {{bucket: {scene.bucket}, endpoint: '{scene.server.endpoint}', "
                                      f"access_key: {scene.server.access_key}, secret_key_file: secret}}}}}}")
    said = cli(file, "check")
    assert said.exit_code == 1
    assert "FAIL  store a: The store a refused: SignatureDoesNotMatch (403)." in said.stdout


def test_a_key_file_that_is_not_there_is_said_at_the_start(tmp_path: Path) -> None:
    file = settings(tmp_path, storage="{stores: {a: {bucket: calls, access_key: k, secret_key_file: nowhere}}}")
    status, said = start(file)
    assert status == 1
    assert "config.settings" in said
    assert "/nowhere cannot be read" in said
