"""What dialplan/recorder.xml and recorder.lua do on a real FreeSWITCH, with somebody who answers and with nobody."""

import asyncio
from collections.abc import Callable

import pytest

from tests.freeswitch import FreeSwitchServer
from tests.freeswitch_live.answering import answering
from tests.freeswitch_live.channels import legs, until, variable
from tests.phone import Call, Phones
from tests.scenarios.test_named_servers import dialplan_of_the_page
from tests.who_hears import SOUNDS, connected

pytestmark = pytest.mark.freeswitch

OURS, THEIRS = "phonograph/11111111-2222-3333-4444-555555555555.1.wav", "theirs.wav"


async def fs_cli(server: FreeSwitchServer, command: str) -> str:
    """What it prints, but for the line in which it says that it expands an alias."""
    told = await asyncio.to_thread(server.fs_cli, command)
    return "\n".join(line for line in told.strip().splitlines() if line and not line.startswith("Expand Alias"))


def recordings(server: FreeSwitchServer, uuid: str) -> list[str]:
    """What records that leg."""
    bugs = server.cli(f"uuid_buglist {uuid}")
    return [name for name in (OURS, THEIRS) if f"{name}</target>" in bugs]


def record(server: FreeSwitchServer, uuid: str) -> None:
    """As Phonograph does, and as somebody else does."""
    for name in (OURS, THEIRS):
        path = server.recordings / name
        path.parent.mkdir(exist_ok=True)
        assert server.cli(f"uuid_record {uuid} start {path}").startswith("+OK")


def says(server: FreeSwitchServer, uuid: str, **wanted: str) -> Callable[[], bool]:
    """Whether the call's variables are these: recorder_paused, recorder_pause."""
    return lambda: {name: variable(server, uuid, f"recorder_{name}") for name in wanted} == wanted


# ---- From the dialplan ----------------------------------------------------------------------------------------------


async def test_a_confirmed_pause_lets_the_card_number_come(
    freeswitch: FreeSwitchServer, phones: Phones
) -> None:
    async with answering(freeswitch) as phonograph:
        call = (await phones.trunk()).call("210")
        await call.answered
        (uuid,) = await legs(freeswitch, 1)
        asked = await phonograph.next()
        assert (asked["Event-Subclass"], asked["Unique-ID"]) == ("recorder::pause", uuid)
        assert (asked["Recorder-Owner"], asked["Recorder-Reason"]) == ("ivr", "card number")
        await until(says(freeswitch, uuid, paused="confirmed", pause="ivr"))
        assert (await phonograph.next())["Event-Subclass"] == "recorder::resume"
        await until(says(freeswitch, uuid, paused="", pause=""))
        assert call.ended_at is None


@pytest.mark.parametrize("answer", ["", "forced"])
async def test_without_a_confirmation_the_dialplan_ends_our_recordings_and_only_those(
    freeswitch: FreeSwitchServer, phones: Phones, answer: str
) -> None:
    async with answering(freeswitch) as phonograph:
        phonograph.answer = answer
        call = (await phones.trunk()).call("210")
        await call.answered
        (uuid,) = await legs(freeswitch, 1)
        record(freeswitch, uuid)
        assert recordings(freeswitch, uuid) == [OURS, THEIRS]
        await phonograph.next()
        await until(says(freeswitch, uuid, paused="ended", pause="ivr"))
        assert recordings(freeswitch, uuid) == [THEIRS]
        assert call.ended_at is None


@pytest.mark.parametrize(("answer", "paused", "mark"), [
    ("confirmed", "confirmed", ""), ("", "ended", "ivr-second"), ("refused", "ended", "ivr-second")])
async def test_a_pause_of_one_server_that_nobody_confirms_is_one_of_everything_until_its_resume(
    freeswitch: FreeSwitchServer, phones: Phones, answer: str, paused: str, mark: str
) -> None:
    with dialplan_of_the_page(freeswitch):
        async with answering(freeswitch) as phonograph:
            phonograph.answer = answer
            await (await phones.user("alice", SOUNDS["alice"])).call("360").answered
            (uuid,) = await legs(freeswitch, 1)
            for verb in ("start", "pause"):
                asked = await phonograph.next()
                assert (asked["Event-Subclass"], asked["Recorder-Server"]) == (f"recorder::{verb}", "second")
            await until(says(freeswitch, uuid, paused=paused, pause=mark))
            assert (await phonograph.next())["Event-Subclass"] == "recorder::resume"
            await until(says(freeswitch, uuid, paused="", pause=""))


async def test_the_late_answer_to_an_earlier_question_is_none(freeswitch: FreeSwitchServer, phones: Phones) -> None:
    async with answering(freeswitch) as phonograph:
        phonograph.answer = ""
        await (await phones.trunk()).call("210").answered
        (uuid,) = await legs(freeswitch, 1)
        await phonograph.next()
        freeswitch.cli(f"uuid_setvar {uuid} recorder_answer confirmed 99")
        await until(says(freeswitch, uuid, paused="ended"))


@pytest.mark.parametrize(("number", "channels"), [("102", 2), ("130", 4)])
async def test_with_nobody_there_the_recording_of_the_other_leg_is_ended_too(
    freeswitch: FreeSwitchServer, phones: Phones, number: str, channels: int
) -> None:
    """Loopback channels between the two legs included."""
    trunk, bob = await phones.trunk(SOUNDS["trunk"]), await phones.user("bob", SOUNDS["bob"])
    call = trunk.call(number)
    await connected(call, await bob.next_call())
    first, *_, last = await legs(freeswitch, channels)
    record(freeswitch, first)
    freeswitch.cli(f"luarun recorder.lua key pause {last}")
    await until(lambda: recordings(freeswitch, first) == [THEIRS])
    assert variable(freeswitch, last, "recorder_pause") == "agent"


async def test_with_nobody_there_a_conferences_recordings_are_ended(
    freeswitch: FreeSwitchServer, phones: Phones
) -> None:
    for name in ("alice", "bob"):
        await (await phones.user(name, SOUNDS[name])).call("8000").answered
    first, second = await legs(freeswitch, 2)
    record(freeswitch, first)
    ours, theirs = "phonograph/33333333-2222-3333-4444-555555555555.1.wav", "mix.wav"

    def mixes() -> set[str]:
        told = freeswitch.cli("conference 8000 xml_list")
        return {name for name in (ours, theirs) if f"/{name}</record_path>" in told}

    for name in (ours, theirs):
        freeswitch.cli(f"conference 8000 record {{enable_file_write_buffering=false}}{freeswitch.recordings / name}")
    await until(lambda: mixes() == {ours, theirs})
    freeswitch.cli(f"luarun recorder.lua key pause {second}")
    await until(lambda: recordings(freeswitch, first) == [THEIRS])
    await until(lambda: mixes() == {theirs})


# ---- By keys --------------------------------------------------------------------------------------------------------


async def with_keys(phones: Phones) -> tuple[Call, Call]:
    trunk, bob = await phones.trunk(SOUNDS["trunk"]), await phones.user("bob", SOUNDS["bob"])
    call = trunk.call("5102")
    taken = await bob.next_call()
    await connected(call, taken)
    return call, taken


async def test_who_is_called_pauses_and_resumes_by_keys_that_the_other_does_not_hear(
    freeswitch: FreeSwitchServer, phones: Phones
) -> None:
    async with answering(freeswitch) as phonograph:
        call, taken = await with_keys(phones)
        _, agent = await legs(freeswitch, 2)
        await taken.dial("*71")
        asked = await phonograph.next()
        assert (asked["Event-Subclass"], asked["Unique-ID"]) == ("recorder::pause", agent)
        assert (asked["Recorder-Actor"], asked["Recorder-Owner"]) == ("party", "agent")
        assert variable(freeswitch, agent, "recorder_pause") == "agent"
        await taken.dial("*72")
        assert (await phonograph.next())["Event-Subclass"] == "recorder::resume"
        assert variable(freeswitch, agent, "recorder_pause") == ""
        await taken.dial("5")
        await until(lambda: call.digits != "")
        assert call.digits == "5"


async def test_a_refused_key_changes_nothing(freeswitch: FreeSwitchServer, phones: Phones) -> None:
    async with answering(freeswitch) as phonograph:
        phonograph.answer = "refused"
        _, taken = await with_keys(phones)
        outside, agent = await legs(freeswitch, 2)
        record(freeswitch, outside)
        await taken.dial("*71")
        await phonograph.next()
        await until(lambda: variable(freeswitch, agent, "recorder_pause") == "")
        assert recordings(freeswitch, outside) == [OURS, THEIRS]


async def test_the_outside_has_no_keys(freeswitch: FreeSwitchServer, phones: Phones) -> None:
    async with answering(freeswitch) as phonograph:
        call, taken = await with_keys(phones)
        await call.dial("*71")
        await until(lambda: taken.digits == "*71")
        assert phonograph.asked.empty()


# ---- On the console -------------------------------------------------------------------------------------------------


@pytest.fixture
def alias(freeswitch: FreeSwitchServer) -> None:
    freeswitch.fs_cli("alias stickyadd recorder lua recorder.lua")


@pytest.mark.usefixtures("alias")
async def test_fs_cli_asks_and_prints_the_answer(freeswitch: FreeSwitchServer) -> None:
    uuid = "22222222-2222-3333-4444-555555555555"
    async with answering(freeswitch) as phonograph:
        assert await fs_cli(freeswitch, f"recorder pause {uuid} reason=card") == "+OK as told"
        asked = await phonograph.next()
        assert (asked["Recorder-Verb"], asked["Recorder-Call"]) == ("pause", uuid)
        assert asked["Recorder-Arg-1"] == "reason=card"
        for answer, printed in (("done", "+OK as told"), ("refused", "-ERR recorder: refused: as told"),
                                ("forced", "-ERR recorder: forced: as told")):
            phonograph.answer = answer
            assert await fs_cli(freeswitch, f"recorder stop {uuid}") == printed


@pytest.mark.usefixtures("alias")
async def test_fs_cli_says_when_nobody_answers(freeswitch: FreeSwitchServer) -> None:
    assert await fs_cli(freeswitch, "recorder status") == "-ERR recorder: no answer"


@pytest.mark.usefixtures("alias")
@pytest.mark.parametrize("words", ["", "pause", "erase 1"])
async def test_fs_cli_says_how_it_is_used(freeswitch: FreeSwitchServer, words: str) -> None:
    assert (await fs_cli(freeswitch, f"recorder {words}")).startswith("-USAGE: recorder pause|resume|start|stop UUID")
