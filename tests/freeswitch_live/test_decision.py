"""The decision is on the caller's channel before anybody is rung, and no dialplan that asks for it is kept waiting."""

import os
import signal
from pathlib import Path

import pytest

from tests.freeswitch import FreeSwitchServer
from tests.freeswitch_live.channels import legs, variable
from tests.phone import Phones
from tests.phonograph import Phonograph
from tests.recorded import ALICE, BOB

pytestmark = pytest.mark.freeswitch

ASKS_FIRST = "310"
POLICY = """
record: none
users:
  alice@sales.example: {recording: {recordingProfile: always}}
  dave@support.example: {recording: {recordingProfile: optional}}
"""


async def told(server: FreeSwitchServer, phones: Phones, user: str) -> tuple[str, str, str]:
    """Decision, rule and recording on the channel of a user who calls 310, while bob rings."""
    caller, bob = await phones.user(user, ALICE), await phones.user("bob", BOB)
    bob.rings = None
    call = caller.call(ASKS_FIRST)
    await bob.next_call()
    channel = (await legs(server, 2))[0]
    decision, rule, recording = (variable(server, channel, f"recorder_{name}") for name in ("decision", "rule", "id"))
    assert call.answered_at is None
    await call.hangup()
    return decision, rule, recording


async def test_the_decision_is_there_before_anybody_is_rung(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(freeswitch, tmp_path, policy=POLICY) as service:
        decision, rule, recording = await told(freeswitch, phones, "alice")
        assert (decision, rule) == ("record", "user")
        assert recording
        await service.closed(1)


async def test_a_call_that_is_not_recorded_says_so(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(freeswitch, tmp_path, policy=POLICY):
        assert await told(freeswitch, phones, "carol") == ("skip", "system", "")


async def test_with_phonograph_dead_the_call_goes_on_without_a_decision(
        freeswitch: FreeSwitchServer, phones: Phones) -> None:
    assert await told(freeswitch, phones, "alice") == ("unknown", "", "")


async def test_with_phonograph_stopped_short_the_call_goes_on_without_a_decision(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(freeswitch, tmp_path, policy=POLICY) as service:
        os.kill(service.pid, signal.SIGSTOP)
        try:
            assert await told(freeswitch, phones, "alice") == ("unknown", "", "")
        finally:
            os.kill(service.pid, signal.SIGCONT)
