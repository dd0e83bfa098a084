"""What is asked of rtpengine: calls of its own for our streams, who hears whom in them, and their end.

A stream is offered and answered, although nobody answers it: only of what was offered does the daemon keep more than
one payload type, and a type that it does not know it passes on (docs/decisions/0020).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import structlog

from faults import RelayFailed
from siprec_app.ng_client import NgClient
from siprec_app.protocol import ng
from siprec_app.protocol.bencode import Value
from siprec_app.protocol.crypto import Crypto
from siprec_app.relay import Address

__all__ = ["NgCalls", "Stream"]

log = structlog.get_logger("siprec")

_NOBODY = "nobody"
_DISCARD = 9
"""RFC 863: who sends is never sent anything."""
_NOT_THERE = frozenset({"Unknown call-ID", "To-tag not found"})
"""Refusals of an ``unsubscribe`` that say as much as its success: there is nobody who could hear anything."""
_AGAIN, _LATEST = 1.0, 10.0
"""Seconds after which a call's end is asked for again; twice as many each time, up to that."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Somebody who sends, in a call there."""

    call: str
    tag: str
    passes: Collection[int] = (ng.AUDIO,)


class NgCalls:
    """Made and used within a running event loop.

    Args:
        client: speaks with the daemon; open.
        here: the address of this machine that the daemon can send to.
    """

    def __init__(self, client: NgClient, here: str) -> None:
        self._client, self._here = client, here
        self._ending: dict[str, tuple[asyncio.Event, asyncio.Task[None]]] = {}

    async def close(self) -> None:
        """Ask no more for the end of what does not answer: the daemon forgets it when nothing comes any more."""
        tasks = [task for _, task in self._ending.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def alive(self) -> None:
        """Return if it is there.

        Raises:
            RelayFailed: it is not.
        """
        await self._client.ask("ping")

    async def knows(self, stream: Stream) -> bool:
        """Whether it has such a stream.

        Raises:
            RelayFailed: it does not answer.
        """
        said = await self._client.ask("query", {"call-id": stream.call, "from-tag": stream.tag})
        return said.get("result") == "ok"

    async def publish(self, stream: Stream) -> tuple[Address, Address]:
        """Where that stream is to be sent, and a port of its call from which nothing goes anywhere. Nothing but its
        payload types passes.

        Raises:
            RelayFailed: it does not answer, or has no port left; then it has no such call.
        """
        call, tag = stream.call, stream.tag
        try:
            asked: dict[str, object] = {"call-id": call, "from-tag": tag, "ICE": "remove"}
            aside = await self._client.do("offer", {**asked, "sdp": self._nowhere("sendonly", stream.passes)})
            said = await self._client.do("answer", {**asked, "to-tag": _NOBODY,
                                                    "sdp": self._nowhere("inactive", stream.passes)})
            for one in (_NOBODY, tag):  # neither hears the other
                await self._client.do("unsubscribe", {"call-id": call, "to-tag": one})
            await self._client.do("block DTMF", {"call-id": call})
            return _place(said), _place(aside)
        except RelayFailed:
            self.end(call)
            raise

    async def publish_key(self, call: str, tag: str, key: Crypto) -> None:
        """Somebody who never sends, and whose key those are offered who subscribe to him."""
        await self._client.do("publish", {"call-id": call, "from-tag": tag, "ICE": "remove",
                                          "sdp": self._nowhere("sendonly", (ng.AUDIO,), key)})

    async def offered(self, call: str, tag: str, to: str, key: Crypto | None = None) -> Address:
        """From where the daemon would send a stream to whoever subscribes to it. Whom he heard before he hears no more.

        Raises:
            RelayFailed: it does not answer, or refuses.
        """
        return _place(await self._client.do("subscribe request", ng.subscription(call, tag, to, ng.profile(key))))

    async def hears(self, stream: Stream, to: str, where: Address, *, rtcp_port: int | None = None,
                    key: Crypto | None = None) -> None:
        """Whoever was offered it hears it from now on.

        Raises:
            RelayFailed: as :meth:`offered`. The daemon may do it all the same, and later.
        """
        await self._client.do("subscribe answer", {"call-id": stream.call, "to-tag": to, "sdp": ng.sdp(
            where.host, where.port, "recvonly", passes=stream.passes, rtcp_port=rtcp_port, key=key)})

    async def silence(self, call: str, to: str) -> None:
        """Nothing goes there any more: the daemon answers once no packet is under way.

        Raises:
            RelayFailed: it has not said so in time, or at all.
        """
        said = await self._client.ask("unsubscribe", {"call-id": call, "to-tag": to})
        if said.get("result") != "ok" and said.get("error-reason") not in _NOT_THERE:
            raise RelayFailed("rtpengine refuses a silence.", reason=str(said.get("error-reason", ""))[:200])

    async def counted(self, stream: Stream) -> tuple[int, int] | None:
        """Packets that came, and their bytes, headers among them; None when the daemon does not say."""
        try:
            said = await self._client.ask("query", {"call-id": stream.call, "from-tag": stream.tag})
        except RelayFailed:
            return None
        stats = ng.streams(said).get(stream.tag, {})
        packets, octets = stats.get("packets"), stats.get("bytes")
        return (packets, octets) if isinstance(packets, int) and isinstance(octets, int) else None

    def end(self, call: str, fed_by: str | None = None, by_name: str = "") -> asyncio.Event:
        """Have a call end, asked for until the daemon says so. The event is set then: nothing of it goes anywhere any
        more, and what had been asked of it before, and comes late, finds no such call.

        Args:
            fed_by: another call that sends to a port of this one, and by which name it does: that ends first, as the
                port may soon be another's.
        """
        if call not in self._ending:
            ended = asyncio.Event()
            self._ending[call] = ended, asyncio.create_task(self._until_ended(call, ended, fed_by, by_name))
        return self._ending[call][0]

    async def ended(self, call: str) -> bool:
        """Whether a call that is to end has ended, or does within the time of one request."""
        if call not in self._ending:
            return True
        event, _ = self._ending[call]
        try:
            async with asyncio.timeout(ng.WITHIN):
                await event.wait()
        except TimeoutError:
            return False
        return True

    async def _until_ended(self, call: str, ended: asyncio.Event, fed_by: str | None, by_name: str) -> None:
        pause = _AGAIN
        while True:
            try:
                if fed_by is not None:
                    await self.silence(fed_by, by_name)
                await self._client.do("delete", {"call-id": call, "delete-delay": 0})
                break
            except RelayFailed as fault:
                log.debug("rtpengine is asked again to end a call", call=call, why=fault.message)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LATEST)
        ended.set()
        del self._ending[call]

    def _nowhere(self, direction: str, passes: Collection[int], key: Crypto | None = None) -> str:
        return ng.sdp(self._here, _DISCARD, direction, passes=passes, key=key)


def _place(said: Mapping[str, Value]) -> Address:
    found = ng.address(said)
    if found is None:
        raise RelayFailed("rtpengine names no port.")
    return Address(*found)
