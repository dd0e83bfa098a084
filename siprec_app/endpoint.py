"""Our end of SIP: the transactions of all sessions over one set of transports, and whom a request belongs to.

What is logged is Call-ID, method and status. Bodies hold keys and names, and are never logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

from faults import RecordingServerFault, RecordingServerProtocolBroken
from siprec_app import answers, dialogs, message
from siprec_app.message import Request, Response
from siprec_app.transactions import Action, Input, Kind, State, Transaction
from siprec_app.transport import Protocol as Carrier
from siprec_app.transport import Target, Transports, Way

log = structlog.get_logger("siprec")

COOKIE = "z9hG4bK"
"""With what a branch begins (RFC 3261 section 8.1.1.7)."""

MOST_ASKED = 20_000
"""Requests of others that are remembered; with more, new ones are passed over until they come again."""

_VIA_LENGTH = 120
_DEFAULT_PORT = 5060

Told = Callable[[Response | None], None]
Key = tuple[str, ...]


class Owner(Protocol):
    """A session, as the endpoint knows it."""

    def requested(self, incoming: Incoming) -> None:
        """A request within its dialog, once. It is answered by ``incoming.answer``."""

    def acknowledged(self, ack: Request | None) -> None:
        """The ACK of our 200 to the server's INVITE, or None: it did not come."""

    def lost(self, way: Way, fault: RecordingServerFault) -> None:
        """A connection has ended, perhaps another's."""


class Final:
    """Waits for the final response to a request of ours; ``told`` is what the endpoint is given."""

    def __init__(self) -> None:
        self._response: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()

    def told(self, response: Response | None) -> None:
        """Take a response, or None: there will be none."""
        if not self._response.done() and (response is None or response.status >= 200):
            self._response.set_result(response)

    async def response(self) -> Response | None:
        """The final response, or None when there is none."""
        return await self._response


class Outgoing:
    """A request of ours, and its transaction."""

    def __init__(self, endpoint: Endpoint, request: Request, way: Way, told: Told, machine: Transaction) -> None:
        self.request = request
        self.way = way
        self.machine = machine
        self._endpoint = endpoint
        self._told = told
        self._data = message.build(request)
        self._response: Response | None = None

    @property
    def key(self) -> Key:
        return (self.request.via.branch, self.request.method)

    def begin(self) -> None:
        self.way.send(self._data)
        # Whatever broke it before it was sent was told to nobody.
        self.act(() if self.way.open else self.machine.receive(Input.BROKEN, self._endpoint.clock()))

    def take(self, response: Response) -> None:
        self._response = response
        given = {1: Input.PROVISIONAL, 2: Input.SUCCESS}.get(response.status // 100, Input.REFUSAL)
        self.act(self.machine.receive(given, self._endpoint.clock()))

    def act(self, actions: tuple[Action, ...]) -> None:
        self._endpoint.schedule(self)
        for action in actions:
            if action is Action.SEND:
                self.way.send(self._data)
            elif action is Action.ACK and self._response is not None:
                self.way.send(message.build(dialogs.ack(self.request, self._response)))
            elif action is Action.TELL:
                self._told(self._response)
            elif action is Action.TIMEOUT:
                self._told(None)


class Incoming:
    """A request of a server, and its transaction."""

    def __init__(self, endpoint: Endpoint, request: Request, way: Way, key: Key, machine: Transaction,
                 owner: Owner | None) -> None:
        self.request = request
        self.way = way
        self.key = key
        self.machine = machine
        self._endpoint = endpoint
        self._owner = owner
        self._data = b""
        self._ack: Request | None = None

    def response(self, status: int) -> Response:
        """A response with what it takes from the request."""
        return message.response(self.request, status, self._endpoint.tag(), self.way.peer)

    def answer(self, response: Response) -> None:
        """Send the final response; it is sent again as often as the transaction asks for it."""
        log.debug("a request was answered", sip_call_id=self.request.call_id, method=self.request.method,
                  status=response.status)
        self._data = message.build(response)
        self.act(self.machine.receive(Input.SUCCESS if response.status < 300 else Input.REFUSAL,
                                      self._endpoint.clock()))

    def acknowledged(self, ack: Request) -> None:
        self._ack = ack
        self.act(self.machine.receive(Input.ACK, self._endpoint.clock()))

    def act(self, actions: tuple[Action, ...]) -> None:
        self._endpoint.schedule(self)
        for action in actions:
            if action is Action.SEND and self._data:
                self.way.send(self._data)
            elif action in (Action.TELL, Action.TIMEOUT) and self._owner is not None:
                self._owner.acknowledged(self._ack)


class Endpoint:
    """Sends requests in transactions, and hands requests to the sessions they belong to.

    Args:
        host: an address of this machine, by which servers can reach us.
        port: for UDP and TCP; 0: any that is free.
        token: draws letters and digits that nobody can foresee, 64 bits of them or more: branches, tags, Call-IDs.
        clock: seconds of a monotonic clock.
    """

    def __init__(self, host: str, port: int, *, token: Callable[[], str], clock: Callable[[], float]) -> None:
        self.clock = clock
        self._token = token
        self._transports = Transports(host, port, self, clock)
        self._ours: dict[Key, Outgoing] = {}
        self._theirs: dict[Key, Incoming] = {}
        self._origins: dict[Key, Incoming] = {}
        self._timers: dict[tuple[bool, Key], asyncio.TimerHandle] = {}
        self._owners: dict[tuple[str, str], Owner] = {}

    # Life

    async def open(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken, or the address is not this machine's.
        """
        await self._transports.open()

    async def close(self) -> None:
        """End everything at once: what is under way is not ended."""
        for handle in self._timers.values():
            handle.cancel()
        self._timers.clear()
        self._ours.clear()
        self._theirs.clear()
        self._origins.clear()
        self._owners.clear()
        await self._transports.close()

    @property
    def address(self) -> tuple[str, int]:
        """Where we listen, by UDP and TCP."""
        return self._transports.address

    @property
    def under_way(self) -> int:
        """Transactions that are remembered."""
        return len(self._ours) + len(self._theirs)

    def tag(self) -> str:
        """A new tag, or whatever else nobody may foresee."""
        return self._token()

    def own(self, call_id: str, tag: str, owner: Owner) -> None:
        """Requests of this Call-ID with this tag in To belong to that session."""
        self._owners[call_id, tag] = owner

    def disown(self, call_id: str, tag: str) -> None:
        """They belong to nobody any more, and are refused."""
        self._owners.pop((call_id, tag), None)

    # Requests of ours

    async def way(self, target: Target, size: int = 0) -> Way:
        """As ``Transports.way``."""
        return await self._transports.way(target, size)

    async def request(self, request: Request, target: Target, told: Told) -> Outgoing:
        """Send a request. Its responses are told as they come, each 2xx of an INVITE as often as it comes; None when
        there will be none.

        Raises:
            RecordingServerUnreachable, RecordingServerUntrusted, SettingsInvalid: as ``Transports.way``.
            ValueError: it cannot be written.
        """
        way = await self._routed(request, target)
        kind = Kind.CLIENT_INVITE if request.method == "INVITE" else Kind.CLIENT
        machine = Transaction(kind, reliable=way.protocol is not Carrier.UDP, now=self.clock())
        outgoing = Outgoing(self, request, way, told, machine)
        log.debug("a request is sent", sip_call_id=request.call_id, method=request.method, cseq=request.cseq[0])
        self._ours[outgoing.key] = outgoing
        outgoing.begin()
        return outgoing

    async def send(self, request: Request, target: Target) -> tuple[Way, bytes]:
        """Send an ACK of a 2xx, which has no transaction; what is returned sends it again.

        Raises:
            as ``request``.
        """
        way = await self._routed(request, target)
        data = message.build(request)
        way.send(data)
        return way, data

    def cancel(self, outgoing: Outgoing) -> None:
        """Cancel an INVITE that has had a provisional response and no other (RFC 3261 section 9.1)."""
        if outgoing.machine.state is not State.PROCEEDING:
            return
        outgoing.act(outgoing.machine.receive(Input.CANCEL, self.clock()))
        machine = Transaction(Kind.CLIENT, reliable=outgoing.way.protocol is not Carrier.UDP, now=self.clock())
        cancel = Outgoing(self, dialogs.cancel(outgoing.request), outgoing.way, lambda _: None, machine)
        self._ours[cancel.key] = cancel
        cancel.begin()

    async def _routed(self, request: Request, target: Target) -> Way:
        size = len(message.build(request)) + _VIA_LENGTH
        way = await self._transports.way(target, size)
        host, port = way.local
        host = f"[{host}]" if ":" in host else host
        request.fields.first("Via", f"SIP/2.0/{way.protocol} {host}:{port};branch={COOKIE}{self._token()};rport")
        return way

    # What comes in

    def received(self, data: bytes, way: Way) -> None:
        """A message; one that cannot be read is passed over (RFC 3261 section 18.3)."""
        try:
            found = message.read(data)
        except RecordingServerProtocolBroken as fault:
            log.debug("a message cannot be read", peer=way.peer[0], why=fault.message)
            return
        if isinstance(found, Response):
            number, method = found.cseq
            outgoing = self._ours.get((found.via.branch, method))
            if outgoing is not None and outgoing.request.cseq[0] == number:
                log.debug("a response came", sip_call_id=found.call_id, method=method, status=found.status)
                outgoing.take(found)
        elif found.method == "ACK":
            self._acknowledged(found)
        else:
            self._requested(found, way)

    def _acknowledged(self, ack: Request) -> None:
        """An ACK has the branch of the INVITE that was refused, or one of its own for one that was accepted."""
        incoming = self._theirs.get(_key(ack, "INVITE")) or self._origins.get(_origin(ack, "INVITE"))
        if incoming is not None:
            incoming.acknowledged(ack)

    def _requested(self, request: Request, way: Way) -> None:
        key = _key(request, request.method)
        known = self._theirs.get(key)
        if known is not None:
            known.act(known.machine.receive(Input.REQUEST, self.clock()))
            return
        if len(self._theirs) >= MOST_ASKED:
            return
        owner = self._owners.get((request.call_id, request.tag("To")))
        kind = Kind.SERVER_INVITE if request.method == "INVITE" else Kind.SERVER
        machine = Transaction(kind, reliable=way.protocol is not Carrier.UDP, now=self.clock())
        incoming = Incoming(self, request, self._back(request, way), key, machine, owner)
        refused = self._refused(incoming)
        self._theirs[key] = incoming
        self._origins.setdefault(_origin(request, request.method), incoming)
        log.debug("a request came", sip_call_id=request.call_id, method=request.method)
        if refused is not None:
            incoming.answer(refused)
        elif owner is None:
            incoming.answer(answers.without_dialog(request, self._token(), way.peer))
        else:
            owner.requested(incoming)

    def _refused(self, incoming: Incoming) -> Response | None:
        request = incoming.request
        if request.method == "CANCEL":
            # RFC 3261 section 9.2. An INVITE was answered the moment that it came: there is nothing left to cancel.
            return incoming.response(200 if _key(request, "INVITE") in self._theirs else 481)
        if not request.tag("To") and _origin(request, request.method) in self._origins:
            return incoming.response(482)  # RFC 3261 section 8.2.2.2: the same request by another way
        return answers.refusal(request, self._token(), incoming.way.peer)

    def _back(self, request: Request, way: Way) -> Way:
        """RFC 3261 section 18.2.2 and RFC 3581 section 4: by UDP to where it came from if ``rport`` is asked for."""
        via = request.via
        if way.protocol is not Carrier.UDP or "rport" in request.fields.items("Via")[0].lower():
            return way
        return self._transports.datagrams_to((way.peer[0], via.port or _DEFAULT_PORT))

    def lost(self, way: Way, fault: RecordingServerFault) -> None:
        """A connection has ended: what was under way on it will not be answered."""
        for outgoing in [one for one in self._ours.values() if one.way is way]:
            outgoing.act(outgoing.machine.receive(Input.BROKEN, self.clock()))
        for owner in set(self._owners.values()):
            owner.lost(way, fault)

    # Time

    def schedule(self, entry: Outgoing | Incoming) -> None:
        """Wait for the next timer of a transaction, or forget it."""
        ours = isinstance(entry, Outgoing)
        handle = self._timers.pop((ours, entry.key), None)
        if handle is not None:
            handle.cancel()
        if entry.machine.state is State.TERMINATED:
            (self._ours if ours else self._theirs).pop(entry.key, None)
            if isinstance(entry, Incoming):
                self._origins.pop(_origin(entry.request, entry.request.method), None)
        elif (deadline := entry.machine.next_deadline()) is not None:
            self._timers[ours, entry.key] = asyncio.get_running_loop().call_later(
                max(deadline - self.clock(), 0.0), self._due, entry)

    def _due(self, entry: Outgoing | Incoming) -> None:
        entry.act(entry.machine.tick(self.clock()))


def _key(request: Request, method: str) -> Key:
    """What the requests of one transaction have in common (RFC 3261 section 17.2.3)."""
    via = request.via
    if via.branch.startswith(COOKIE):
        return (via.branch, via.host, str(via.port), method)
    return (request.call_id, str(request.cseq[0]), request.tag("From"), via.host, str(via.port), method)


def _origin(request: Request, method: str) -> Key:
    """What a request keeps on every way (RFC 3261 section 8.2.2.2); an ACK has it of its INVITE."""
    return (request.call_id, str(request.cseq[0]), request.tag("From"), method)
