"""One SIP and RTP party for every suite: it registers, calls, answers, and plays a sound of its own.

    async with Phones(asterisk) as phones:
        alice = await phones.user("alice")
        trunk = await phones.trunk()
        call = trunk.call("101")
        await call.answered

It speaks what two parties and a switch need of RFC 3261 over UDP, and nothing else. What a call sent and heard is in
`call.stream`.
"""

import asyncio
import time
from collections.abc import Mapping
from secrets import token_hex
from types import TracebackType
from typing import Protocol, Self

from tests.rtp import Network, Stream, Ticker
from tests.sip import Media, Message, media_of, sdp, tag_of, uri_of
from tests.sounds import Sound
from tests.useragent import Address, CallFailed, UserAgent, session_id

__all__ = ["Call", "CallFailed", "Exchange", "Network", "Phone", "Phones"]

_TURNED = {"sendonly": "recvonly", "recvonly": "sendonly"}


class Exchange(Protocol):
    """What phones need to know of a switch: where it is, who may register, where its trunk has to be."""

    @property
    def sip_address(self) -> Address: ...

    @property
    def trunk_address(self) -> Address: ...

    def password(self, user: str) -> str: ...


class Call:
    """One conversation at a phone; it is made by `Phone.call`, or comes from `Phone.next_call`.

    Attributes:
        id: the SIP Call-ID.
        number: the user part of the other side's address: who calls, or who was called.
        stream: the audio, both ways.
        status: the INVITE's final status, 0 before.
        rang_at, answered_at, ended_at: time.time when the 180, the 200 to the INVITE, and the end were sent or
            received; None before.
    """

    def __init__(self, phone: "Phone", stream: Stream, *, call_id: str, local: str, remote: str, uri: str) -> None:
        self.phone = phone
        self.stream = stream
        self.id = call_id
        self.number = uri_of(remote).removeprefix("sip:").split("@")[0]
        self.status = 0
        self.rang_at: float | None = None
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        # From and To of our requests, with tags; where they go; the number and transaction of the latest.
        self._local, self._remote, self._uri = local, remote, uri
        self._sequence = 1
        self._branch = ""
        self._invite: Message | None = None
        loop = asyncio.get_running_loop()
        self._under_way: asyncio.Future[None] = loop.create_future()
        self._answered: asyncio.Future[float] = loop.create_future()
        self._ended: asyncio.Future[float] = loop.create_future()
        # Not every test awaits an answer that never comes; that is no error.
        self._answered.add_done_callback(lambda done: done.cancelled() or done.exception())

    @property
    def under_way(self) -> "asyncio.Future[None]":
        """Await it: the switch has the call (any provisional answer), or it was answered or ended without."""
        return asyncio.shield(self._under_way)

    @property
    def answered(self) -> "asyncio.Future[float]":
        """Await it: time.time of the 200. A wait may be given up without harm.

        Raises:
            CallFailed: the call was refused, cancelled or never answered.
        """
        waiting = asyncio.shield(self._answered)
        waiting.add_done_callback(lambda done: done.cancelled() or done.exception())
        return waiting

    @property
    def ended(self) -> "asyncio.Future[float]":
        """Await it: time.time of the end, whoever hung up."""
        return asyncio.shield(self._ended)

    # ---- A call out -----------------------------------------------------------------------------------------

    async def place(self, headers: Mapping[str, str]) -> None:
        """Sends the INVITE and follows it to its end or answer. `Phone.call` has this run."""
        phone, agent = self.phone, self.phone.agent
        await phone.prepare(self.stream)
        invite = self._request("INVITE")
        invite.headers += [("Content-Type", "application/sdp"), *headers.items()]
        invite.body = sdp(self.stream.address, phone.codecs, session=session_id())
        try:
            final, self._sequence = await agent.ask_with_digest(invite, provisional=self._provisional)
        except CallFailed as silence:
            self._end(silence.status)
            return
        self._remote = final.get("To")
        if final.status >= 300:
            self._end(final.status)
            return
        self._uri = uri_of(final.get("Contact"))
        agent.send_ack(self._request("ACK"), final)
        self._connect(media_of(final.body))
        self._answer()

    def _provisional(self, response: Message) -> None:
        self._branch = response.branch
        if response.status == 180 and self.rang_at is None:
            self.rang_at = time.time()
        if not self._under_way.done():
            self._under_way.set_result(None)

    # ---- A call in ------------------------------------------------------------------------------------------

    async def ring(self, invite: Message) -> None:
        """Does with a call in what the phone's `refuses` and `rings` say. `Phone` has this run."""
        phone = self.phone
        self._invite = invite
        await phone.prepare(self.stream)
        if phone.refuses is not None:
            self._refuse(phone.refuses)
            return
        phone.agent.reply(invite, 180, tag=tag_of(self._local))
        self.rang_at = time.time()
        self._under_way.set_result(None)
        phone.incoming.put_nowait(self)
        if phone.rings is not None:
            await asyncio.sleep(phone.rings)
            self.answer()

    def answer(self) -> None:
        """Takes a ringing call in; one that has ended or was taken stays as it is."""
        if self.ended_at is not None or self.answered_at is not None:
            return
        assert self._invite is not None, "only a call in can be answered"
        if self._accept(self._invite):
            self._answer()
        else:
            self._refuse(488)

    def _accept(self, invite: Message) -> bool:
        """Whether the offer of an INVITE could be taken, and was."""
        theirs = media_of(invite.body)
        try:
            self._connect(theirs)
        except CallFailed:
            return False
        direction = _TURNED.get(theirs.direction, theirs.direction)
        body = sdp(self.stream.address, (self.stream.codec,), session=session_id(), direction=direction)
        self.phone.agent.run(self.phone.agent.accept(invite, tag=tag_of(self._local), body=body))
        return True

    def _refuse(self, status: int) -> None:
        assert self._invite is not None
        self.phone.agent.reply(self._invite, status, tag=tag_of(self._local))
        self._end(status)

    def requested(self, request: Message) -> None:
        """A request within this call."""
        agent = self.phone.agent
        match request.method:
            case "INVITE":
                if not self._accept(request):
                    agent.reply(request, 488)
            case "BYE":
                agent.reply(request, 200)
                self._end()
            case "CANCEL":
                agent.reply(request, 200, tag=tag_of(self._local))
                if self.answered_at is None and self.ended_at is None:
                    self._refuse(487)
            case _:
                agent.reply(request, 200)

    # ---- Either ---------------------------------------------------------------------------------------------

    async def hangup(self) -> None:
        """Ends the call in the way its state asks for: BYE, CANCEL, or 486 to one that rings here. Returns when the
        switch has confirmed it."""
        agent = self.phone.agent
        if self._invite is None:
            # CANCEL may only follow a provisional answer (RFC 3261, 9.1), and who calls can do nothing before.
            await self.under_way
        if self.ended_at is not None:
            return
        if self.answered_at is not None:
            self._sequence += 1
            self._end()
            await agent.ask(self._request("BYE"))
        elif self._invite is not None:
            self._refuse(486)
        else:
            # The 487 to the INVITE ends the call; a 200 that crossed the CANCEL is hung up.
            await agent.ask(self._request("CANCEL"), branch=self._branch)
            await asyncio.wait({self._answered, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            await self.hangup()

    async def offer(self, direction: str) -> str:
        """Renegotiates an answered call by a re-INVITE: "sendonly" puts the other side on hold, "sendrecv" takes it
        back. Returns the direction that the other side answers with.

        Raises:
            CallFailed: refused, or no answer.
        """
        agent = self.phone.agent
        self._sequence += 1
        invite = self._request("INVITE")
        invite.headers.append(("Content-Type", "application/sdp"))
        invite.body = sdp(self.stream.address, (self.stream.codec,), session=session_id(), direction=direction)
        final, self._sequence = await agent.ask_with_digest(invite)
        if final.status >= 300:
            raise CallFailed(f"re-INVITE to {self.number}", final.status)
        agent.send_ack(self._request("ACK"), final)
        theirs = media_of(final.body)
        self._connect(theirs)
        return theirs.direction

    def _request(self, method: str) -> Message:
        return self.phone.agent.request(
            method, self._uri, local=self._local, remote=self._remote, call_id=self.id, sequence=self._sequence
        )

    def _connect(self, theirs: Media) -> None:
        common = [codec for codec in theirs.codecs if codec in self.phone.codecs]
        if not common:
            raise CallFailed(f"{self.phone.name} has none of {theirs.codecs}", 488)
        codec = self.stream.codec if self.stream.codec in common else common[0]
        self.stream.connect(theirs.address, codec, held=theirs.direction in ("sendonly", "inactive"))

    def _answer(self) -> None:
        self.status = 200
        self.answered_at = time.time()
        self._answered.set_result(self.answered_at)
        if not self._under_way.done():
            self._under_way.set_result(None)

    def _end(self, status: int = 0) -> None:
        if self.ended_at is not None:
            return
        self.stream.close()
        self.ended_at = time.time()
        if self.answered_at is None:
            self.status = status
            self._answered.set_exception(CallFailed(f"call with {self.number}", status))
        if not self._under_way.done():
            self._under_way.set_result(None)
        self._ended.set_result(self.ended_at)


class Phone:
    """A telephone, or a trunk: any number of calls at once.

    Attributes (a test may change them at any time, for the calls that follow):
        rings: seconds until a call in is answered; None: it rings until somebody acts.
        refuses: the status that calls in are refused with; None: they are not.
        codecs: of PCMU, PCMA, G722, in order of preference.
        sound: what it plays; None: it sends no packet at all.
        network: what the way to the switch does to its packets.
        keep: whether its calls keep what they hear.
        calls: every call it has had, in order.
        incoming: calls in, as they begin to ring.
    """

    def __init__(
        self, name: str, exchange: Exchange, ticker: Ticker, sound: Sound | None, *, password: str = ""
    ) -> None:
        self.name = name
        self.rings: float | None = 0.0
        self.refuses: int | None = None
        self.codecs: tuple[str, ...] = ("PCMU",)
        self.sound = sound
        self.network = Network()
        self.keep = True
        self.calls: list[Call] = []
        self.incoming: asyncio.Queue[Call] = asyncio.Queue()
        self.agent = UserAgent(exchange.sip_address, name, password, self._received)
        self._server = exchange.sip_address
        self._ticker = ticker
        self._registered = False

    async def register(self, *, seconds: int = 600) -> None:
        """REGISTER with a digest; 0 seconds takes it back.

        Raises:
            CallFailed: refused, or no answer.
        """
        who = f"<sip:{self.name}@{self._server[0]}>"
        request = self.agent.request(
            "REGISTER",
            f"sip:{self._server[0]}:{self._server[1]}",
            local=f"{who};tag={token_hex(4)}",
            remote=who,
            call_id=token_hex(8),
            sequence=1,
        )
        request.headers.append(("Expires", str(seconds)))
        final, _ = await self.agent.ask_with_digest(request)
        if final.status != 200:
            raise CallFailed(f"REGISTER {self.name}", final.status)
        self._registered = seconds > 0

    def call(
        self,
        number: str,
        *,
        caller: str | None = None,
        sound: Sound | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Call:
        """Calls a number and returns at once. `caller`: the user part of From, if not the phone's name; `sound`: for
        this call only; `headers`: added to the INVITE."""
        uri = f"sip:{number}@{self._server[0]}:{self._server[1]}"
        local = f"<sip:{caller or self.name}@{self.agent.address[0]}>;tag={token_hex(4)}"
        stream = Stream(self._ticker, sound or self.sound, self.network, keep=self.keep)
        call = Call(self, stream, call_id=token_hex(10), local=local, remote=f"<{uri}>", uri=uri)
        self.calls.append(call)
        self.agent.run(call.place(headers or {}))
        return call

    async def next_call(self, *, within: float = 10.0) -> Call:
        """The next call in that rings here, or rang and was not asked for yet.

        Raises:
            TimeoutError: none has come `within` so many seconds.
        """
        async with asyncio.timeout(within):
            return await self.incoming.get()

    async def prepare(self, stream: Stream) -> None:
        """Opens a call's port, and encodes what it will say: before the call, not in it."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: stream, local_addr=(self.agent.address[0], 0))
        for codec in self.codecs:
            await stream.prepare(codec)

    async def close(self, *, reachable: bool = True) -> None:
        """Hangs up everything and signs off (not when the switch is no longer `reachable`); closes the port.

        Raises:
            ExceptionGroup: something of this phone had failed on the way.
        """
        if reachable:
            await asyncio.gather(*(call.hangup() for call in self.calls))
            if self._registered:
                await self.register(seconds=0)
        for call in self.calls:
            call.stream.close()
        await self.agent.close()

    def _received(self, request: Message) -> None:
        call_id = request.get("Call-ID")
        known = next((call for call in self.calls if call.id == call_id), None)
        if known is not None:
            known.requested(request)
        elif request.method == "INVITE":
            stream = Stream(self._ticker, self.sound, self.network, keep=self.keep)
            local = f"{request.get('To')};tag={token_hex(4)}"
            remote, uri = request.get("From"), uri_of(request.get("Contact"))
            call = Call(self, stream, call_id=call_id, local=local, remote=remote, uri=uri)
            self.calls.append(call)
            self.agent.run(call.ring(request))
        else:
            self.agent.reply(request, 200 if request.method in ("OPTIONS", "NOTIFY") else 481, tag=token_hex(4))


class Phones:
    """The phones of one test, on one ticker; leaving the block hangs up and closes all of them."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._ticker = Ticker(asyncio.get_running_loop())
        self._open: list[Phone] = []
        self.reachable = True
        """False once a test has taken the switch away: leaving then waits for no answer from it."""

    async def user(self, name: str, sound: Sound | None = None) -> Phone:
        """A registered user of the exchange.

        Raises:
            CallFailed: it may not register.
        """
        phone = Phone(name, self._exchange, self._ticker, sound, password=self._exchange.password(name))
        await phone.agent.open(self._exchange.sip_address[0], 0)
        self._open.append(phone)
        await phone.register()
        return phone

    async def trunk(self, sound: Sound | None = None, *, name: str = "trunk") -> Phone:
        """The outside: it calls in without a password, and gets the calls that go out."""
        phone = Phone(name, self._exchange, self._ticker, sound)
        await phone.agent.open(*self._exchange.trunk_address)
        self._open.append(phone)
        return phone

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        done = await asyncio.gather(
            *(phone.close(reachable=self.reachable) for phone in self._open), return_exceptions=True
        )
        failures = [failure for failure in done if isinstance(failure, Exception)]
        if failures and error is None:
            raise ExceptionGroup("phones", failures)
