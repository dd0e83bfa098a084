"""What the pages tell an administrator to type is typed, on the real server."""

import asyncio
import os
import re
import shlex
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from tests.announcing import BEEP, CHIME, beeps, told, write_chime
from tests.asterisk import AsteriskServer
from tests.asterisk_live.dialplans import Dialplan
from tests.asterisk_live.pages import blocks, conf, documents, on_the_command_line, on_the_console, pages
from tests.asterisk_live.test_pausing import channel_of
from tests.phone import Phones
from tests.phonograph import Json, Phonograph, settings
from tests.recorded import ALICE, BOB, EVERYTHING, begin, clear, converse, recording_runs, said

pytestmark = pytest.mark.asterisk

ELSEWHERE = {"core restart when convenient", "channel redirect PJSIP/alice-00000001 from-users,102,1"}
"""Would end what other tests use, or has a test of its own."""

CONSOLE = {page: commands for page in pages() if (commands := [one for one in on_the_console(page)
                                                               if one not in ELSEWHERE])}
OTHERS = ("worker", "notices show ", "notices retry ", "jobs retry RECORDING")
"""Have tests of their own, with the queue, the receiver or the failed job that they need."""
OURS = {page: lines for page in pages() if (lines := [one for one in on_the_command_line(page)
                                                      if not one.startswith(OTHERS)])}

SHOWS = {
    "http show status": "/ari/", "ari show users": "phonograph", "ari show user phonograph": "phonograph",
    "ari show apps": "recorder", "dialplan show globals": "RECORDER_LEASE", "core show settings": "Spool directory",
    "module show like NAME": "Running", "core show version": "Asterisk 22", "core show uptime": "System uptime",
    "recorder status": "PJSIP/",
}
"""What the pages say that a command shows."""


@pytest_asyncio.fixture
async def service(asterisk: AsteriskServer, tmp_path: Path) -> AsyncIterator[Phonograph]:
    """The product, recording every call."""
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as running:
        yield running


@pytest.mark.parametrize("page", CONSOLE)
async def test_each_command_for_asterisks_console_shows_what_the_page_says_and_disturbs_no_recording(
        service: Phonograph, phones: Phones, asterisk: AsteriskServer, page: str) -> None:
    call, taken = await begin(phones)
    await recording_runs(service)
    name = channel_of(asterisk, "alice")
    for command in CONSOLE[page]:
        typed = re.sub(r"PJSIP/alice-[0-9a-f]+", name, command).replace("NAME", "res_ari")
        answer = await asyncio.to_thread(asterisk.cli, typed)
        assert "No such" not in answer, typed
        assert SHOWS.get(command, "") in answer, typed
    await asyncio.sleep(1.0)
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    (recording,) = row["recordings"]
    assert recording["state"] == "ready", recording


async def test_the_console_pauses_and_resumes_with_the_pages_lines(
        service: Phonograph, phones: Phones, asterisk: AsteriskServer) -> None:
    pause, resume, status = on_the_console("pausing.md")
    call, taken = await begin(phones)
    await recording_runs(service)
    name = channel_of(asterisk, "alice")

    async def paused(wanted: bool) -> None:
        async def so() -> bool:
            return (await service.calls())[0]["paused"] is wanted

        await service.until(so, f"is not paused: {wanted}" if wanted else "is still paused")

    async def shown(word: str) -> None:
        async def so() -> bool:
            return word in (await asyncio.to_thread(asterisk.cli, status)).lower()

        await service.until(so, f"does not show {word}")

    for command, wanted, word in ((pause, True, "paused"), (resume, False, "recording")):
        await asyncio.to_thread(asterisk.cli, re.sub(r"PJSIP/alice-[0-9a-f]+", name, command))
        await paused(wanted)
        await shown(word)
    await call.hangup()
    await taken.ended
    await service.closed(1)


@pytest.mark.parametrize("page", OURS)
async def test_each_command_of_ours_does_what_its_page_has_it_for(
        service: Phonograph, phones: Phones, page: str, tmp_path: Path) -> None:
    """In a call, after another one. What a command finds is not asked here, but that it finds it."""
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    before = await converse(service, alice, bob, "102", seconds=1.0)
    call = alice.call("102")
    taken = await bob.next_call()
    await call.answered
    await recording_runs(service)
    up = next(row["id"] for row in await service.calls() if row["state"] == "answered")
    for line in OURS[page]:
        typed = line.replace("CALL", up).replace("RECORDING", str(before.recording["id"]))
        typed = typed.replace("FOLDER", str(tmp_path / "fetched"))
        status, answer = await service.cli(*shlex.split(typed))
        # The spool has other tests' files, so a reconciliation and a look at the whole may well find something.
        assert (status == 0 or line.split()[0] in ("reconcile", "check")), (typed, answer)
        assert "Traceback" not in answer
        assert "Usage:" not in answer, (typed, answer)
    await call.hangup()
    await taken.ended
    await service.closed(2)


# ---- announcements.md ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "hertz"), [(0, BEEP), (1, CHIME)], ids=["beep", "sound"])
async def test_the_pages_announcements_are_heard_and_told(
        asterisk: AsteriskServer, phones: Phones, dialplan: Dialplan, tmp_path: Path, number: int, hertz: int) -> None:
    policy = blocks("announcements.md", "yaml")[number]
    found = re.search(r"Data directory:\s*(\S+)", asterisk.cli("core show settings"))
    assert found is not None
    write_chime(Path(found[1]) / "sounds" / "custom" / "this-call-is-recorded.wav")
    asterisk.cli("module load app_playback.so")  # nothing else here needs it
    dialplan("exten => 340,1,Answer()\n same => n,Playback(custom/this-call-is-recorded)\n same => n,Hangup()")
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    tried = alice.call("340")
    await tried.ended
    assert len(beeps(tried, CHIME)) == 1
    async with Phonograph(asterisk, tmp_path, policy=policy) as service:
        talk = await converse(service, alice, bob, "102", seconds=3.0, rows=1)
        assert len(beeps(talk.caller, hertz)) == len(beeps(talk.callee, hertz)) == 1
        (one,) = told(talk.row)
        assert (one["parties"], one["state"]) == (["alice", "bob"], "done")
        status, story = await service.cli("explain", talk.row["id"])
        assert (status, "announcement" in story.lower()) == (0, True), story
        status, shown = await service.cli("--json", "recordings", "show", talk.recording["id"])
        assert status == 0
        (proof,) = yaml.safe_load(shown)["announcements"]
        assert proof["started"] < proof["ended"]


# ---- restarts.md ---------------------------------------------------------------------------------------------------


def here(switch: Json, server: AsteriskServer, folder: Path) -> Json:
    """A page's switch with the ports and folders of a test, and its password in the file that the page names."""
    file = folder / switch["password_file"]
    file.write_text(server.ari_password)
    file.chmod(0o600)
    own = settings(server, folder)["switches"]["main"]
    return {**switch, "url": own["url"], "spool": own["spool"]}


async def test_an_asterisk_that_runs_connects_after_what_the_page_adds_and_loads(
        tmp_path: Path, unused_tcp_port: int) -> None:
    server = AsteriskServer(tmp_path / "asterisk")
    await asyncio.to_thread(server.start)
    try:
        for file, named in (("websocket_client.conf", "listen/websocket_client.conf"), ("ari.conf", "listen/ari.conf")):
            added = conf("restarts.md", named).replace("a-long-random-word", server.ari_password)
            with (server.folder / "conf" / file).open("a") as written:
                written.write(added.replace("8089", str(unused_tcp_port)))
        for command in on_the_console("restarts.md"):
            await asyncio.to_thread(server.cli, command)
        switch = here(documents("restarts.md")[0]["switches"]["main"], server, tmp_path)
        switch.update(listen=switch["listen"].replace("8089", str(unused_tcp_port)), url="http://127.0.0.1:9")
        async with (Phonograph(server, tmp_path, policy=EVERYTHING, switches={"main": switch}) as service,
                    Phones(server) as phones):
            alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
            talk = await converse(service, alice, bob, "102")
            assert talk.recording["state"] == "ready"
            assert clear(said(talk.caller, ALICE, margin=0.5), talk.tracks()[0])
    finally:
        await asyncio.to_thread(server.stop)


async def test_the_pages_two_asterisks_are_told_apart_also_where_a_channels_name_is_on_both(tmp_path: Path) -> None:
    berlin, hamburg = AsteriskServer(tmp_path / "b"), AsteriskServer(tmp_path / "h")
    both = {"berlin": berlin, "hamburg": hamburg}
    try:
        for server in both.values():
            await asyncio.to_thread(server.start)
        page = next(one for one in documents("restarts.md") if "berlin" in one["switches"])
        switches = {name: here(switch, both[name], tmp_path) for name, switch in page["switches"].items()}
        async with (Phonograph(berlin, tmp_path, policy=EVERYTHING, switches=switches) as service,
                    Phones(berlin) as one, Phones(hamburg) as other):
            calls = [await begin(phones) for phones in (one, other)]
            name = channel_of(berlin, "alice")
            assert name == channel_of(hamburg, "alice")
            rows = {row["switch"]: row for row in await service.calls()}
            assert set(rows) == set(both)
            status, answer = await service.cli("pause", name)
            assert (status != 0, rows["berlin"]["id"] in answer or "id" in answer) == (True, True), answer
            assert not any(row["paused"] for row in await service.calls())
            status, answer = await service.cli("pause", rows["hamburg"]["id"])
            assert status == 0, answer
            assert {row["switch"] for row in await service.calls() if row["paused"]} == {"hamburg"}
            for call, taken in calls:
                await call.hangup()
                await taken.ended
            await service.closed(2)
    finally:
        for server in both.values():
            await asyncio.to_thread(server.stop)


# ---- decisions-in-the-dialplan.md ----------------------------------------------------------------------------------


async def test_a_call_that_is_held_is_taken_out_with_the_pages_line(
        service: Phonograph, phones: Phones, asterisk: AsteriskServer, dialplan: Dialplan) -> None:
    (line,) = on_the_console("decisions-in-the-dialplan.md")
    dialplan("exten => 341,1,Stasis(recorder)\n same => n,Hangup()")
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    os.kill(service.pid, signal.SIGSTOP)
    try:
        call = alice.call("341")
        await call.under_way
        await asyncio.sleep(0.5)
        assert call.ended_at is None
        await asyncio.to_thread(
            asterisk.cli, re.sub(r"PJSIP/alice-[0-9a-f]+", channel_of(asterisk, "alice"), line))
        async with asyncio.timeout(10):
            taken = await bob.next_call()
            await call.answered
    finally:
        os.kill(service.pid, signal.SIGCONT)
    await recording_runs(service)
    await call.hangup()
    await taken.ended
    await service.closed(1)
