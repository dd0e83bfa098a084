"""Who hears whom on an exchange, told by ear: before anybody records it."""

import asyncio
from collections.abc import Iterable

from tests.hearing import whose_audio
from tests.phone import Call
from tests.servers import MUSIC
from tests.sounds import RATE, noise

__all__ = ["SOUNDS", "all_hear", "all_heard", "connected", "ended", "heard_now"]

SOUNDS = {
    name: noise(seed) for seed, name in enumerate(("alice", "bob", "carol", "dave", "grace", "heidi", "trunk"), 21)
}
VOICES = {name: sound.samples for name, sound in {**SOUNDS, "music": MUSIC}.items()}


async def heard_now(call: Call) -> set[str]:
    """Who is in the next second of audio; what was under way goes by first."""
    async with asyncio.timeout(10):
        await call.stream.listen(1.3)
    return set(whose_audio(call.stream.heard()[-RATE:], VOICES))


async def all_heard(*calls: Call) -> list[set[str]]:
    """`heard_now` of each, at the same time."""
    return await asyncio.gather(*(heard_now(call) for call in calls))


async def all_hear(*expected: tuple[Call, set[str]], within: float = 20.0) -> None:
    """Until each call hears just these voices at the same time, for as long as a busy machine may take.

    Raises:
        AssertionError: they do not, `within` so many seconds; it says who was heard last.
    """
    loop = asyncio.get_running_loop()
    give_up = loop.time() + within
    while True:
        heard = await all_heard(*(call for call, _ in expected))
        if heard == [voices for _, voices in expected] or loop.time() > give_up:
            break
    assert heard == [voices for _, voices in expected]


async def connected(call: Call, taken: Call) -> None:
    """Until both hear the other: right after the answer the switch has not joined them yet, and loses what is asked."""
    async with asyncio.timeout(10):
        await call.answered
        await asyncio.gather(call.stream.listen(0.1), taken.stream.listen(0.1))


async def ended(calls: Iterable[Call]) -> None:
    async with asyncio.timeout(10):
        for call in calls:
            await call.ended
