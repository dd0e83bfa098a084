"""Never: audio from a pause is kept; here: with rtpengine as the relay it does not even leave for a recording server.

Two servers hear two taps of a real daemon, each now this one, now that one. Pauses begin and end, taps change, and the
daemon is held up, in an order that is drawn, with packets on their way all the time. What was said of a tap between the
word that a server is silent, and the next moment at which it is to hear that tap, never reaches it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.siprec_app.ends import Server, Switch
from tests.siprec_app.line import EngineLine, engine_line

STEPS = 150


@dataclass
class Ear:
    """A server and its outlet.

    Attributes:
        tap: what feeds it. flowing: it hears that.
        changing: something is asked for that is not answered yet; what is said meanwhile may be heard or not.
        due: what it has to hear, but for what is lost. got: what it has heard. forbidden: what it must never hear.
    """

    server: Server
    outlet: str
    tap: str
    flowing: bool = False
    changing: bool = False
    due: set[bytes] = field(default_factory=set)
    got: set[bytes] = field(default_factory=set)
    forbidden: set[bytes] = field(default_factory=set)

    def said(self, tap: str, payload: bytes) -> None:
        """Of a tap. While it changes, what is said of the tap that is to feed it is neither due nor forbidden."""
        if self.changing:
            return
        (self.due if self.flowing and self.tap == tap else self.forbidden).add(payload)

    def becomes(self, tap: str, flowing: bool) -> None:
        self.tap, self.flowing, self.changing = tap, flowing, False

    def hears(self) -> None:
        self.got |= {data[12:] for data in self.server.datagrams()}


class Drill:
    """The steps, drawn with that seed."""

    def __init__(self, line: EngineLine, seed: int) -> None:
        self.line, self.draw = line, random.Random(seed)
        self.taps: dict[str, Switch] = {}
        self.ears: list[Ear] = []
        self.number = 0

    async def run(self) -> None:
        for seed, name in enumerate(("one", "other"), 1):
            self.taps[name] = await self.line.tap(name, seed=seed, ssrc=seed)
        for name in self.taps:
            self.ears.append(Ear(self.line.server(), await self.line.outlet(name, session=f"to {name}"), name))
        for _ in range(STEPS):
            await self.draw.choice((self.say, self.turn, self.turn, self.change))(self.draw.choice(self.ears))
            for ear in self.ears:
                ear.hears()

    def talk(self, most: int) -> None:
        """Up to so many packets of each tap."""
        for name, switch in self.taps.items():
            for _ in range(self.draw.randint(0, most)):
                self.number += 1
                switch.send(self.number)
                for ear in self.ears:
                    ear.said(name, switch.noise(self.number))

    async def say(self, _: Ear) -> None:
        self.talk(10)
        await asyncio.sleep(0.002)

    async def turn(self, ear: Ear) -> None:
        """A pause of one server, or its end."""
        to = None if ear.flowing else ear.server.flow()
        await self._asked(ear, self.line.relay.flow(ear.outlet, to), ear.tap, to is not None)

    async def change(self, ear: Ear) -> None:
        """The other tap feeds it."""
        tap = "other" if ear.tap == "one" else "one"
        await self._asked(ear, self.line.relay.feed(ear.outlet, tap), tap, ear.flowing)

    async def _asked(self, ear: Ear, work: Awaitable[None], tap: str, flowing: bool) -> None:
        """Ask for something; what it leads to holds once it is done. The daemon may be held up before, and go on a
        moment later: it has packets of all three times to read then."""
        held = self.draw.random() < 0.5
        if held:
            self.line.daemon.stall()
            self.talk(10)
        ear.changing = True
        asking = asyncio.ensure_future(work)
        asking.add_done_callback(lambda _: ear.becomes(tap, flowing))
        await asyncio.wait([asking], timeout=self.draw.choice((0.0005, 0.002, 0.08)))
        self.talk(10)
        if held:
            self.line.daemon.go_on()
        self.talk(3)
        await asking
        await asyncio.sleep(0)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_nothing_that_was_said_in_a_pause_reaches_a_server(tmp_path: Path, seed: int) -> None:
    async with AsyncExitStack() as end:
        drill = Drill(await engine_line(end, tmp_path), seed)
        await drill.run()
        await asyncio.sleep(0.1)
        for ear in drill.ears:
            ear.hears()
            assert ear.got & ear.forbidden == set()
            assert len(ear.forbidden) > 200
            assert len(ear.due & ear.got) > len(ear.due) / 2 > 50
