"""dialplan/recorder.conf, called by extensions that a test adds to the running server."""

from collections.abc import Callable, Iterator

import pytest

from tests.asterisk import AsteriskServer
from tests.phone import CallFailed, Phones

pytestmark = pytest.mark.asterisk

BUSY = 486
"""What a caller gets when the dialplan came to Hangup(17)."""

AddExtension = Callable[..., None]


@pytest.fixture
def extension(asterisk: AsteriskServer) -> Iterator[AddExtension]:
    """Adds extension 300 of the given steps to what users may dial."""

    def add(*steps: str) -> None:
        for priority, step in enumerate(steps, start=1):
            asterisk.cli(f"dialplan add extension 300,{priority},{step} into users")

    yield add
    asterisk.cli("dialplan remove extension 300@users")


async def outcome(phones: Phones) -> int:
    """The status that a caller of 300 gets."""
    alice = await phones.user("alice")
    with pytest.raises(CallFailed) as refused:
        await alice.call("300").answered
    return refused.value.status


async def test_a_decision_that_is_there_is_read(phones: Phones, extension: AddExtension) -> None:
    extension(
        "Set(SHARED(RECORDER_DECISION)=record)",
        "Gosub(recorder-decision,s,1(5))",
        'GotoIf($["${RECORDER_DECISION}"="record"]?5)',
        "Hangup(21)",
        "Hangup(17)",
    )
    assert await outcome(phones) == BUSY


async def test_a_decision_that_never_comes_is_unknown_and_the_call_goes_on(
    phones: Phones, extension: AddExtension
) -> None:
    extension(
        "NoOp()",
        "Gosub(recorder-decision,s,1(0.05))",
        'GotoIf($["${RECORDER_DECISION}"="unknown"]?5)',
        "Hangup(21)",
        "Hangup(17)",
    )
    assert await outcome(phones) == BUSY


@pytest.mark.parametrize(
    ("arguments", "user", "domain"),
    [("zoe,x.example", "zoe", "x.example"), (",x.example", "alice", "x.example"), ("zoe", "zoe", "sales.example")],
    ids=["both", "domain only", "user only"],
)
async def test_a_leg_is_given_a_user_and_a_domain(
    phones: Phones, extension: AddExtension, arguments: str, user: str, domain: str
) -> None:
    extension(
        "NoOp()",
        f"Gosub(recorder-user,s,1({arguments}))",
        f'GotoIf($["${{RECORDER_USER}}@${{RECORDER_DOMAIN}}"="{user}@{domain}"]?5)',
        "Hangup(21)",
        "Hangup(17)",
    )
    assert await outcome(phones) == BUSY


async def test_the_called_leg_is_named_before_it_rings(
    asterisk: AsteriskServer, phones: Phones, extension: AddExtension
) -> None:
    frank, alice = await phones.user("frank"), await phones.user("alice")
    frank.rings = None
    extension("Dial(PJSIP/frank,10,b(recorder-user^s^1(zoe^x.example)))")
    call = alice.call("300")
    await frank.next_call()
    called = next(word for word in asterisk.cli("core show channels concise").split("!") if "PJSIP/frank" in word)
    shown = asterisk.cli(f"core show channel {called.strip()}")
    await call.hangup()

    assert "RECORDER_USER=zoe" in shown
    assert "RECORDER_DOMAIN=x.example" in shown
