"""The documented queues: a task comes in, its result goes out, and it is acknowledged last."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from ledger import Ledger, jobs, recordings
from recorder.states import RecordingState
from tests.postgres import PostgresServer
from tests.processing.scene import noise, samples_of, wav_bytes
from tests.queues.calls import files, record, states, times_ready
from tests.queues.tasks import FAILURE, PROCESSED, PROCESSING, Sender, task
from tests.rabbitmq import RabbitServer
from tests.workers import Site, WorkerProcess


@pytest.fixture
def site(tmp_path: Path, postgres: PostgresServer, rabbitmq: RabbitServer) -> Site:
    """A machine that takes tasks whose files lie below `from-elsewhere`."""
    (tmp_path / "site" / "from-elsewhere").mkdir(parents=True)
    return _trying(tmp_path / "site", postgres.database(), rabbitmq.virtual_host(), times=5)


def _trying(folder: Path, ledger: str, queue: str, *, times: int) -> Site:
    return Site(folder, ledger, queue, more={"jobs": {"lease": 2.0, "attempts": times},
                                             "recordings_path": str(folder / "from-elsewhere")})


@pytest.fixture
def ledger(site: Site) -> Iterator[Ledger]:
    opened = Ledger.open(site.ledger)
    yield opened
    opened.close()


@pytest_asyncio.fixture
async def sender(site: Site) -> AsyncIterator[Sender]:
    async with Sender(site) as connected:
        yield connected


async def _emptied(sender: Sender) -> None:
    """Wait until no task waits; a worker that ends gives back what it has not acknowledged."""
    async with asyncio.timeout(10):
        while await sender.waiting(PROCESSING):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_a_task_becomes_a_recording_and_its_result_a_message(
        site: Site, ledger: Ledger, sender: Sender) -> None:
    wanted = task(site)
    async with WorkerProcess(site):
        await sender.send(wanted)
        told, message = await sender.told(PROCESSED)
    made = files(ledger, site, wanted["uuid"])
    assert told == {"version": 1, "uuid": wanted["uuid"], "state": "ready", "reasons": [], "seconds": 1.0,
                    "bytes": 44 + 16_000 + 44 + 32_000, "store": "local",
                    "files": {kind: path.relative_to(site.destination).as_posix() for kind, path in made.items()}}
    assert (message.message_id, message.correlation_id) == (f"{wanted['uuid']}.ready", "order-1")
    both = np.stack([noise(1.0, 1), noise(1.0, 2)], axis=1)
    assert np.array_equal(samples_of(made["stereo"]), both)
    manifest = json.loads(made["manifest"].read_text())
    assert [(one["role"], one["user"], one["number"]) for one in manifest["parties"]] == [
        ("caller", "alice", ""), ("callee", None, "1002")]
    assert manifest["startTime"] == "2026-01-31T10:15:00.000Z"


async def test_one_stereo_file_has_both_parties(site: Site, ledger: Ledger, sender: Sender) -> None:
    wanted = task(site, files=[{"path": "both.wav", "startTime": "2026-01-31T10:15:00Z", "parties": [1, 0]}])
    bob_alice = np.stack([noise(1.0, 2), noise(1.0, 1)], axis=1)
    (site.folder / "from-elsewhere" / "both.wav").write_bytes(wav_bytes(bob_alice))
    async with WorkerProcess(site):
        await sender.send(wanted)
        told, _ = await sender.told(PROCESSED)
    assert told["state"] == "ready"
    stereo = samples_of(files(ledger, site, wanted["uuid"])["stereo"])
    assert np.array_equal(stereo, bob_alice[:, ::-1])


async def test_a_conference_that_was_mixed_elsewhere_has_its_name(
        site: Site, ledger: Ledger, sender: Sender) -> None:
    wanted = task(site, kind="conference", conference="room-7",
                  files=[{"path": "one/alice.wav", "startTime": "2026-01-31T10:15:00Z"}])
    async with WorkerProcess(site):
        await sender.send(wanted)
        told, _ = await sender.told(PROCESSED)
    assert told["state"] == "ready"
    manifest = json.loads(files(ledger, site, wanted["uuid"])["manifest"].read_text())
    assert (manifest["kind"], manifest["conference"], len(manifest["parties"])) == ("conference", "room-7", 2)


async def test_a_task_that_comes_again_is_answered_and_not_done_again(
        site: Site, ledger: Ledger, sender: Sender) -> None:
    wanted = task(site)
    async with WorkerProcess(site):
        for _ in range(2):
            await sender.send(wanted)
        first, _ = await sender.told(PROCESSED)
        second, _ = await sender.told(PROCESSED)
    assert first == second
    assert times_ready(ledger) == {wanted["uuid"]: 1}


async def test_a_task_whose_worker_is_killed_is_finished_by_another(
        site: Site, ledger: Ledger, sender: Sender) -> None:
    """It is acknowledged last: the broker still has it. What was told already may be told once more."""
    async with WorkerProcess(site) as first:
        made = [task(site) for _ in range(20)]
        for wanted in made:
            await sender.send(wanted)
        told = {(await sender.told(PROCESSED))[0]["uuid"]}
        await first.kill()
    assert states(ledger).get("ready", 0) < len(made)
    async with WorkerProcess(site):
        while len(told) < len(made):
            told.add((await sender.told(PROCESSED))[0]["uuid"])
        await _emptied(sender)
    assert told == {wanted["uuid"] for wanted in made}
    assert times_ready(ledger) == {wanted["uuid"]: 1 for wanted in made}


_WRONG: dict[str, tuple[dict[str, Any] | bytes, str, str]] = {
    "no JSON": (b"{", "queue.task-invalid", "JSON"),
    "too long": (b" " * (1 << 20) + b"{}", "queue.task-invalid", "longer"),
    "another version": ({"version": 2}, "queue.task-invalid", "version"),
    "an unknown key": ({"secret": "0171 5550199"}, "queue.task-invalid", "secret"),
    "a time without a zone": ({"files": [{"path": "one/alice.wav", "startTime": "2026-01-31T10:15:00"}]},
                              "queue.task-invalid", "startTime"),
    "a party that is not there": ({"files": [{"path": "one/alice.wav", "startTime": "2026-01-31T10:15:00Z",
                                              "parties": [2]}]}, "queue.task-invalid", "party"),
    "a file that is not there": ({"files": [{"path": "nothing.wav", "startTime": "2026-01-31T10:15:00Z",
                                             "parties": [0]}]}, "queue.task-file", "not all files"),
    "a way out": ({"files": [{"path": "../queue-password", "startTime": "2026-01-31T10:15:00Z", "parties": [0]}]},
                  "queue.task-file", "not all files"),
    "an absolute path": ({"files": [{"path": "/etc/passwd", "startTime": "2026-01-31T10:15:00Z", "parties": [0]}]},
                         "queue.task-file", "not all files"),
    "no audio": ({"files": [{"path": "text.wav", "startTime": "2026-01-31T10:15:00Z", "parties": [0]}]},
                 "queue.task-file", "no audio"),
}


async def test_a_wrong_message_is_named_on_the_failure_queue_and_touches_no_file(
        site: Site, ledger: Ledger, sender: Sender) -> None:
    good = task(site)
    (site.folder / "from-elsewhere" / "text.wav").write_text("This is no audio.")
    before = {path: path.read_bytes() for path in (site.folder / "from-elsewhere").rglob("*.wav")}
    async with WorkerProcess(site):
        for name, (wrong, fault, says) in _WRONG.items():
            await sender.send(wrong if isinstance(wrong, bytes) else {**good, **wrong}, message_id=name)
            told, message = await sender.told(FAILURE)
            assert (told["version"], told["fault"]["id"], message.correlation_id) == (1, fault, name)
            assert re.search(says, told["fault"]["message"], re.IGNORECASE), (name, told)
            assert "5550199" not in json.dumps(told)
            assert told["fault"]["remedy"]
        await _emptied(sender)
    assert states(ledger) == {}
    assert {path: path.read_bytes() for path in before} == before


async def test_the_uuid_of_another_recording_is_refused(site: Site, ledger: Ledger, sender: Sender) -> None:
    (ours,) = record(site, ledger, 1)
    async with WorkerProcess(site):
        await sender.send(task(site, uuid=ours))
        told, _ = await sender.told(FAILURE)
        assert (told["uuid"], told["fault"]["id"]) == (ours, "queue.task-conflict")
        wanted = task(site)
        await sender.send(wanted)
        await sender.told(PROCESSED)
        await sender.send({**wanted, "parties": [{"user": "mallory"}, {"user": "bob"}]})
        told, _ = await sender.told(FAILURE)
        assert told["fault"]["id"] == "queue.task-conflict"


async def test_a_task_that_fails_is_told_and_tried_again_when_it_is_sent_again(
        site: Site, ledger: Ledger, sender: Sender) -> None:
    site = _trying(site.folder, site.ledger, site.queue, times=1)
    wanted = task(site)
    (site.folder / "work").mkdir()
    in_the_way = site.folder / "work" / wanted["uuid"]
    in_the_way.write_text("A file where a folder has to be.")
    async with WorkerProcess(site):
        await sender.send(wanted)
        told, _ = await sender.told(FAILURE)
        assert (told["uuid"], told["fault"]["id"]) == (wanted["uuid"], "processing.storage")
        with ledger.reading() as connection:
            assert recordings.get(connection, wanted["uuid"]).recording.state is RecordingState.FAILED
            assert jobs.get(connection, wanted["uuid"]).fault == told["fault"]
        in_the_way.unlink()
        await sender.send(wanted)
        told, _ = await sender.told(PROCESSED)
    assert (told["uuid"], told["state"]) == (wanted["uuid"], "ready")


async def test_a_uuid_in_another_spelling_is_the_same(site: Site, ledger: Ledger, sender: Sender) -> None:
    wanted = task(site, uuid=str(uuid.uuid4()).upper())
    async with WorkerProcess(site):
        await sender.send(wanted)
        told, _ = await sender.told(PROCESSED)
    assert told["uuid"] == wanted["uuid"].lower()
