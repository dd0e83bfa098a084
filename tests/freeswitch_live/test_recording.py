"""What the recordings of real calls on FreeSWITCH hold: whose audio is on which track, all of it, in step."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.asterisk_live.recorded import (
    ALICE,
    APART,
    BOB,
    TRUNK,
    VOICES,
    apart,
    best_of_three,
    clear,
    converse,
    said,
    whole,
)
from tests.freeswitch import FreeSwitchServer
from tests.hearing import whose_audio
from tests.phone import Phones
from tests.phonograph import Phonograph

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(90)]

EVERYTHING = "recordIncomingPSTN: true\nrecord: audio\ntrunks: {contexts: [from-trunk], gateways: [trunk]}\n"


@pytest_asyncio.fixture
async def service(freeswitch: FreeSwitchServer, tmp_path: Path) -> AsyncIterator[Phonograph]:
    """The product, recording every call."""
    async with Phonograph(freeswitch, tmp_path, policy=EVERYTHING) as running:
        yield running


async def test_each_party_is_on_its_own_track(service: Phonograph, phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    talk = await converse(service, alice, bob, "102")

    left, right = talk.tracks()
    assert list(whose_audio(left, VOICES)) == ["alice"]
    assert list(whose_audio(right, VOICES)) == ["bob"]


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


async def test_the_tracks_are_in_step(service: Phonograph, phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)

    async def in_step(calls: int) -> None:
        talk = await converse(service, alice, bob, "102", seconds=6.0, rows=calls)
        assert max(abs(one) for one in apart(talk, ALICE, BOB)) < APART

    await best_of_three(in_step)
