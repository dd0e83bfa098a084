"""What goes wrong around a call: nothing is lost silently, and no call is worse for it."""

import asyncio
import json
import shutil
import wave
from pathlib import Path

import aiohttp
import pytest

from tests.asterisk import AsteriskServer
from tests.health import said_faults
from tests.phone import Phones
from tests.phonograph import Phonograph
from tests.recorded import (
    ALICE,
    BOB,
    EVERYTHING,
    TRUNK,
    Conversation,
    begin,
    converse,
    recording_runs,
    said,
    whole,
)

pytestmark = pytest.mark.asterisk


async def test_the_service_ended_in_a_call_leaves_the_call_and_its_tap_alone(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    await service.start()
    call, taken = await begin(phones)
    await recording_runs(service)
    assert await service.stop() == 0
    await asyncio.sleep(0.5)
    heard = len(call.stream.arrivals)
    await asyncio.sleep(0.5)
    assert len(call.stream.arrivals) > heard
    await service.start()
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    assert whole(said(call, ALICE, margin=0.5), Conversation(call, taken, row).tracks()[0])
    await service.stop()


async def test_asterisk_absent_at_the_start_is_said_once_and_found_when_it_comes(tmp_path: Path) -> None:
    server = AsteriskServer(tmp_path / "asterisk")
    await asyncio.to_thread(server.start)
    await asyncio.to_thread(server.kill)
    service = Phonograph(server, tmp_path, policy=EVERYTHING)
    await service.start(until_up=False)

    async def said_it() -> bool:
        return service.socket.exists() and bool(said_faults(service, "switch.unreachable"))

    await service.until(said_it, "did not say that Asterisk is absent")
    await asyncio.sleep(2)
    assert len(said_faults(service, "switch.unreachable")) == 1
    await asyncio.to_thread(server.start)

    async def sees() -> bool:
        return bool((await service.get("/health"))["switches"]["main"]["up"])

    await service.until(sees, "did not find Asterisk", within=30.0)
    await service.stop()
    await asyncio.to_thread(server.stop)


async def test_a_wrong_password_is_said_once_and_what_to_do(asterisk: AsteriskServer, tmp_path: Path) -> None:
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    text = service.file.read_text().replace(asterisk.ari_password, "not-the-password")
    service.file.write_text(text)
    await service.start(until_up=False)

    async def said_it() -> bool:
        return service.socket.exists() and bool(said_faults(service, "switch.refused"))

    await service.until(said_it, "did not say that the password is wrong")
    await asyncio.sleep(2)
    (line,) = said_faults(service, "switch.refused")
    assert "password" in str(line["remedy"])
    assert "not-the-password" not in service.logs()
    await service.stop()


async def test_a_call_hung_up_at_its_answer_has_a_row_that_says_what_became_of_it(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
        for number in range(5):
            call = alice.call("102")
            taken = await bob.next_call()
            await call.answered
            await call.hangup()
            await taken.ended
            rows = await service.closed(number + 1)
            assert rows[-1]["outcome"] in ("recorded", "missed")
            assert rows[-1]["outcome"] == "recorded" or rows[-1]["reason"]


async def test_a_spool_that_is_not_there_is_refused_at_the_start(asterisk: AsteriskServer, tmp_path: Path) -> None:
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    service.file.write_text(service.file.read_text().replace(str(asterisk.recordings), str(tmp_path / "nowhere")))
    status, told = await service.cli("run")
    assert status == 1
    assert "config.spool" in told
    assert "Traceback" not in told


async def test_a_spool_that_breaks_later_is_reported_and_the_call_goes_on(tmp_path: Path) -> None:
    server = AsteriskServer(tmp_path / "asterisk")
    await asyncio.to_thread(server.start)
    async with Phonograph(server, tmp_path, policy=EVERYTHING) as service, Phones(server) as phones:
        shutil.rmtree(server.recordings)
        server.recordings.write_text("a file where the folder was")
        call, taken = await begin(phones, seconds=2.0)
        heard = len(call.stream.arrivals)
        await asyncio.sleep(0.5)
        assert len(call.stream.arrivals) > heard
        await call.hangup()
        await taken.ended
        (row,) = await service.closed(1)
        assert row["outcome"] == "missed"
        assert row["reason"]
    await asyncio.to_thread(server.stop)


async def test_a_policy_that_does_not_parse_keeps_the_running_one(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        (tmp_path / "policy.yaml").write_text("recordIncomingPSTN: perhaps\n")
        async with (aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(service.socket))) as session,
                    session.post("http://phonograph/policy/reload") as answer):
            told = await answer.json()
        assert answer.status == 422
        assert "policy.yaml:1" in json.dumps(told)
        alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
        talk = await converse(service, alice, bob, "102", seconds=1.0)
        assert talk.row["recorded"]


@pytest.mark.parametrize("name", [
    'a"b\'c;$(id)`', "../../etc/passwd", "100%25%00", "\N{PILE OF POO}\N{SNOWMAN}", "-rf"])
async def test_a_name_that_a_caller_chose_reaches_no_path_unescaped(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path, name: str) -> None:
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        trunk, bob = await phones.trunk(TRUNK), await phones.user("bob", BOB)
        call = trunk.call("102", caller="".join(f"%{byte:02X}" for byte in name.encode()))
        taken = await bob.next_call()
        await call.answered
        await asyncio.sleep(1)
        await call.hangup()
        await taken.ended
        (row,) = await service.closed(1)
        mixed = Path(row["recordings"][0]["mixed"])
        assert mixed.parent == tmp_path / "recordings"
        assert all(part.isalnum() for part in mixed.stem.split("-"))
        with wave.open(str(mixed), "rb") as file:
            assert file.getnframes() > 4000
        status, told = await service.cli("calls")
        assert status == 0
        assert all(character.isprintable() for line in told.splitlines() for character in line)


async def test_a_call_that_a_dialplan_sends_into_our_application_goes_on_at_once(
        asterisk: AsteriskServer, tmp_path: Path) -> None:
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        await asyncio.to_thread(asterisk.cli, "channel originate Local/200@menu/n application Stasis recorder")

        async def it_went_on() -> bool:
            channels = await asyncio.to_thread(asterisk.cli, "core show channels concise")
            return "!Wait!" in channels and "!Stasis!" not in channels

        await service.until(it_went_on, "holds a call")
        await asyncio.to_thread(asterisk.cli, "channel request hangup all")
