"""Taps that are renewed while a call goes on: without a seam after their time, and at once when they stop to write."""

import asyncio
from pathlib import Path
from urllib.parse import quote

import pytest

from ari_app.client import Address, Client
from tests.asterisk import AsteriskServer
from tests.phone import Phones
from tests.phonograph import Json, Phonograph, settings
from tests.recorded import ALICE, BOB, EVERYTHING, Conversation, begin, best_of_three, recording_runs, said, whole

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(150)]

RENEWED_AFTER = 5.0


async def started(service: Phonograph, number: int) -> list[Json]:
    """The segments of the only recording that is going on, once so many have audio."""
    found: list[Json] = []

    async def enough() -> bool:
        rows = [row for row in await service.calls() if row["state"] == "answered"]
        found[:] = [one for row in rows for one in row["recordings"][0]["segments"] if one["started"] is not None]
        return len(found) >= number

    await service.until(enough, f"has no {number} segments")
    return found


async def test_a_renewed_tap_leaves_no_seam(asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    switches = settings(asterisk, tmp_path)["switches"]
    switches["main"]["renew_taps_after"] = RENEWED_AFTER
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)

    async def nothing_is_missing_or_moved(calls: int) -> None:
        call = alice.call("102")
        taken = await bob.next_call()
        await call.answered
        await started(service, 3)
        await asyncio.sleep(1)
        await call.hangup()
        await taken.ended
        row = next(row for row in await service.closed(calls) if row["sip_call_id"] == call.id)
        talk = Conversation(call, taken, row)
        assert len(talk.recording["segments"]) == 3
        assert (talk.recording["state"], talk.recording["reason"]) == ("ready", "")
        assert service.manifest(talk.recording)["gaps"] == []
        left, right = talk.tracks()
        assert whole(said(call, ALICE), left)
        assert whole(said(taken, BOB), right)

    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING, switches=switches) as service:
        await best_of_three(nothing_is_missing_or_moved)


async def test_a_recording_that_somebody_else_pauses_on_asterisk_goes_on_in_a_new_tap(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    address = Address(url=asterisk.ari_url, user=asterisk.ari_user, password=asterisk.ari_password, app="stranger")
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service, Client(address) as stranger:
        call, taken = await begin(phones, seconds=1.0)
        await recording_runs(service)
        (segment,) = await started(service, 1)
        name = segment["files"][0].removesuffix(".wav")
        await stranger.call("POST", f"/recordings/live/{quote(name, safe='')}/pause", {}, None, lambda answer: answer)
        _, second = await started(service, 2)
        await asyncio.sleep(1)
        await call.hangup()
        await taken.ended
        (row,) = await service.closed(1)
    (recording,) = row["recordings"]
    assert recording["segments"][0]["cause"] == "its file stopped growing"
    assert recording["segments"][0]["leg"] == second["leg"]
    assert recording["state"] == "incomplete"
    assert 0 < second["started"] - segment["started"] < 10
