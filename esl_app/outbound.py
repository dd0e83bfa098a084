"""The outbound socket: FreeSWITCH connects to us from a dialplan that waits for the decision.

``decide-socket`` of ``dialplan/recorder.xml`` does it, under a guard that takes the call out when nothing comes.

Of all that a connection says one word is taken: which channel waits. Whether there is such a channel, and what its
caller wishes, is known from the connection that we have opened ourselves, and the decision is set on the channel over
that one too. So whoever connects here learns nothing, and can ask for nothing but what every dialplan may ask.
``connect`` is all that we say; the end of the connection lets the call go on. No event is subscribed to: digits would
come with them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

import structlog

from esl_app import lines
from esl_app.messages import CommandReply
from esl_app.protocol import Parser
from faults import SwitchFault

__all__ = ["GREETING", "Door", "Outbound"]

log = structlog.get_logger("freeswitch")

GREETING = lines.command("connect")
"""The first and only thing that we say."""

_PATIENCE = 0.5
"""Seconds after which a connection is closed, whatever it is doing: nobody waits that long."""
_MOST = 100
"""Connections at once. One more is closed, and its call goes on."""
_BACKLOG = 1024
"""Connections that the kernel accepts for us while we are stalled. A call that could not enter there could not be taken
out again; ``recorder.lua`` lets none in once one had to be taken out."""
_PIECE = 1 << 14
_LARGEST = 1 << 18
"""Bytes of the answer to ``connect``, which has all variables of the channel: 10 KB is usual."""
_AGAIN = 5.0
"""Seconds between two attempts to listen."""
_CHANNEL = re.compile(r"[0-9A-Za-z_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Door:
    """Where we listen, and for whom.

    Args:
        host, port: of one FreeSWITCH alone.
        clients: the networks that may connect, beside this machine itself.
    """

    host: str
    port: int
    clients: tuple[IPv4Network | IPv6Network, ...] = ()

    def lets_in(self, peer: str) -> bool:
        """Whether that address may connect."""
        try:
            address = ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return address.is_loopback or any(address in network for network in self.clients)


class Outbound:
    """The calls that wait over outbound connections.

    Args:
        door: where to listen; None: nowhere.
        knows: whether there is a channel of that id.
        asks: tells that a channel, which is known, waits.
        patience: seconds that a connection may take.
        most: connections at once.
        sleep: waits so many seconds.
    """

    def __init__(self, door: Door | None, *, knows: Callable[[str], bool], asks: Callable[[str], Awaitable[None]],
                 patience: float = _PATIENCE, most: int = _MOST,
                 sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._door = door
        self._knows = knows
        self._asks = asks
        self._patience = patience
        self._most = most
        self._sleep = sleep
        self._open = False
        self._inside: set[asyncio.Task[None]] = set()
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._changed = asyncio.Event()
        self._said: set[str] = set()

    async def run(self) -> None:
        """Listen, until cancelled. What stands in the way is said once, and it is tried again."""
        while self._door is not None:
            try:
                server = await asyncio.start_server(self._accept, self._door.host, self._door.port, limit=_PIECE,
                                                    backlog=_BACKLOG)
            except OSError as taken:
                self._say("nobody can connect from a dialplan: the address of `listen` cannot be used",
                          why=taken.strerror or str(taken))
                await self._sleep(_AGAIN)
                continue
            log.info("dialplans may connect", listen=f"{self._door.host}:{self._door.port}")
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                server.close()
                for task in self._inside:
                    task.cancel()
                await asyncio.gather(*self._inside, return_exceptions=True)

    def begin(self) -> None:
        """The switch is connected, and its channels are known."""
        self._open = True
        self.look()

    def end(self) -> None:
        """The switch is lost: nobody gets a decision, so nobody waits."""
        self._open = False
        self.look()
        for leg in list(self._waiting):
            self.release(leg)

    def look(self) -> None:
        """Channels have appeared, perhaps one that waits to be known."""
        self._changed.set()

    def release(self, leg: str) -> None:
        """Let a channel go on, if it waits here."""
        for released in self._waiting.get(leg, ()):
            released.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its begin to its end."""
        task = asyncio.current_task()
        assert task is not None
        try:
            if self._open and self._may_enter(writer):
                self._inside.add(task)
                async with asyncio.timeout(self._patience):
                    await self._serve(reader, writer)
        except (OSError, TimeoutError):
            pass  # it is gone, or nobody waits for it any more
        except SwitchFault as fault:
            self._say("somebody who connected was not understood; further ones are not told", fault=fault.id)
        finally:
            self._inside.discard(task)
            writer.close()

    def _may_enter(self, writer: asyncio.StreamWriter) -> bool:
        assert self._door is not None
        peer = str((writer.get_extra_info("peername") or ("",))[0])
        if not self._door.lets_in(peer):
            self._say("somebody connected who may not: see `listen_clients`; further ones are not told", peer=peer)
            return False
        if len(self._inside) >= self._most:
            self._say("too many calls wait for their decision at once; further ones are not told", most=self._most)
            return False
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        leg = await _channel(reader)
        if leg is None:
            return
        while self._open and not self._knows(leg):
            self._changed.clear()
            await self._changed.wait()
        if not self._open:
            return
        with self._waits(leg) as released:
            await self._asks(leg)
            await released.wait()

    @contextmanager
    def _waits(self, leg: str) -> Iterator[asyncio.Event]:
        released = asyncio.Event()
        self._waiting.setdefault(leg, set()).add(released)
        try:
            yield released
        finally:
            self._waiting[leg].discard(released)
            if not self._waiting[leg]:
                del self._waiting[leg]

    def _say(self, what: str, **details: object) -> None:
        """Strangers may not fill the log: each thing is said once."""
        if what not in self._said:
            self._said.add(what)
            log.warning(what, **details)


async def _channel(reader: asyncio.StreamReader) -> str | None:
    """The channel that the answer to ``connect`` names; None where the first message is another one, or names none.

    Raises:
        SwitchProtocolBroken: it is not the protocol, or too long.
    """
    parser = Parser(largest_block=_LARGEST, largest_body=0)
    while data := await reader.read(_PIECE):
        parser.receive_data(data)
        if (message := parser.next_message()) is not None:
            named = message.channel.uuid if isinstance(message, CommandReply) and message.channel is not None else None
            return named if named is not None and _CHANNEL.fullmatch(named) else None
    return None
