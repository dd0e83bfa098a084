"""dialplan/recorder.conf, called by extensions that a test adds to the running server."""

from collections.abc import Callable, Iterator, Mapping

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


async def outcome(phones: Phones, headers: Mapping[str, str] | None = None) -> int:
    """The status that a caller of 300 gets, who sends these headers."""
    alice = await phones.user("alice")
    with pytest.raises(CallFailed) as refused:
        await alice.call("300", headers=headers).answered
    return refused.value.status


async def test_a_decision_that_never_comes_is_unknown_and_the_call_goes_on(
    phones: Phones, extension: AddExtension
) -> None:
    extension(
        "Set(SHARED(RECORDER_DECISION)=record)",
        "Gosub(recorder-decide,s,1(0.05))",
        'GotoIf($["${RECORDER_DECISION}${RECORDER_RULE}${RECORDER_ID}"="unknown"]?5)',
        "Hangup(21)",
        "Hangup(17)",
    )
    assert await outcome(phones) == BUSY


@pytest.mark.parametrize(("header", "wish"), [
    ("yes", "yes"), ("NO", "no"), ("True", "true"), ("0", "0"), ("", "before"), ("maybe", "before"),
    ("yes no", "before"), ('yes"', "before"), ("yes) | 1", "before"), ("${SHELL(id)}", "before"), ("y,es", "before"),
])
async def test_of_a_callers_header_only_a_yes_or_a_no_comes_through(
    phones: Phones, extension: AddExtension, header: str, wish: str
) -> None:
    extension(
        "Set(RECORDER_RECORD=before)",
        "Gosub(recorder-choice,s,1())",
        f'GotoIf($["${{RECORDER_RECORD}}"="{wish}"]?5)',
        "Hangup(21)",
        "Hangup(17)",
    )
    assert await outcome(phones, {"X-Record": header} if header else {}) == BUSY


async def test_a_callers_header_may_have_another_name(phones: Phones, extension: AddExtension) -> None:
    extension(
        "NoOp()",
        "Gosub(recorder-choice,s,1(X-Wish))",
        'GotoIf($["${RECORDER_RECORD}"="yes"]?5)',
        "Hangup(21)",
        "Hangup(17)",
    )
    assert await outcome(phones, {"X-Wish": "yes", "X-Record": "no"}) == BUSY


async def test_a_pause_of_one_server_that_nobody_confirms_is_one_of_everything_until_its_resume(
    phones: Phones, extension: AddExtension
) -> None:
    extension(
        "Set(RECORDER_PAUSE=fraud)",
        "Gosub(recorder-pause,s,1(ivr,,,,second))",
        'GotoIf($["${RECORDER_PAUSED} ${RECORDER_PAUSE}"="ended fraud&ivr-second"]?5)',
        "Hangup(21)",
        "Gosub(recorder-resume,s,1(ivr,second))",
        'GotoIf($["${RECORDER_PAUSE}"="fraud"]?8)',
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
    channels = [line.split("!")[0] for line in asterisk.cli("core show channels concise").splitlines()]
    (called,) = (name for name in channels if name.startswith("PJSIP/frank-"))
    shown = asterisk.cli(f"core show channel {called}")
    await call.hangup()

    assert "RECORDER_USER=zoe" in shown
    assert "RECORDER_DOMAIN=x.example" in shown
