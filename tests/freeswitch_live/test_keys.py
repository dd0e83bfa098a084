"""The keys of a telephone, on a real FreeSWITCH with Phonograph: those of who calls, and those of who is called."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.freeswitch import FreeSwitchServer
from tests.freeswitch_live.channels import until
from tests.phone import Call, Phones
from tests.phonograph import Json, Phonograph
from tests.who_hears import SOUNDS, all_hear, connected

pytestmark = pytest.mark.freeswitch

POLICY = """
record: none
users:
  alice@sales.example: {recording: {recordingProfile: always}}
  dave@support.example: {recording: {recordingProfile: optional}}
  erin@office.example: {recording: {recordingProfile: always, recordingControl: deny}}
"""


class Keys(NamedTuple):
    """A number that bob is called by, and what is then pressed."""

    number: str
    pause: str
    resume: str
    start: str
    stop: str


CALLER = {"digits": Keys("41102", "*71", "*72", "*73", "*74"), "meta": Keys("42102", "*1", "*2", "*3", "*4")}
CALLED = {"digits": Keys("41102", "*71", "*72", "*73", "*74"), "meta": Keys("42102", "*6", "*7", "*8", "*9")}
WAYS = pytest.mark.parametrize("way", ["digits", "meta"])


async def talking(phones: Phones, user: str, number: str) -> tuple[Call, Call]:
    """A user and bob in a call, who hear one another."""
    caller, bob = await phones.user(user, SOUNDS["alice"]), await phones.user("bob", SOUNDS["bob"])
    call = caller.call(number)
    taken = await bob.next_call()
    await connected(call, taken)
    return call, taken


async def so(service: Phonograph, true: Callable[[Json], bool], failure: str) -> None:
    """Until it is so of the one call."""
    async def asked() -> bool:
        rows = await service.calls()
        return len(rows) == 1 and true(rows[0])

    await service.until(asked, failure)


def recorded(row: Json) -> bool:
    return any(segment["state"] == "up" for recording in row["recordings"] for segment in recording["segments"])


async def hangs_up(service: Phonograph, call: Call) -> Json:
    await call.hangup()
    (row,) = await service.closed(1)
    return row


def nothing_is_missing(service: Phonograph, row: Json) -> None:
    """But for what the first call of a FreeSWITCH's life lacks, which is told late."""
    (recording,) = row["recordings"]
    assert recording["state"] in ("ready", "incomplete")
    assert [one for one in service.manifest(recording)["reasons"] if "was not tapped" not in one] == []


def pressed_are_nowhere(service: Phonograph, keys: Keys) -> None:
    """Not in what Phonograph has written."""
    for number in range(1, 5):
        assert keys[number] not in service.logs()
    for file in service.folder.rglob("*.json*"):
        assert not any(f'"{keys[number]}"' in file.read_text() for number in range(1, 5))


@WAYS
@pytest.mark.parametrize("side", ["caller", "called"])
async def test_each_side_pauses_and_resumes_by_keys_that_the_other_does_not_hear(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path, way: str, side: str) -> None:
    keys = (CALLER if side == "caller" else CALLED)[way]
    async with Phonograph(freeswitch, tmp_path, policy=POLICY) as service:
        call, taken = await talking(phones, "alice", keys.number)
        presses, other = (call, taken) if side == "caller" else (taken, call)
        await so(service, recorded, "does not record")
        await presses.dial(keys.pause)
        await so(service, lambda row: row["paused"] and not recorded(row), "is not paused")
        await presses.dial(keys.resume)
        await so(service, lambda row: not row["paused"] and recorded(row), "is not resumed")
        await all_hear((call, {"bob"}), (taken, {"alice"}))
        await presses.dial("5")
        await until(lambda: other.digits != "")
        assert other.digits == "5"
        row = await hangs_up(service, call)
        (pause,) = row["pauses"]
        assert (pause["actor"], pause["owner"], pause["state"]) == ("party", "agent", "resumed")
        nothing_is_missing(service, row)
        pressed_are_nowhere(service, keys)


@WAYS
async def test_the_caller_who_has_the_choice_starts_and_stops_by_keys(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path, way: str) -> None:
    keys = CALLER[way]
    async with Phonograph(freeswitch, tmp_path, policy=POLICY) as service:
        call, _ = await talking(phones, "dave", keys.number)
        await so(service, lambda row: row["state"] == "answered" and not row["recordings"], "is recorded unasked")
        await call.dial(keys.start)
        await so(service, recorded, "does not record")
        await asyncio.sleep(0.5)
        await call.dial(keys.stop)
        await so(service, lambda row: not recorded(row), "does not stop")
        row = await hangs_up(service, call)
        nothing_is_missing(service, row)


@WAYS
@pytest.mark.parametrize("verb", ["start", "stop"])
async def test_who_is_called_has_not_the_callers_choice(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path, way: str, verb: str) -> None:
    async with Phonograph(freeswitch, tmp_path, policy=POLICY) as service:
        call, taken = await talking(phones, "dave", CALLED[way].number)
        if verb == "stop":
            await call.dial(CALLER[way].start)
            await so(service, recorded, "does not record")
        await taken.dial(getattr(CALLED[way], verb))
        await refused(service)
        assert recorded((await service.calls())[0]) is (verb == "stop")


@WAYS
async def test_who_may_not_control_the_recording_presses_in_vain(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path, way: str) -> None:
    async with Phonograph(freeswitch, tmp_path, policy=POLICY) as service:
        call, _ = await talking(phones, "erin", CALLER[way].number)
        await so(service, recorded, "does not record")
        await call.dial(CALLER[way].pause)
        await refused(service)
        assert recorded((await service.calls())[0])
        row = await hangs_up(service, call)
        assert row["pauses"] == []
        nothing_is_missing(service, row)


@WAYS
async def test_the_outside_may_not_even_where_the_dialplan_has_given_it_keys(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path, way: str) -> None:
    policy = "recordIncomingPSTN: true\nrecord: none\ntrunks: {profiles: [trunk]}\n"
    async with Phonograph(freeswitch, tmp_path, policy=policy) as service:
        trunk, bob = await phones.trunk(SOUNDS["trunk"]), await phones.user("bob", SOUNDS["bob"])
        call = trunk.call(CALLER[way].number)
        await connected(call, await bob.next_call())
        await so(service, recorded, "does not record")
        await call.dial(CALLER[way].pause)
        await refused(service)
        assert recorded((await service.calls())[0])


async def refused(service: Phonograph) -> None:
    """Until the journal of the one call has a refusal."""
    async def told() -> bool:
        (row,) = await service.calls()
        file = service.folder / "journal" / f"{row['id']}.jsonl"
        return file.exists() and '"refused"' in file.read_text()

    wait: Callable[[], Awaitable[bool]] = told
    await service.until(wait, "has refused nothing")


async def test_a_meta_key_that_is_bound_to_nothing_is_in_freeswitchs_log_as_the_page_says(
        freeswitch: FreeSwitchServer, phones: Phones) -> None:
    """And one of bind_digit_action is not."""
    before = len(freeswitch.log.read_text())
    for number in (CALLER["digits"].number, CALLER["meta"].number):
        call, taken = await talking(phones, "alice", number)
        await call.dial("*5")
        await call.dial("8")
        await until(lambda taken=taken: taken.digits.endswith("8"))  # type: ignore[misc]
        await call.hangup()
    logged = freeswitch.log.read_text()[before:]
    assert logged.count("Ignoring meta digit 5 not mapped") == len(re.findall("digit '?[0-9]", logged)) == 1
