"""The whole service with its ledger on PostgreSQL, and its recordings finished by workers of their own."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.asterisk import AsteriskServer
from tests.phone import Phones
from tests.phonograph import Json, Phonograph, settings
from tests.postgres import PostgresServer
from tests.rabbitmq import RabbitServer
from tests.recorded import ALICE, BOB, EVERYTHING, Conversation, begin, clear, converse, recording_runs, said
from tests.workers import WorkerProcess, queue_settings

pytestmark = pytest.mark.asterisk


async def test_a_call_is_recorded_over_a_crash_of_the_service_and_a_restart_of_postgresql(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    with PostgresServer() as postgres:
        service = Phonograph(asterisk, tmp_path, policy=EVERYTHING, ledger=postgres.database())
        await service.start()
        call, taken = await begin(phones, seconds=2.0)
        await recording_runs(service)
        await service.kill()
        await service.start()
        await asyncio.to_thread(postgres.restart)
        await asyncio.sleep(1.0)
        await call.hangup()
        await taken.ended
        (row,) = await _closed(service)
        await service.stop()
    talk = Conversation(call, taken, row)
    assert (row["outcome"], talk.recording["state"]) == ("recorded", "ready")
    assert [clear(said(end, sound, margin=0.5), track) for end, sound, track in zip(
        (call, taken), (ALICE, BOB), talk.tracks(), strict=True)] == [True, True]


async def test_what_the_service_has_recorded_is_finished_by_a_worker(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path, postgres: PostgresServer,
        rabbitmq: RabbitServer) -> None:
    shared: Json = {"ledger": postgres.database(), "jobs": {"workers": 0},
                    **queue_settings(tmp_path, rabbitmq.virtual_host())}
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING, **shared)
    async with service, WorkerProcess(service):
        talk = await converse(service, alice, bob, "102", seconds=2.0)
        assert talk.recording["state"] == "ready"
        assert Path(talk.recording["mixed"]).parent == Path(settings(asterisk, tmp_path)["destination_path"])
        assert (await service.cli("jobs", "list"))[1].splitlines()[-1] == "0 waiting, 0 running, 1 done, 0 failed"
        assert clear(said(talk.caller, ALICE), talk.tracks()[0])


async def _closed(service: Phonograph) -> list[Json]:
    """The calls once they are closed; a question that meets the database's restart is asked again."""
    for _ in range(3):
        try:
            return await service.closed(1)
        except (OSError, aiohttp.ClientResponseError):
            await asyncio.sleep(0.5)
    return await service.closed(1)
