"""What stores may post, and what they are answered: by hand, and by a real SeaweedFS whose webhook is set up."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from fastapi import FastAPI

from console import serving, storage_hook
from console.http import bound
from faults import ServiceFault
from ledger import Ledger, artefacts
from processing.stores.choice import Stores
from processing.stores.local import LocalStore
from service.clock import SystemClock
from service.storage_desk import Bucket, StorageDesk
from tests.console.running import FINISHED, fill
from tests.processing.stores.objects import nothing, source, store
from tests.processing.stores.test_events import minio, seaweed
from tests.seaweed import Hook, SeaweedServer

TOKEN = "a-long-random-word"
NAME = "2026/call.wav"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger in which alice's recording is one file of 50 bytes, in the store ``archive``."""
    fill(tmp_path)
    opened = Ledger.open(tmp_path / "ledger.sqlite")
    with opened.transaction() as connection:
        artefacts.keep(connection, FINISHED, "archive", {"mixed": {"name": NAME, "bytes": 50, "sha256": "ab"}}, 1.0)
    yield opened
    opened.close()


def confirmed(ledger: Ledger) -> float | None:
    with ledger.reading() as connection:
        return artefacts.of(connection, FINISHED)[0].confirmed


def application(ledger: Ledger, tmp_path: Path, token: str | None = TOKEN) -> FastAPI:
    app = FastAPI()
    buckets = (Bucket("archive", "calls", ""), Bucket("deep", "shared", "phonograph/"))
    desk = StorageDesk(ledger, Stores.of(LocalStore(tmp_path)), buckets, tmp_path, SystemClock())
    app.include_router(storage_hook.router(desk, token))
    return app


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    listening = bound("127.0.0.1:0")
    address = listening.getsockname()
    task = asyncio.create_task(serving.serve(app, listening))
    yield f"http://127.0.0.1:{address[1]}/recordings/storage-hook"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def post(app: FastAPI, body: Any, headers: dict[str, str] = AUTHORIZED) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with (served(app) as url, aiohttp.ClientSession() as session,
                session.post(url, data=io.BytesIO(data), headers=headers) as response):
        return response.status, await response.json()


@pytest.mark.parametrize("message", [minio(), seaweed()])
async def test_a_file_of_ours_is_confirmed_in_both_dialects(ledger: Ledger, tmp_path: Path, message: Any) -> None:
    assert await post(application(ledger, tmp_path), message) == (200, {"confirmed": 1})
    assert confirmed(ledger) is not None


async def test_told_again_it_is_the_same_answer_and_the_first_time_stays(ledger: Ledger, tmp_path: Path) -> None:
    await post(application(ledger, tmp_path), minio())
    first = confirmed(ledger)
    assert await post(application(ledger, tmp_path), minio()) == (200, {"confirmed": 1})
    assert confirmed(ledger) == first


@pytest.mark.parametrize("headers", [
    {}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": "Bearer "},
    {"Authorization": f"Basic {TOKEN}"}, {"Authorization": TOKEN}, {"Authorization": "Bearer \u00e9"}])
async def test_who_has_not_the_token_is_not_let_in(ledger: Ledger, tmp_path: Path, headers: dict[str, str]) -> None:
    assert (await post(application(ledger, tmp_path), minio(), headers))[0] == 401
    assert confirmed(ledger) is None


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer "}, {"Authorization": "Bearer None"}])
async def test_without_a_token_in_the_settings_nobody_is(ledger: Ledger, tmp_path: Path,
                                                         headers: dict[str, str]) -> None:
    assert (await post(application(ledger, tmp_path, None), minio(), headers))[0] == 401


@pytest.mark.parametrize("body", [b"", b"{}", b"not json", b"[1]", b"x" * (2 << 20)])
async def test_what_is_malformed_is_forbidden(ledger: Ledger, tmp_path: Path, body: bytes) -> None:
    assert await post(application(ledger, tmp_path), body) == (403, {"answer": "malformed"})


async def test_a_bucket_of_no_store_is_forbidden_and_nothing_is_noted(ledger: Ledger, tmp_path: Path) -> None:
    other = minio()["Records"][0]
    other = {**other, "s3": {**other["s3"], "bucket": {"name": "other"}}}
    message = {"Records": [*minio()["Records"], other]}
    assert await post(application(ledger, tmp_path), message) == (403, {"answer": "foreign"})
    assert confirmed(ledger) is None


@pytest.mark.parametrize("message", [
    minio(name="s3:ObjectRemoved:Delete"), minio("notes.txt"), seaweed(event="delete"), seaweed(is_directory=True),
    seaweed("/buckets/calls/.uploads/1/0001.part"), seaweed("/buckets/.system/owners/x"),
    seaweed("/buckets/shared/others/call.wav")])
async def test_other_objects_are_ignored(ledger: Ledger, tmp_path: Path, message: Any) -> None:
    assert await post(application(ledger, tmp_path), message) == (200, {"ignored": 1})
    assert confirmed(ledger) is None


@pytest.mark.parametrize("message", [minio("2026%2Fother.wav"), minio(size=51),
                                     seaweed("/buckets/shared/phonograph/2026/call.wav")])
async def test_what_nobody_knows_is_not_found(ledger: Ledger, tmp_path: Path, message: Any) -> None:
    assert await post(application(ledger, tmp_path), message) == (404, {"unknown": 1})
    assert confirmed(ledger) is None


def test_a_port_that_is_taken_is_said() -> None:
    with bound("127.0.0.1:0") as taken, pytest.raises(ServiceFault, match="Address already in use"):
        bound(f"127.0.0.1:{taken.getsockname()[1]}")


def test_a_host_that_is_not_known_is_said() -> None:
    with pytest.raises(ServiceFault, match="Nobody can listen on"):
        bound("no.such.host.invalid:80")


async def test_a_real_seaweedfs_tells_of_what_we_store(tmp_path: Path) -> None:
    fill(tmp_path)
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    small, large = source(tmp_path, 10_000, 1), source(tmp_path, 6_000_000, 2)
    with ledger.transaction() as connection:
        artefacts.keep(connection, FINISHED, "archive", {
            kind: {"name": f"2026/{kind}.wav", "bytes": one.bytes, "sha256": one.sha256}
            for kind, one in (("mixed", small), ("stereo", large))}, 1.0)
    told = asyncio.Event()
    app = application(ledger, tmp_path)
    answers: list[tuple[str, int]] = []

    @app.middleware("http")
    async def note(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        answers.append((request.url.path, response.status_code))
        with ledger.reading() as connection:
            if all(one.confirmed is not None for one in artefacts.of(connection, FINISHED)):
                told.set()
        return response

    async with served(app) as url:
        server = SeaweedServer(tmp_path / "seaweed", hook=Hook(url, TOKEN))
        await asyncio.to_thread(server.start)
        try:
            archive = store(server, await asyncio.to_thread(server.bucket, "calls"))
            for kind, one in (("mixed", small), ("stereo", large)):
                put = partial(archive.put, one.path, f"2026/{kind}.wav", **one.meant(), checkpoint=nothing)
                await asyncio.to_thread(put)
            await asyncio.wait_for(told.wait(), 60)
        finally:
            server.stop()
    ledger.close()
    assert {status for _, status in answers} == {200}
