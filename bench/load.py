"""Many calls at once, for little processor time: the load must not slow down what is measured.

The phones of the tests note every packet, which costs more than Asterisk's own work. Here one socket speaks for every
leg, each packet is built once for all of them, and nobody listens: what arrives is dropped by the kernel.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import defaultdict
from dataclasses import dataclass
from secrets import token_hex
from types import TracebackType
from typing import Self

from tests.phone import Exchange
from tests.servers import TRUNK_ADDRESS
from tests.sip import Message, media_of, sdp, uri_of
from tests.sounds import PACKET, noise
from tests.useragent import Address, CallFailed, UserAgent, session_id

__all__ = ["CODEC", "Load", "Mouth", "Talk", "register"]

CODEC = "PCMU"
TICK = 0.02
"""Seconds of audio in a packet."""

GROUPS = 4
"""Legs speak in turn within a tick: a hundred packets at one moment would be no telephony."""

_HEADER = struct.Struct("!BBHII")


class Mouth:
    """Sends the same noise to every leg, on an absolute schedule; what a busy machine delayed is sent at once.

    Attributes:
        sent: packets.
        late: rounds of packets that went out more than a tick too late.
        rounds: all rounds.
    """

    def __init__(self) -> None:
        self.sent = self.late = self.rounds = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))
        self._packets = noise(1, seconds=10).packets(CODEC)
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self._round = 0
        self._legs: defaultdict[int, dict[str, Address]] = defaultdict(dict)
        self._joined = 0
        self._timer = self._loop.call_soon(self._speak)

    @property
    def address(self) -> Address:
        """Where packets come from, and may go to."""
        host, port = self._socket.getsockname()
        return host, port

    def add(self, leg: str, remote: Address) -> None:
        """Speak to this leg."""
        self._joined += 1
        self._legs[self._joined % GROUPS][leg] = remote

    def remove(self, leg: str) -> None:
        """Say no more to this leg."""
        for group in self._legs.values():
            group.pop(leg, None)

    def close(self) -> None:
        """Say no more."""
        self._timer.cancel()
        self._socket.close()

    def _speak(self) -> None:
        now = self._loop.time()
        while (due := self._start + self._round * TICK / GROUPS) <= now:
            self.late += now - due > TICK
            self.rounds += 1
            tick, group = divmod(self._round, GROUPS)
            packet = self._packet(tick)
            for remote in self._legs[group].values():
                self._socket.sendto(packet, remote)
            self.sent += len(self._legs[group])
            self._round += 1
        self._timer = self._loop.call_at(due, self._speak)

    def _packet(self, tick: int) -> bytes:
        header = _HEADER.pack(0x80, 0, tick & 0xFFFF, tick * PACKET & 0xFFFFFFFF, 1)
        return header + self._packets[tick % len(self._packets)]


@dataclass(slots=True)
class Talk:
    """A call that was placed: seconds from its INVITE to its answer."""

    id: str
    set_up: float


async def register(agent: UserAgent, server: Address, *, seconds: int, domain: str = "") -> None:
    """REGISTER a user for so many seconds; 0 takes it back.

    Args:
        domain: the user's; without one, the server's address.

    Raises:
        CallFailed: it was refused.
    """
    who = f"<sip:{agent.user}@{domain or server[0]}>"
    request = agent.request("REGISTER", f"sip:{server[0]}:{server[1]}", local=f"{who};tag={token_hex(4)}", remote=who,
                            call_id=token_hex(8), sequence=1)
    request.headers.append(("Expires", str(seconds)))
    final, _ = await agent.ask_with_digest(request)
    if final.status != 200:
        raise CallFailed(f"REGISTER {agent.user}", final.status)


class Load:
    """A trunk that calls one user, any number of calls at once; an async context manager.

    Args:
        user: of the exchange, by name, and the number that reaches it.
    """

    def __init__(self, server: Exchange, user: str = "carol", number: str = "103") -> None:
        self.mouth = Mouth()
        self._server = server.sip_address
        self._called = server.trunk_server
        self._number = number
        self._trunk = UserAgent(self._called, "trunk", "", self._trunk_received)
        self._user = UserAgent(self._server, user, server.password(user), self._user_received)
        self._domain = server.domain(user)

    @property
    def late(self) -> float:
        """The share of packets' rounds that went out more than 20 ms too late."""
        return self.mouth.late / max(1, self.mouth.rounds)

    async def calls(self, count: int, *, rate: float, seconds: float) -> list[Talk]:
        """Place so many calls, ``rate`` a second; each is hung up ``seconds`` after its answer.

        Raises:
            ExceptionGroup: calls were refused, or not answered.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()

        async def one(place: int) -> Talk:
            await asyncio.sleep(begun + place / rate - loop.time())
            return await self._call(seconds)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(place)) for place in range(count)]
        return [task.result() for task in tasks]

    async def _call(self, seconds: float) -> Talk:
        identity, agent = token_hex(10), self._trunk
        uri = f"sip:{self._number}@{self._called[0]}:{self._called[1]}"
        local, remote = f"<sip:5551234@{agent.address[0]}>;tag={token_hex(4)}", f"<{uri}>"
        invite = agent.request("INVITE", uri, local=local, remote=remote, call_id=identity, sequence=1)
        invite.headers.append(("Content-Type", "application/sdp"))
        invite.body = sdp(self.mouth.address, (CODEC,), session=session_id())
        asked = time.monotonic()
        final = await agent.ask(invite)
        if final.status != 200:
            raise CallFailed(f"call to {self._number}", final.status)
        set_up = time.monotonic() - asked
        uri, remote = uri_of(final.get("Contact")), final.get("To")
        agent.send_ack(agent.request("ACK", uri, local=local, remote=remote, call_id=identity, sequence=1), final)
        self.mouth.add(identity, media_of(final.body).address)
        await asyncio.sleep(seconds)
        self.mouth.remove(identity)
        await agent.ask(agent.request("BYE", uri, local=local, remote=remote, call_id=identity, sequence=2))
        return Talk(identity, set_up)

    def _trunk_received(self, request: Message) -> None:
        self._trunk.reply(request, 200)

    def _user_received(self, request: Message) -> None:
        agent, identity = self._user, request.get("Call-ID")
        if request.method == "INVITE":
            tag = token_hex(4)
            agent.reply(request, 180, tag=tag)
            self.mouth.add(identity, media_of(request.body).address)
            agent.run(agent.accept(request, tag=tag, body=sdp(self.mouth.address, (CODEC,), session=session_id())))
            return
        if request.method == "BYE":
            self.mouth.remove(identity)
        agent.reply(request, 200)

    async def __aenter__(self) -> Self:
        await self._trunk.open(TRUNK_ADDRESS, 0)
        await self._user.open(self._server[0], 0)
        await register(self._user, self._server, seconds=3600, domain=self._domain)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        self.mouth.close()
        if error is None:
            await register(self._user, self._server, seconds=0, domain=self._domain)
        await asyncio.gather(self._trunk.close(), self._user.close())
