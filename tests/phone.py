"""One SIP and RTP party for every suite: it registers, calls, answers, and plays a sound of its own.

    async with Phones(asterisk) as phones:
        alice = await phones.user("alice")
        trunk = await phones.trunk()
        call = trunk.call("101")
        await call.answered

It speaks what two parties and a switch need of RFC 3261 over UDP, and nothing else. What a call can do is in
`tests.call`; what it sent and heard is in `call.stream`.
"""

import asyncio
from collections.abc import Mapping
from secrets import token_hex
from types import TracebackType
from typing import Protocol, Self

from tests.call import Call
from tests.rtp import Network, Stream, Ticker
from tests.sip import Message, uri_of
from tests.sounds import Sound
from tests.transfers import Dialog
from tests.useragent import Address, CallFailed, UserAgent

__all__ = ["Call", "CallFailed", "Exchange", "Network", "Phone", "Phones"]


class Exchange(Protocol):
    """What phones need to know of a switch: where it is, who may register and in which domain, where its trunk has to
    be and sends to."""

    @property
    def sip_address(self) -> Address: ...

    @property
    def trunk_address(self) -> Address: ...

    @property
    def trunk_server(self) -> Address: ...

    def domain(self, user: str) -> str: ...

    def password(self, user: str) -> str: ...


class Phone:
    """A telephone, or a trunk: any number of calls at once.

    Attributes (a test may change them at any time, for the calls that follow):
        rings: seconds until a call in is answered; None: it rings until somebody acts.
        refuses: the status that calls in are refused with; None: they are not.
        forwards: the number that calls in are sent on to, by 302; None: they are not.
        codecs: of PCMU, PCMA, G722, in order of preference.
        sound: what it plays; None: it sends no packet at all.
        network: what the way to the switch does to its packets.
        keep: whether its calls keep what they hear.
        first_packet: the RTP sequence number that its calls begin with; None: any.
        calls: every call it has had, in order.
        incoming: calls in, as they begin to ring.
    """

    def __init__(
        self, name: str, server: Address, ticker: Ticker, sound: Sound | None, *, domain: str = "", password: str = ""
    ) -> None:
        self.name = name
        self.rings: float | None = 0.0
        self.refuses: int | None = None
        self.forwards: str | None = None
        self.codecs: tuple[str, ...] = ("PCMU",)
        self.sound = sound
        self.network = Network()
        self.keep = True
        self.first_packet: int | None = None
        self.calls: list[Call] = []
        self.incoming: asyncio.Queue[Call] = asyncio.Queue()
        self.agent = UserAgent(server, name, password, self._received)
        self._server = server
        self._domain = domain
        self._ticker = ticker
        self._registered = False

    async def register(self, *, seconds: int = 600) -> None:
        """REGISTER with a digest; 0 seconds takes it back.

        Raises:
            CallFailed: refused, or no answer.
        """
        who = f"<sip:{self.name}@{self._domain}>"
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

    def uri(self, number: str) -> str:
        """Where the exchange has a number."""
        return f"sip:{number}@{self._server[0]}:{self._server[1]}"

    def call(
        self,
        number: str,
        *,
        replaces: Call | None = None,
        caller: str | None = None,
        sound: Sound | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Call:
        """Calls a number and returns at once. `replaces`: the call, of this phone or another, whose place the new one
        takes (RFC 3891); `caller`: the user part of From, if not the phone's name; `sound`: for this call only;
        `headers`: added to the INVITE."""
        uri = self.uri(number)
        added = dict(headers or {})
        if replaces is not None:
            added["Replaces"] = str(replaces.dialog)
        local = f"<sip:{caller or self.name}@{self._domain or self.agent.address[0]}>;tag={token_hex(4)}"
        stream = self._stream(sound or self.sound)
        call = Call(self, stream, call_id=token_hex(10), local=local, remote=f"<{uri}>", uri=uri)
        self.calls.append(call)
        self.agent.run(call.place(added))
        return call

    async def next_call(self, *, within: float = 30.0) -> Call:
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

    def _stream(self, sound: Sound | None) -> Stream:
        return Stream(self._ticker, sound, self.network, keep=self.keep, first_packet=self.first_packet)

    def _received(self, request: Message) -> None:
        call_id = request.get("Call-ID")
        known = next((call for call in self.calls if call.id == call_id), None)
        if known is not None:
            known.requested(request)
        elif request.method == "INVITE":
            stream = self._stream(self.sound)
            local = f"{request.get('To')};tag={token_hex(4)}"
            remote, uri = request.get("From"), uri_of(request.get("Contact"))
            call = Call(self, stream, call_id=call_id, local=local, remote=remote, uri=uri)
            named = Dialog.of(request)
            replaced = next((one for one in self.calls if named is not None and one.is_named(named)), None)
            if named is not None and (replaced is None or replaced.ended_at is not None):
                self.agent.reply(request, 481, tag=token_hex(4))
                return
            self.calls.append(call)
            self.agent.run(call.ring(request) if replaced is None else call.take_over(request, replaced))
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
        exchange = self._exchange
        phone = Phone(name, exchange.sip_address, self._ticker, sound, domain=exchange.domain(name),
                      password=exchange.password(name))
        await phone.agent.open(self._exchange.sip_address[0], 0)
        self._open.append(phone)
        await phone.register()
        return phone

    async def trunk(self, sound: Sound | None = None, *, name: str = "trunk") -> Phone:
        """The outside: it calls in without a password, and gets the calls that go out."""
        phone = Phone(name, self._exchange.trunk_server, self._ticker, sound)
        await phone.agent.open(*self._exchange.trunk_address)
        self._open.append(phone)
        return phone

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        done: list[BaseException | None] = []
        for phone in self._open:  # one after the other: FreeSWITCH is late with two BYEs that cross, or never answers
            done += await asyncio.gather(phone.close(reachable=self.reachable), return_exceptions=True)
        failures = [failure for failure in done if isinstance(failure, Exception)]
        if failures and error is None:
            raise ExceptionGroup("phones", failures)
