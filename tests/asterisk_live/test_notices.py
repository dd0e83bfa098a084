"""A call on the real Asterisk is recorded, paused and finished while receivers of its notices hang; who takes them is
told of each state as it comes."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.asterisk import AsteriskServer
from tests.phone import Phones
from tests.phonograph import Phonograph
from tests.processing.notify.telling import Asked, silent_server, web_server
from tests.recorded import EVERYTHING, begin
from tests.service.test_notices import DEAD_NAME_SERVER, SECRET, hook, taken

pytestmark = pytest.mark.asterisk


async def test_receivers_that_hang_hold_up_neither_the_call_nor_its_pause_nor_its_files(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, names = tmp_path / "secret", tmp_path / "names"
    secret.write_text(SECRET)
    names.mkdir()
    (names / "sitecustomize.py").write_text(DEAD_NAME_SERVER)
    monkeypatch.setenv("PYTHONPATH", str(names))
    async with silent_server() as silent, web_server(taken) as crm:
        urls = {"crm": crm.url, "silent": f"http://127.0.0.1:{silent}/",
                **{f"nowhere-{number}": f"http://host-{number}.invalid/" for number in range(8)}}
        hooks = {name: {**hook(url), "secret_file": str(secret), "timeout": 30} for name, url in urls.items()}
        service = Phonograph(asterisk, tmp_path / "service", policy=EVERYTHING,
                             notices={"attempts": 1, "webhooks": hooks})
        async with service:
            call, answered = await begin(phones)
            (row,) = await service.calls()
            # Each of these receivers has taken its notices of the call's begin, and hangs with them.
            await service.until(_told(crm.asked, "recording.recording"), "told of no recording")
            assert (await service.ask(row["id"], "pause"))["answer"] == "confirmed"
            assert (await service.ask(row["id"], "resume"))["answer"] == "done"
            await asyncio.sleep(0.5)
            await call.hangup()
            await answered.ended
            (row,) = await service.closed(1)
            (recording,) = row["recordings"]
            assert recording["state"] == "ready"
            for kind in ("recording.processing", "recording.ready"):
                await service.until(_told(crm.asked, kind), f"told nobody of {kind}")
            waiting = await service.get("/notices?status=running&limit=1000")
            assert {one["channel"] for one in waiting["notices"]} >= {"webhook:silent", "webhook:nowhere-0"}
    documents = sorted((json.loads(one.body) for one in crm.asked), key=lambda one: int(one["data"]["change"]))
    types = [one["type"].removeprefix("recording.") for one in documents]
    # It is never seen `ended`: its taps had ended with the call, and its job began at once.
    assert types == ["armed", "recording", "paused", "armed", "recording", "processing", "ready"]
    assert base64.b64decode(SECRET.removeprefix("whsec_")) not in b"".join(one.body for one in crm.asked)


def _told(asked: list[Asked], kind: str) -> Callable[[], Awaitable[bool]]:
    async def told() -> bool:
        return any(json.loads(one.body)["type"] == kind for one in asked)

    return told
