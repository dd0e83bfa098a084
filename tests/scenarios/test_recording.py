"""What the recordings of real calls hold: whose audio is on which track, all of it, in step."""

import asyncio
import wave
from datetime import datetime

import numpy as np
import pytest

from tests.hearing import silent, whose_audio
from tests.phone import Network, Phones
from tests.phonograph import Phonograph
from tests.recorded import (
    ALICE,
    APART,
    BOB,
    TRUNK,
    VOICES,
    Conversation,
    apart,
    best_of_three,
    clear,
    converse,
    said,
    whole,
)
from tests.sounds import quiet


async def test_each_party_is_on_its_own_track_and_both_are_in_the_mix(service: Phonograph, phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    talk = await converse(service, alice, bob, "102")

    left, right = talk.tracks()
    assert list(whose_audio(left, VOICES)) == ["alice"]
    assert list(whose_audio(right, VOICES)) == ["bob"]
    with wave.open(talk.recording["mixed"], "rb") as file:
        mixed = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
    assert sorted(whose_audio(mixed, VOICES)) == ["alice", "bob"]


async def test_nothing_is_missing_between_answer_and_hangup(service: Phonograph, phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)

    async def nothing_is_missing(calls: int) -> None:
        talk = await converse(service, alice, bob, "102", seconds=4.0, rows=calls)
        left, right = talk.tracks()
        assert whole(said(talk.caller, ALICE), left)
        assert whole(said(talk.callee, BOB), right)
        assert talk.recording["state"] == "ready"

    await best_of_three(nothing_is_missing)


async def test_an_incoming_call_has_the_outside_on_the_left(service: Phonograph, phones: Phones) -> None:
    trunk, bob = await phones.trunk(TRUNK), await phones.user("bob", BOB)
    talk = await converse(service, trunk, bob, "102", seconds=4.0)

    left, right = talk.tracks()
    assert clear(said(talk.caller, TRUNK), left)
    assert clear(said(talk.callee, BOB), right)
    assert (talk.row["direction"], talk.row["rule"]) == ("inbound", "recordIncomingPSTN")


async def test_an_outgoing_call_has_the_user_on_the_left(service: Phonograph, phones: Phones) -> None:
    trunk, alice = await phones.trunk(TRUNK), await phones.user("alice", ALICE)
    talk = await converse(service, alice, trunk, "0555", seconds=4.0)

    left, right = talk.tracks()
    assert clear(said(talk.caller, ALICE), left)
    assert clear(said(talk.callee, TRUNK), right)
    assert (talk.row["direction"], talk.row["rule"]) == ("outbound", "system")


async def test_the_tracks_stay_in_step_over_the_call(service: Phonograph, phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)

    async def in_step(calls: int) -> None:
        talk = await converse(service, alice, bob, "102", seconds=12.0, rows=calls)
        apart_by_second = apart(talk, ALICE, BOB)
        assert len(apart_by_second) >= 10
        assert max(abs(seconds) for seconds in apart_by_second) <= APART

    await best_of_three(in_step)


@pytest.mark.parametrize("codec", ["PCMA", "G722"])
async def test_other_codecs_are_recorded_whole(service: Phonograph, phones: Phones, codec: str) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    alice.codecs = bob.codecs = (codec,)
    talk = await converse(service, alice, bob, "102", seconds=4.0)

    left, right = talk.tracks()
    assert clear(said(talk.caller, ALICE), left)
    assert clear(said(talk.callee, BOB), right)


async def test_a_call_between_two_codecs_is_recorded_whole(service: Phonograph, phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    alice.codecs, bob.codecs = ("G722",), ("PCMU",)
    talk = await converse(service, alice, bob, "102", seconds=4.0)

    left, right = talk.tracks()
    assert clear(said(talk.caller, ALICE), left)
    assert clear(said(talk.callee, BOB), right)


async def test_jitter_of_60_ms_leaves_the_tracks_in_step(service: Phonograph, phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    alice.network = Network(jitter=0.06)
    talk = await converse(service, alice, bob, "102", seconds=8.0)

    assert clear(said(talk.caller, ALICE), talk.tracks()[0])
    # The late packets themselves are up to 60 ms behind; beyond that nothing may be out of step.
    assert np.median(np.abs(apart(talk, ALICE, BOB))) <= APART + 0.06


async def test_a_tenth_of_the_packets_lost_leaves_gaps_but_no_shift(service: Phonograph, phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    alice.network = Network(loss=0.1)

    async def nothing_is_shifted(calls: int) -> None:
        talk = await converse(service, alice, bob, "102", seconds=8.0, rows=calls)
        left, right = talk.tracks()
        assert clear(said(talk.caller, ALICE), left)
        assert clear(said(talk.callee, BOB), right)
        assert abs(len(left) - len(right)) <= 1
        assert np.median(np.abs(apart(talk, ALICE, BOB))) <= APART

    await best_of_three(nothing_is_shifted)


async def test_a_party_that_sends_nothing_is_a_silent_track_and_no_fault(service: Phonograph, phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob")
    talk = await converse(service, alice, bob, "102", seconds=4.0)

    left, right = talk.tracks()
    assert clear(said(talk.caller, ALICE), left)
    assert silent(right)
    assert talk.recording["state"] == "ready"
    verdicts = {verdict["track"]: verdict for verdict in service.manifest(talk.recording)["tracks"]}
    assert [finding["id"] for finding in verdicts["callee"]["findings"]] == ["no-media"]


async def test_two_parties_that_send_nothing_leave_a_recording_of_the_right_length(
        service: Phonograph, phones: Phones) -> None:
    alice, bob = await phones.user("alice"), await phones.user("bob")
    talk = await converse(service, alice, bob, "102", seconds=4.0)

    left, right = talk.tracks()
    assert silent(left)
    assert silent(right)
    assert len(left) / 8000 >= talk.recording["ended"] - talk.recording["started"] - 0.1 > 2
    assert talk.recording["state"] == "ready"


async def test_packets_of_pure_silence_are_not_called_proven(service: Phonograph, phones: Phones) -> None:
    """Zeros that came in as packets look like a broken tap: nobody can prove the difference, so it is told."""
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", quiet())
    talk = await converse(service, alice, bob, "102", seconds=3.0)

    assert talk.recording["state"] == "incomplete"
    verdicts = {verdict["track"]: verdict for verdict in service.manifest(talk.recording)["tracks"]}
    assert "only-fill" in [finding["id"] for finding in verdicts["callee"]["findings"]]


async def test_a_pause_in_the_packets_is_a_gap_of_the_manifest_at_its_place(
        service: Phonograph, phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    call = alice.call("102")
    taken = await bob.next_call()
    await call.answered
    await asyncio.sleep(2)
    call.stream.stop_sending()
    await asyncio.sleep(2)
    call.stream.start_sending()
    await asyncio.sleep(2)
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    talk = Conversation(call, taken, row)

    gaps = [gap for gap in service.manifest(talk.recording)["gaps"] if gap["cause"] == "fill"]
    assert [gap["track"] for gap in gaps] == ["caller"]
    assert talk.recording["state"] == "ready"
    assert np.median(np.abs(apart(talk, ALICE, BOB))) <= APART


async def test_what_is_said_between_two_pauses_is_kept_however_short_it_is(
        service: Phonograph, phones: Phones) -> None:
    """FreeSWITCH by default keeps half a second back, and forgets it when the recording ends before."""
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    call = alice.call("102")
    taken = await bob.next_call()
    await call.answered
    await asyncio.sleep(1.5)
    (row,) = await service.calls()
    for between in (0.4, 1.0):
        await service.ask(row["id"], "pause")
        await asyncio.sleep(0.5)
        await service.ask(row["id"], "resume")
        await asyncio.sleep(between)
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)

    talk = Conversation(call, taken, row)
    segments = service.manifest(talk.recording)["segments"]
    assert len(segments) == 3
    for segment in segments:
        lasted = datetime.fromisoformat(segment["stopTime"]) - datetime.fromisoformat(segment["startTime"])
        for file in segment["files"]:
            assert file["samples"] / file["rate"] > lasted.total_seconds() - 0.1
    assert talk.recording["state"] == "ready"
