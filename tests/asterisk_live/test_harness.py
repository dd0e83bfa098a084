"""The harness itself, on the real server: before anybody trusts what it tells."""

import asyncio
import os
import select
import stat
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.asterisk import AsteriskFault, AsteriskServer, find_installation
from tests.hearing import Found, follow, locate, whose_audio
from tests.left_over import ended_afterwards
from tests.phone import Call, CallFailed, Network, Phone, Phones
from tests.phonograph import Phonograph
from tests.sounds import PACKET, RATE, Samples, Sound, noise, quiet, speech

pytestmark = pytest.mark.asterisk

ALICE, BOB, TRUNK = noise(1), noise(2), noise(3)
VOICES = {"alice": ALICE.samples, "bob": BOB.samples, "trunk": TRUNK.samples}


async def talk(call: Call, seconds: float) -> None:
    """Lets a call run until so many seconds of packets more have come in."""
    async with asyncio.timeout(2 * seconds + 10):
        await call.stream.listen(seconds)


async def converse(caller: Phone, callee: Phone, number: str, *, seconds: float = 2.0) -> tuple[Call, Call]:
    """A whole call, hung up by the caller: both ends of it."""
    call = caller.call(number)
    taken = await callee.next_call()
    await call.answered
    await talk(call, seconds)
    await call.hangup()
    await taken.ended
    return call, taken


def heard(call: Call, sound: Sound) -> Found:
    return locate(sound.samples, call.stream.heard())


def late(listener: Call, speaker: Call, sound: Sound) -> float:
    """Seconds from the speaker's phone letting go of a sample to its arrival at the listener's."""
    return listener.stream.arrivals[0].at + heard(listener, sound).seconds - speaker.stream.sent.at[0]


def closed_wav(path: Path) -> Samples:
    """What MixMonitor recorded. It closes its file in a thread of its own, some time after the call, and its header
    tells no length before: there is no event to wait for."""
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        if len(speech(path).samples) > 0:
            break
        time.sleep(0.05)
    return speech(path).samples


# ---- The server -----------------------------------------------------------------------------------------------------


async def test_the_configuration_boots_without_an_error(tmp_path: Path) -> None:
    server = AsteriskServer(tmp_path)
    await asyncio.to_thread(server.start)
    log = (server.folder / "log" / "messages.log").read_text()
    await asyncio.to_thread(server.stop)
    assert [line for line in log.splitlines() if "ERROR" in line] == []
    assert server.version.startswith("22.")


async def test_nobody_signs_in_without_the_password(asterisk: AsteriskServer) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        await asyncio.to_thread(urllib.request.urlopen, f"{asterisk.ari_url}/asterisk/info")
    refused.value.close()
    assert refused.value.code == 401


async def test_a_killed_server_comes_back_where_it_was(tmp_path: Path) -> None:
    server = AsteriskServer(tmp_path)
    await asyncio.to_thread(server.start)
    first, port = server.pid, server.http_port
    await asyncio.to_thread(server.kill)
    assert not server.running
    await asyncio.to_thread(server.restart)
    assert (server.pid != first, server.http_port) == (True, port)
    assert f"127.0.0.1:{port}" in await asyncio.to_thread(server.cli, "http show status")
    await asyncio.to_thread(server.stop)
    assert not server.running


async def test_a_server_does_not_outlive_whoever_started_it(tmp_path: Path) -> None:
    script = "import sys, pathlib, tests.asterisk as a; s = a.AsteriskServer(pathlib.Path(sys.argv[1])); s.start(); "
    script += "print(s.pid, flush=True); sys.stdin.read()"
    starter = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, str(tmp_path)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert starter.stdout is not None
    pid = int(await starter.stdout.readline())
    server = os.pidfd_open(pid)
    starter.kill()
    await starter.communicate()
    # A pidfd becomes readable when its process ends (pidfd_open(2)).
    ended, _, _ = await asyncio.to_thread(select.select, [server], [], [], 10)
    os.close(server)
    assert ended


async def test_what_a_failed_test_left_running_ends_and_nothing_else(
        asterisk: AsteriskServer, tmp_path: Path) -> None:
    async with ended_afterwards():
        server = AsteriskServer(tmp_path / "asterisk")
        await asyncio.to_thread(server.start)
        service = Phonograph(server, tmp_path, policy="record: none\n")
        await service.start()
        left = os.pidfd_open(service.pid)
    assert select.select([left], [], [], 0)[0], "the service goes on"
    os.close(left)
    assert not server.running
    assert asterisk.running


async def test_without_asterisk_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AsteriskFault, match="make test"):
        find_installation(tmp_path)


async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    server = AsteriskServer(tmp_path)
    server.installation = replace(server.installation, command=("sh", "-c", "echo no room on the disk"))
    with pytest.raises(AsteriskFault, match="no room on the disk"):
        await asyncio.to_thread(server.start)
    assert not server.running
    server.stop()


# ---- Calls ----------------------------------------------------------------------------------------------------------


async def test_two_users_hear_one_another_and_nobody_else(phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    call, taken = await converse(alice, bob, "102")

    assert list(whose_audio(call.stream.heard(), VOICES)) == ["bob"]
    assert list(whose_audio(taken.stream.heard(), VOICES)) == ["alice"]
    assert heard(call, BOB).confidence > 0.99
    assert heard(taken, ALICE).confidence > 0.99


async def test_what_is_heard_was_sent_a_moment_before_and_stays_in_step(phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    call, taken = await converse(alice, bob, "102", seconds=4)

    assert 0 <= late(call, taken, BOB) < 1
    assert 0 <= late(taken, call, ALICE) < 1
    assert len({place.offset for place in follow(BOB.samples, call.stream.heard())}) == 1


async def test_the_trunk_calls_a_user(phones: Phones) -> None:
    trunk, bob = await phones.trunk(TRUNK), await phones.user("bob", BOB)
    call = trunk.call("102", caller="+4930123456")
    taken = await bob.next_call()
    await call.answered
    await talk(call, 1)
    await taken.hangup()
    await call.ended

    assert taken.number == "+4930123456"
    assert list(whose_audio(taken.stream.heard(), VOICES)) == ["trunk"]
    assert call.answered_at is not None
    assert taken.answered_at is not None
    assert call.answered_at >= taken.answered_at


async def test_a_user_calls_out_over_the_trunk(phones: Phones) -> None:
    trunk, alice = await phones.trunk(TRUNK), await phones.user("alice", ALICE)
    call, taken = await converse(alice, trunk, "0030123456", seconds=1)

    assert taken.number == "101"
    assert list(whose_audio(call.stream.heard(), VOICES)) == ["trunk"]


async def test_the_menu_answers(phones: Phones) -> None:
    call = (await phones.user("alice", ALICE)).call("200")
    await call.answered
    await talk(call, 0.5)
    await call.hangup()
    assert np.abs(call.stream.heard()).max() > 500


async def test_a_call_that_rings_is_cancelled(phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    bob.rings = None
    call = alice.call("102")
    ringing = await bob.next_call()
    await call.hangup()
    await ringing.ended

    assert (call.status, ringing.status) == (487, 487)
    assert call.answered_at is None


async def test_a_busy_user_refuses(phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    bob.refuses = 486
    with pytest.raises(CallFailed) as refused:
        await alice.call("102").answered
    assert refused.value.status == 486


async def test_a_call_is_answered_by_hand(phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    bob.rings = None
    call = alice.call("102")
    ringing = await bob.next_call()
    assert call.answered_at is None
    ringing.answer()
    await call.answered
    assert ringing.answered_at is not None


@pytest.mark.parametrize("codec", ["PCMA", "G722"])
async def test_other_codecs_carry_the_voice(phones: Phones, codec: str) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    alice.codecs = bob.codecs = (codec,)
    call, taken = await converse(alice, bob, "102")
    assert call.stream.codec == codec
    assert heard(call, BOB).confidence > 0.9
    assert heard(taken, ALICE).confidence > 0.9


async def test_between_two_codecs_the_switch_translates(phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    alice.codecs, bob.codecs = ("G722",), ("PCMU",)
    call, taken = await converse(alice, bob, "102")
    assert heard(call, BOB).confidence > 0.9
    assert heard(taken, ALICE).confidence > 0.9


async def test_a_bad_network_loses_what_it_should(phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    alice.network = Network(jitter=0.06, loss=0.1, seed=7)
    call, taken = await converse(alice, bob, "102", seconds=4)

    share = taken.stream.counters.received / len(call.stream.sent)
    assert 0.8 < share < 0.97
    assert taken.stream.counters.jitter > call.stream.counters.jitter


async def test_who_sends_nothing_is_not_heard(phones: Phones) -> None:
    alice, bob = await phones.user("alice"), await phones.user("bob", BOB)
    call = alice.call("102")
    taken = await bob.next_call()
    await call.answered
    await talk(call, 1)
    assert len(call.stream.sent) == 0
    assert taken.stream.counters.received == 0
    assert len(taken.stream.sent) > 0


async def test_digital_silence_is_packets_of_zeros(phones: Phones) -> None:
    alice, bob = await phones.user("alice", quiet()), await phones.user("bob", BOB)
    _, taken = await converse(alice, bob, "102", seconds=1)
    assert taken.stream.counters.received > 0
    assert not taken.stream.heard().any()


async def test_a_phone_that_stops_sending_leaves_a_gap_of_that_length(phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    call = alice.call("102")
    taken = await bob.next_call()
    await call.answered
    await talk(taken, 1)
    call.stream.stop_sending()
    await talk(call, 1)
    call.stream.start_sending()
    await talk(taken, 1)
    await call.hangup()
    await taken.ended

    gap = int(np.diff(call.stream.sent.samples).max()) - PACKET
    zeros = np.flatnonzero(taken.stream.heard() == 0)
    longest = max(len(run) for run in np.split(zeros, np.flatnonzero(np.diff(zeros) != 1) + 1))
    assert gap > RATE // 4
    assert abs(longest - gap) <= PACKET


async def test_mixmonitor_records_when_it_is_told_to_and_privately(asterisk: AsteriskServer, phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    await asyncio.to_thread(asterisk.cli, "dialplan set global MIXMONITOR yes")
    try:
        await converse(alice, bob, "102")
    finally:
        await asyncio.to_thread(asterisk.cli, "dialplan set global MIXMONITOR no")
    (file,) = (asterisk.spool / "monitor").glob("mixmonitor-*")
    samples = await asyncio.to_thread(closed_wav, file)
    assert set(whose_audio(samples, VOICES)) == {"alice", "bob"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
