"""The decision is on the caller's channel before anybody answers, and every call has its rule."""

import asyncio
from pathlib import Path

import pytest

from ari_app.client import Address, Client
from faults import SwitchOperationFailed
from tests.asterisk import AsteriskServer
from tests.phone import Phones
from tests.phonograph import Json, Phonograph
from tests.recorded import ALICE, BOB, recording_runs

pytestmark = pytest.mark.asterisk

POLICY = """
recordIncomingPSTN: true
record: none
trunks: {endpoints: [trunk]}
domains:
  support.example: {recording: {recordingProfile: always}}
users:
  alice@sales.example: {recording: {recordingProfile: always}}
  bob@sales.example: {recording: {recordingProfile: skip}}
"""


async def read(client: Client, channel: str, variable: str) -> str:
    """A shared variable of a channel, once it is there."""
    async with asyncio.timeout(10):
        while True:
            try:
                found = await client.operations.channels_get_channel_var(channel, variable=f"SHARED({variable})")
            except SwitchOperationFailed:
                found = None
            if found is not None and found.value:
                return found.value
            await asyncio.sleep(0.02)


async def test_decision_rule_and_id_are_on_the_callers_channel_before_the_answer(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    address = Address(url=asterisk.ari_url, user=asterisk.ari_user, password=asterisk.ari_password, app="reader")
    async with Phonograph(asterisk, tmp_path, policy=POLICY) as service, Client(address) as client:
        alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
        bob.rings = None
        call = alice.call("102")
        await bob.next_call()
        alices = [one for one in await client.operations.channels_list() if one.name.startswith("PJSIP/alice")]
        channel = max(alices, key=lambda one: one.creationtime).id
        assert await read(client, channel, "RECORDER_DECISION") == "record"
        assert await read(client, channel, "RECORDER_RULE") == "user"
        identity = await read(client, channel, "RECORDER_ID")
        assert call.answered_at is None
        bob.calls[-1].answer()
        await call.answered
        await recording_runs(service)
        await call.hangup()
        (row,) = await service.closed(1)
        assert [recording["id"] for recording in row["recordings"]] == [identity]


@pytest.mark.parametrize(("caller", "callee", "expected"), [
    ("trunk", "bob", ("inbound", True, "recordIncomingPSTN")),
    ("alice", "bob", ("internal", True, "user")),
    ("bob", "alice", ("internal", False, "user")),
    ("carol", "bob", ("internal", True, "domain")),
    ("frank", "bob", ("internal", False, "system")),
])
async def test_the_table_of_calls(asterisk: AsteriskServer, phones: Phones, tmp_path: Path, caller: str, callee: str,
                                  expected: tuple[str, bool, str]) -> None:
    async with Phonograph(asterisk, tmp_path, policy=POLICY) as service:
        calls = await (phones.trunk(ALICE) if caller == "trunk" else phones.user(caller, ALICE))
        await phones.user(callee, BOB)
        call = calls.call(callee)
        await call.answered
        await (recording_runs(service) if expected[1] else asyncio.sleep(0.7))
        await call.hangup()
        row: Json = (await service.closed(1))[0]
        assert (row["direction"], bool(row["recordings"]), row["rule"]) == expected
        assert row["outcome"] == ("recorded" if expected[1] else "not_wanted")
        assert row["reason"] or row["decision"]


async def test_a_trunk_is_known_by_the_context_in_which_it_came_in(asterisk: AsteriskServer, phones: Phones,
                                                                    tmp_path: Path) -> None:
    policy = "recordIncomingPSTN: true\ntrunks: {contexts: [from-trunk]}\n"
    async with Phonograph(asterisk, tmp_path, policy=policy) as service:
        trunk, _bob = await phones.trunk(ALICE), await phones.user("bob", BOB)
        call = trunk.call("102")
        await call.answered
        await asyncio.sleep(0.7)
        await call.hangup()
        (row,) = await service.closed(1)
        assert (row["direction"], row["rule"]) == ("inbound", "recordIncomingPSTN")
