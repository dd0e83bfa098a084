"""The demo's calls: who calls whom, and what should become of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from tests.phone import Call, Phone, Phones
from tests.sounds import Sound

NUMBERS = {"alice": "101", "bob": "102", "carol": "103", "dave": "104", "erin": "105", "frank": "106"}

POLICY = """\
# The demo's policy. docs/policy.md explains every key.
recordIncomingPSTN: true      # what comes in from a trunk is recorded, whatever the users' permissions
record: audio                 # the system's default, where neither user nor domain has a permission
trunks:
  endpoints: [trunk]         # on Asterisk
  contexts: [from-trunk]      # on FreeSWITCH
domains:
  support.example:
    recording: {recordingType: audio, recordingProfile: always}
users:
  alice@sales.example:
    recording: {recordingType: all, recordingProfile: always}
  bob@sales.example:
    recording: {recordingProfile: skip}
"""


@dataclass(frozen=True)
class Planned:
    """One call.

    Attributes:
        callee: a party, or the number of a menu or a conference.
        seconds: how long they talk, or it rings.
        answered: whether the callee picks up.
        others: who dials the same number a moment later.
        says: the caller's words, if not the caller's own.
    """

    title: str
    caller: str
    callee: str
    seconds: float
    answered: bool = True
    others: tuple[str, ...] = ()
    says: str = ""


PLAN = (
    Planned("a customer calls in over the trunk", "customer", "dave", 6.0),
    Planned("a user whose permission says always", "alice", "bob", 6.0),
    Planned("a user whose permission says skip", "bob", "carol", 5.0),
    Planned("a user whose domain decides", "carol", "dave", 5.5),
    Planned("a user whom only the system decides", "frank", "erin", 6.0),
    Planned("a call that nobody answers", "alice", "erin", 2.0, answered=False),
    Planned("a menu that pauses for a card number", "alice", "210", 14.6, says="card"),
    Planned("a conference of three", "alice", "8001", 7.0, others=("dave", "erin")),
)
CARD = PLAN[-2]
_A_MOMENT = 1.0
ROWS = 11
"""The calls' rows: the conference has one, and so has each member's way into it."""


async def place(phones: Phones, voices: Mapping[str, Sound]) -> list[tuple[Planned, str]]:
    """Place every call of the plan, side by side where no phone is in two of them.

    Returns:
        Each planned call with its SIP Call-ID, by which the ledger's row is found.
    """
    devices: dict[str, Phone] = {name: await phones.user(name, voices[name]) for name in NUMBERS}
    devices["customer"] = await phones.trunk(voices["customer"])
    customer, always, skip, domain, system, unanswered, card, conference = PLAN
    placed = []
    for beside in ((customer, always, system), (skip, card), (domain, unanswered), (conference,)):
        placed += await asyncio.gather(*(_call(devices, voices, planned) for planned in beside))
    return placed


async def _call(devices: Mapping[str, Phone], voices: Mapping[str, Sound], planned: Planned) -> tuple[Planned, str]:
    if planned.callee in devices:
        devices[planned.callee].rings = 0.5 if planned.answered else None
    number = NUMBERS.get(planned.callee, planned.callee)
    call: Call = devices[planned.caller].call(number, sound=voices.get(planned.says))
    if planned.answered:
        await call.answered
    # A conference is decided for the one who opens it.
    await asyncio.sleep(_A_MOMENT if planned.others else 0)
    others = [devices[name].call(number) for name in planned.others]
    await asyncio.sleep(planned.seconds)
    for other in (*others, call):
        await other.hangup()
    await call.ended
    return planned, call.id
