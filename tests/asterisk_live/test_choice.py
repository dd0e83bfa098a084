"""Asking for the decision before the answer, and recording by the caller's choice, on the real server."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.asterisk import AsteriskServer
from tests.asterisk_live.dialplans import ANSWERS, Dialplan, page, tells, told
from tests.asterisk_live.test_pausing import channel_of
from tests.phone import Call, Phone, Phones
from tests.phonograph import Json, Phonograph
from tests.recorded import ALICE, BOB, Conversation, clear

pytestmark = pytest.mark.asterisk

POLICY = """
record: none
users:
  alice@sales.example: {recording: {recordingProfile: optional}}
  bob@sales.example: {recording: {recordingProfile: optional}}
  carol@support.example: {recording: {recordingProfile: always}}
  dave@support.example: {recording: {recordingProfile: skip}}
"""


@pytest.fixture
async def service(asterisk: AsteriskServer, tmp_path: Path) -> AsyncIterator[Phonograph]:
    async with Phonograph(asterisk, tmp_path, policy=POLICY) as running:
        yield running


# ---- Asking before the answer --------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["Gosub(recorder-decide,s,1(5))", "Stasis(recorder)"])
@pytest.mark.parametrize(("caller", "decision"), [("carol", "record"), ("dave", "skip"), ("alice", "skip")])
async def test_a_dialplan_is_told_before_the_answer(service: Phonograph, phones: Phones, dialplan: Dialplan,
                                                    caller: str, decision: str, step: str) -> None:
    dialplan(tells(step))
    assert await told(await phones.user(caller)) == ANSWERS[decision]


@pytest.mark.parametrize(("caller", "arguments", "decision"), [
    ("alice", "record=yes", "record"), ("alice", "record=no", "skip"), ("alice", "record=1", "record"),
    ("carol", "record=no", "record"), ("dave", "record=yes", "skip"),
])
async def test_an_argument_counts_as_far_as_the_policy_leaves_the_choice(
        service: Phonograph, phones: Phones, dialplan: Dialplan, caller: str, arguments: str, decision: str) -> None:
    dialplan(tells(f"Stasis(recorder,{arguments})"))
    assert await told(await phones.user(caller)) == ANSWERS[decision]
    (row,) = await service.closed(1)
    assert (row["rule"], "whatever the caller asks" in row["decision"]) == ("user", caller != "alice")


async def test_an_argument_that_there_is_not_is_said_and_fails_no_call(
        service: Phonograph, phones: Phones, dialplan: Dialplan) -> None:
    dialplan(tells("Stasis(recorder,record=perhaps,colour=red,4929)"))
    assert await told(await phones.user("carol")) == ANSWERS["record"]
    logs = service.logs()
    assert "there is no option colour" in logs
    assert "record is neither yes nor no" in logs
    assert "4929" not in logs


async def test_a_channel_may_ask_again_and_the_newest_word_counts(
        service: Phonograph, phones: Phones, dialplan: Dialplan) -> None:
    dialplan("exten => 300,1,Stasis(recorder,record=yes)\n same => n,Stasis(recorder)\n same => n,Goto(301,1)\n"
             + tells("Gosub(recorder-decide,s,1(5))", "301"))
    assert await told(await phones.user("alice")) == ANSWERS["record"]


@pytest.mark.parametrize("step", ["Gosub(recorder-decide,s,1(5))", "Stasis(recorder)"])
async def test_the_id_that_was_told_is_that_of_the_recording(
        asterisk: AsteriskServer, service: Phonograph, phones: Phones, dialplan: Dialplan, step: str) -> None:
    dialplan(f"exten => 300,1,{step}\n same => n,Set(GLOBAL(TOLD)=${{RECORDER_RULE}} ${{RECORDER_ID}})\n"
             " same => n,Dial(PJSIP/bob,30)")
    row = await talk(service, await phones.user("carol"), await phones.user("bob"))
    (recording,) = row["recordings"]
    assert f"TOLD=user {recording['id']}" in asterisk.cli("dialplan show globals")


async def test_without_the_service_stasis_falls_through_and_the_bounded_way_says_unknown(
        asterisk: AsteriskServer, phones: Phones, dialplan: Dialplan) -> None:
    dialplan(tells("Stasis(recorder)", "300"))
    dialplan("exten => 301,1,Gosub(recorder-decide,s,1(0.1))\n same => n,Gosub(tells,1)")
    alice = await phones.user("alice")
    assert await told(alice, "300") == 503
    assert await told(alice, "301") == ANSWERS["unknown"]


async def test_the_bounded_way_is_bounded_also_with_a_stalled_service(
        service: Phonograph, phones: Phones, dialplan: Dialplan) -> None:
    dialplan(tells("Gosub(recorder-decide,s,1(0.2))"))
    alice = await phones.user("alice")
    os.kill(service.pid, signal.SIGSTOP)
    try:
        assert await told(alice) == ANSWERS["unknown"]
    finally:
        os.kill(service.pid, signal.SIGCONT)


async def test_a_call_that_was_with_a_service_that_died_is_let_go_by_the_next(
        service: Phonograph, phones: Phones, dialplan: Dialplan) -> None:
    dialplan(tells("Stasis(recorder)"))
    alice = await phones.user("alice")
    os.kill(service.pid, signal.SIGSTOP)
    call = alice.call("300")
    await call.under_way
    await asyncio.sleep(0.5)
    await service.kill()
    await asyncio.sleep(0.5)
    assert call.ended_at is None
    await service.start()
    await call.ended
    assert call.status == 503
    await service.closed(1)


# ---- The pages -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["310", "311"])
@pytest.mark.parametrize(("caller", "recorded"), [("carol", True), ("dave", False)])
async def test_the_pages_announcement_is_heard_where_the_call_is_recorded(
        service: Phonograph, phones: Phones, dialplan: Dialplan, number: str, caller: str, recorded: bool) -> None:
    dialplan(page("decisions-in-the-dialplan.md"))
    bob = await phones.user("bob", BOB)
    bob.rings = None
    call = (await phones.user(caller, ALICE)).call(number)
    ringing = await bob.next_call()
    assert (call.answered_at is not None) is recorded
    ringing.answer()
    await call.answered
    await asyncio.sleep(0.5)
    await call.hangup()
    (row,) = await service.closed(1)
    assert bool(row["recordings"]) is recorded


@pytest.mark.parametrize(("name", "number", "header", "recorded"), [
    ("decisions-in-the-dialplan.md", "312", None, True), ("decisions-in-the-dialplan.md", "313", None, False),
    ("optional-recording.md", "320", ("X-Record", "yes"), True), ("optional-recording.md", "320", None, False),
    ("optional-recording.md", "320", ("X-Record", "no"), False), ("optional-recording.md", "321", None, True),
    ("optional-recording.md", "322", ("X-Wish", "yes"), True),
])
async def test_the_pages_ways_to_choose(service: Phonograph, phones: Phones, dialplan: Dialplan, name: str, number: str,
                                        header: tuple[str, str] | None, recorded: bool) -> None:
    dialplan(page(name))
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    row = await talk(service, alice, bob, number, dict([header]) if header else {}, recorded=recorded)
    assert [one["state"] for one in row["recordings"]] == ["ready"] * recorded


HOSTILE = ["((no):5:1)):2:7", "yes):0:0", '" no', "yes,no", "${GLOBAL(RECORDER_LEASE)}"]
"""What a caller may write that a dialplan could read as something else than text."""


@pytest.mark.parametrize("wish", HOSTILE)
async def test_a_header_that_is_no_plain_wish_leaves_everything_as_it_is(
        service: Phonograph, phones: Phones, dialplan: Dialplan, asterisk: AsteriskServer, wish: str) -> None:
    dialplan("exten => 331,1,Set(RECORDER_RECORD=yes)\n same => n,Gosub(recorder-choice,s,1())\n"
             " same => n,GotoIf($[\"${RECORDER_RECORD}\" = \"yes\"]?untouched)\n same => n,Hangup(21)\n"
             " same => n(untouched),Hangup(17)")
    assert await told(await phones.user("alice"), "331", X_Record=wish) == 486


# ---- In the middle of a call ---------------------------------------------------------------------------------------


async def test_the_caller_starts_and_stops_by_keys_and_each_start_makes_a_recording(
        service: Phonograph, phones: Phones, dialplan: Dialplan) -> None:
    call, taken = await with_keys(phones, dialplan, "alice")
    for wish, state in (("*73", "recording"), ("*74", "processing"), ("*73", "recording")):
        await call.dial(wish)
        await stands(service, state)
        await asyncio.sleep(1.5)
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    assert call.answered_at is not None
    assert call.ended_at is not None
    first, second = row["recordings"]
    assert [first["state"], second["state"]] == ["ready", "ready"]
    assert first["ended"] < second["started"]
    for recording in (first, second):
        left, right = Conversation(call, taken, {**row, "recordings": [recording]}).tracks()
        assert 1.0 < len(left) / 8000 < call.ended_at - call.answered_at - 2.5
        assert clear(left[2000:10_000], ALICE.cycle(0, 160_000))
        assert clear(right[2000:10_000], BOB.cycle(0, 160_000))
        assert service.manifest(recording)
    listed = (await service.get("/recordings"))["recordings"]
    assert {one["id"] for one in listed} == {first["id"], second["id"]}
    assert len({recording[kind] for recording in (first, second) for kind in ("mixed", "stereo", "manifest")}) == 6


async def test_an_operator_makes_a_second_recording_over_the_command_line(
        service: Phonograph, phones: Phones, dialplan: Dialplan, asterisk: AsteriskServer) -> None:
    call, taken = await with_keys(phones, dialplan, "alice")
    identity = (await service.calls())[0]["id"]
    for verb, state in (("start", "recording"), ("stop", "processing"), ("start", "recording")):
        status, said = await service.cli(verb, identity)
        assert status == 0, said
        await stands(service, state)
        if verb == "start":
            await is_told_of(service, asterisk, (await service.calls())[0]["recordings"][-1]["id"])
        await asyncio.sleep(1)
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    assert [recording["state"] for recording in row["recordings"]] == ["ready", "ready"]
    _, listed = await service.cli("recordings", "list")
    assert all(recording["id"] in listed for recording in row["recordings"])


async def test_what_policy_always_records_no_key_stops_and_an_operator_can(
        service: Phonograph, phones: Phones, dialplan: Dialplan) -> None:
    call, taken = await with_keys(phones, dialplan, "carol")
    await stands(service, "recording")
    await call.dial("*74")
    await refused(service)
    identity = (await service.calls())[0]["id"]
    assert (await service.calls())[0]["recordings"][0]["state"] == "recording"
    assert (await service.cli("stop", identity))[0] == 0
    await call.dial("*73")
    await refused(service, times=2)
    assert len((await service.calls())[0]["recordings"]) == 1
    assert (await service.cli("start", identity))[0] == 0
    await stands(service, "recording")
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    assert len(row["recordings"]) == 2


async def test_what_policy_skips_neither_key_nor_operator_starts(
        service: Phonograph, phones: Phones, dialplan: Dialplan) -> None:
    call, taken = await with_keys(phones, dialplan, "dave")
    await call.dial("*73")
    await refused(service)
    status, said = await service.cli("start", (await service.calls())[0]["id"])
    assert status != 0
    assert "policy does not allow it" in said
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    assert row["recordings"] == []


async def test_the_other_party_does_not_start_it(service: Phonograph, phones: Phones, dialplan: Dialplan) -> None:
    call, taken = await with_keys(phones, dialplan, "alice")
    await taken.dial("*73")
    await refused(service)
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    assert row["recordings"] == []


# ---- How -----------------------------------------------------------------------------------------------------------


async def talk(service: Phonograph, caller: Phone, callee: Phone, number: str = "300",
               headers: dict[str, str] | None = None, *, recorded: bool = True) -> Json:
    """A short call, and its row once everything is finished."""
    call = caller.call(number, headers=headers)
    taken = await callee.next_call()
    await call.answered
    if recorded:
        await stands(service, "recording")
    await asyncio.sleep(1)
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    return row


async def with_keys(phones: Phones, dialplan: Dialplan, caller: str) -> tuple[Call, Call]:
    """A call to bob in which both parties' keys work."""
    dialplan("exten => 330,1,Set(__DYNAMIC_FEATURES=recstart#recstop)\n same => n,Dial(PJSIP/bob,30)")
    alice, bob = await phones.user(caller, ALICE), await phones.user("bob", BOB)
    call = alice.call("330")
    taken = await bob.next_call()
    await call.answered
    await asyncio.sleep(1)
    return call, taken


async def stands(service: Phonograph, state: str) -> None:
    """Wait until the newest recording of the call stands so, or has gone on from there."""
    after = {"processing": ("processing", "ready")}.get(state, (state,))

    async def so() -> bool:
        made = [one for row in await service.calls() for one in row["recordings"]]
        return bool(made) and made[-1]["state"] in after

    await service.until(so, f"has no recording that is {state}")


async def is_told_of(service: Phonograph, asterisk: AsteriskServer, recording: str) -> None:
    """Wait until a recording's id stands on the caller's channel."""
    told = f"dialplan eval function SHARED(RECORDER_ID,{channel_of(asterisk, 'alice')})"

    async def so() -> bool:
        return recording in await asyncio.to_thread(asterisk.cli, told)

    await service.until(so, f"has not told the dialplan of {recording}")


async def refused(service: Phonograph, times: int = 1) -> None:
    """Wait until the service has refused somebody, so many times."""
    identity = (await service.calls())[0]["id"]

    async def so() -> bool:
        return (await service.cli("explain", identity))[1].count("refused") >= times

    await service.until(so, "has refused nobody")
