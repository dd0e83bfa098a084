"""A few calls among many, on the tests' phones: what somebody hears while the exchange is busy."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.content import CODEC, Spoken
from bench.load import Talk
from bench.switches import Exchange
from tests.phone import Call, Phone, Phones
from tests.rtp import TICK, Arrival
from tests.sounds import PACKET, RATE, Sound, noise

__all__ = ["Heard", "heard_in", "longest_silence", "place"]

USERS = {"alice": "101", "bob": "102", "dave": "104", "erin": "105"}
"""Who is called, and by which number; carol has the other calls."""

TRUNK, USER = noise(1, seconds=10), noise(2, seconds=10)
"""What they say."""

EDGE = 0.2
"""Seconds after the answer and before the hangup of which nobody says that they have to be recorded."""


LEAP = 1.0
"""Seconds between the timestamps of two packets that are no spacing: the sender has begun to count anew, as FreeSWITCH
does in the first packets of some calls."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came to one end of one call.

    Attributes:
        received, expected: packets.
        jitter: seconds; the mean difference between two packets' spacing here and at their sender, which RFC 3550's
            estimate (6.4.1) follows.
        silence: seconds; the longest time between two packets, 0.02 is none.
        late: the share of packets that this end itself sent more than 20 ms too late: above some percent it is the
            phone that was not served in time, and the figures above tell of nothing else.
    """

    received: int
    expected: int
    jitter: float
    silence: float
    late: float


def longest_silence(arrivals: Sequence[Arrival]) -> float:
    """The longest time between two packets, in seconds; 0 with fewer than two."""
    return max((after.at - before.at for before, after in pairwise(arrivals)), default=0.0)


def heard_in(arrivals: Sequence[Arrival], expected: int, sent: Sequence[float]) -> Heard:
    """The figures of one end.

    Args:
        expected: packets, by their sequence numbers.
        sent: when this end's own packets went out, in seconds.
    """
    spaced = [(after.at - before.at, _apart(before.timestamp, after.timestamp) / RATE)
              for before, after in pairwise(arrivals) if after.source == before.source]
    shifts = [abs(here - there) for here, there in spaced if abs(there) < LEAP]
    late = sum(at - sent[0] - number * TICK > TICK for number, at in enumerate(sent))
    return Heard(len(arrivals), expected, sum(shifts) / max(1, len(shifts)), longest_silence(arrivals),
                 late / max(1, len(sent)))


def _apart(before: int, after: int) -> int:
    """Ticks from one RTP timestamp to another, which may be the earlier one."""
    return (after - before + (1 << 31)) % (1 << 32) - (1 << 31)


async def place(server: Exchange, count: int, *, within: float,
                seconds: float) -> list[tuple[Talk, list[Heard], Spoken]]:
    """Place ``count`` calls from the trunk to users, spread over ``within`` seconds, each ``seconds`` long.

    Returns:
        Of each the call as the trunk saw it, what came to both its ends, and what was said in it.

    Raises:
        CallFailed: one was refused or not answered.
    """
    loop = asyncio.get_running_loop()
    async with Phones(server) as phones:
        trunk = await phones.trunk(TRUNK)
        users = [(await phones.user(name, USER), number) for name, number in USERS.items()]
        begun = loop.time()

        async def one(turn: int) -> tuple[Talk, list[Heard], Spoken]:
            user, number = users[turn % len(users)]
            await asyncio.sleep(begun + turn * within / count - loop.time())
            return await _one(trunk, user, number, seconds)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(turn)) for turn in range(count)]
    return [task.result() for task in tasks]


async def _one(trunk: Phone, user: Phone, number: str, seconds: float) -> tuple[Talk, list[Heard], Spoken]:
    loop = asyncio.get_running_loop()
    asked = loop.time()
    call = trunk.call(number)
    await call.answered
    set_up = loop.time() - asked
    # No two probes ring at one user at the same time.
    other = await user.next_call()
    await asyncio.sleep(seconds)
    await call.hangup()
    await other.ended
    return (Talk(call.id, set_up), [_heard(call), _heard(other)],
            Spoken(call.id, _said(call, call, TRUNK), _said(call, other, USER)))


def _said(call: Call, side: Call, sound: Sound) -> list[bytes]:
    """What one side of a call has sent while it was up, as the caller saw it."""
    assert call.answered_at is not None
    assert call.ended_at is not None
    packets = sound.packets(CODEC)
    sent = zip(side.stream.sent.at, side.stream.sent.samples, strict=True)
    return [packets[sample // PACKET % len(packets)] for at, sample in sent
            if call.answered_at + EDGE <= at <= call.ended_at - EDGE]


def _heard(call: Call) -> Heard:
    stream = call.stream
    return heard_in(stream.arrivals, stream.counters.expected, stream.sent.ticks)

