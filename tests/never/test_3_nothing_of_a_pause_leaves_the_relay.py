"""Never: audio from a pause is kept; here: it does not even leave for a recording server.

Packets of a tap are sent, lost, doubled and delayed, and pauses begin and end, in any order; between any two of these
the relay may have read nothing or all. What was said in a pause is never sent. Neither is anything that did not come,
or that came twice.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.siprec_app.ends import Scene, Server, Switch

STEPS = st.lists(st.sampled_from([
    "say", "say read", "say say say", "lose", "delay", "arrive", "repeat", "arrive repeat", "read", "pause", "resume",
    "renew", "wait", "pause say resume", "pause delay resume say read arrive", "say read delay say read arrive repeat",
    "delay" + 110 * " say" + " read arrive"]), min_size=5, max_size=30).map(lambda steps: " ".join(steps).split())


@settings(deadline=None)
@given(STEPS)
def test_nothing_that_was_said_in_a_pause_is_sent(steps: list[str]) -> None:
    asyncio.run(_follow(steps))


async def _follow(steps: list[str]) -> None:
    async with Scene(random.Random(1)) as scene:
        story = Story(scene, await scene.tap(), scene.server(), await scene.outlet())
        for step in steps:
            await getattr(story, step)()
            scene.clock.now += 0.02
        await story.read()
        payloads = story.got
        assert set(payloads) <= story.allowed
        assert len(set(payloads)) == len(payloads)
        assert story.due <= set(payloads)
        counters = await scene.relay.counters("in")
        assert counters.outlets[story.outlet].sent == len(payloads) <= counters.intake.received


@dataclass
class Story:
    """What was said so far. The relay reads nothing but in ``read``, and what it drops at a resume.

    Attributes:
        got: what the server has, taken out of its socket at each reading: the kernel keeps some 270 packets there.
        allowed: what was said while there was a flow. due: what has been read of it while it lasted.
    """

    scene: Scene
    switch: Switch
    server: Server
    outlet: str
    flowing: bool = False
    number: int = 0
    in_all: int = 0
    arrived: bytes = b""
    newest: int = -1
    got: list[bytes] = field(default_factory=list)
    allowed: set[bytes] = field(default_factory=set)
    due: set[bytes] = field(default_factory=set)
    unread: list[int] = field(default_factory=list)
    delayed: list[tuple[int, bytes]] = field(default_factory=list)

    def _said(self) -> None:
        if self.flowing:
            self.allowed.add(self.switch.noise(self.number))
        self.number += 1

    async def say(self) -> None:
        """A packet waits to be read."""
        self.switch.send(self.number)
        self.unread.append(self.number)
        self.in_all += 1
        self._said()

    async def repeat(self) -> None:
        """The last packet that arrived late comes again."""
        if self.arrived:
            self.switch.socket.sendto(self.arrived, self.switch.to)
            self.in_all += 1

    async def lose(self) -> None:
        """A packet never comes."""
        self.number += 1

    async def delay(self) -> None:
        """A packet comes later."""
        self.delayed.append((self.number, self.switch.packet(self.number)))
        self._said()

    async def arrive(self) -> None:
        """A delayed packet is there, once another one has overtaken it since the pause; before, nobody could tell."""
        if self.delayed and self.delayed[0][0] < self.newest:
            self.arrived = self.delayed.pop(0)[1]
            await self.repeat()

    async def read(self) -> None:
        """The relay reads all that is there."""
        await self.scene.when(lambda one: one.received + one.stale + one.duplicates == self.in_all)
        self.got += [packet.payload for packet in self.server.packets()]
        if self.flowing:
            self.due |= {self.switch.noise(number) for number in self.unread}
        self.newest = max([self.newest, *self.unread])
        self.unread.clear()

    async def pause(self) -> None:
        """Silence."""
        await self.scene.relay.flow(self.outlet, None)
        self.flowing = False
        self.unread.clear()

    async def resume(self) -> None:
        """A flow, if there is none."""
        if not self.flowing:
            await self.scene.relay.flow(self.outlet, self.server.flow())
            self.flowing, self.newest = True, -1
            self.unread.clear()

    async def renew(self) -> None:
        """The source begins anew; what it had sent before has come or never will."""
        await self.read()
        self.delayed.clear()
        self.arrived = b""
        self.switch.ssrc, self.switch.timestamp = self.switch.ssrc + 1, self.switch.timestamp // 3

    async def wait(self) -> None:
        """Three seconds without a packet."""
        self.scene.clock.now += 3.0
