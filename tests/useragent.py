"""The lower half of the tests' phone: a UDP port, and SIP transactions over it (RFC 3261, 17)."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from secrets import token_hex
from typing import Any, cast

from tests.sip import Message, authorization

__all__ = ["Address", "CallFailed", "UserAgent"]

Address = tuple[str, int]

_T1 = 0.5
_T2 = 4.0
"""Seconds until the first resend, and at most between two (RFC 3261, 17.1.1.1)."""
_GIVE_UP = 64 * _T1

_REASONS = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    302: "Moved Temporarily",
    405: "Method Not Allowed",
    481: "Call Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
}


class CallFailed(Exception):
    """A request was refused or never answered. `status`: the SIP status; 408 for no answer."""

    def __init__(self, what: str, status: int) -> None:
        super().__init__(f"{what}: {status}")
        self.status = status


class UserAgent(asyncio.DatagramProtocol):
    """Sends requests until they are answered, answers requests as often as they come, and hands each request to
    `received` once.

    Args:
        server: where every request goes.
        user, password: for digests.
        received: is told of each new request.
    """

    def __init__(self, server: Address, user: str, password: str, received: Callable[[Message], None]) -> None:
        self.user = user
        self._server = server
        self._password = password
        self._received = received
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.DatagramTransport | None = None
        self._tasks: set[asyncio.Task[object]] = set()
        self._answers: dict[str, asyncio.Queue[Message]] = {}
        self._acks: dict[tuple[str, str], Message] = {}
        self._replies: dict[tuple[str, str], Message | None] = {}
        self._acknowledged: dict[tuple[str, int], asyncio.Future[Message]] = {}
        self._failures: list[BaseException] = []

    # ---- The port -------------------------------------------------------------------------------------------

    async def open(self, host: str, port: int) -> None:
        """Binds to `host`; port 0 takes a free one.

        Raises:
            OSError: the port is taken.
        """
        await self._loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))

    async def close(self) -> None:
        """Ends what runs and closes the port.

        Raises:
            ExceptionGroup: tasks of this phone had failed.
        """
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()
        if failures := [failure for failure in self._failures if isinstance(failure, Exception)]:
            raise ExceptionGroup(f"phone {self.user}", failures)

    @property
    def address(self) -> Address:
        """Where it listens."""
        assert self._transport is not None, "open it first"
        host, port = self._transport.get_extra_info("sockname")
        return (host, port)

    @property
    def contact(self) -> str:
        """Its URI."""
        host, port = self.address
        return f"sip:{self.user}@{host}:{port}"

    def run(self, work: Coroutine[Any, Any, object]) -> None:
        """Runs it beside everything else; `close` tells of its failure."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._has_run)

    def _has_run(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failures.append(failure)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Python 3.11's is not derived from DatagramTransport, so that no isinstance can tell.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def error_received(self, exc: Exception) -> None:
        """A refused datagram is a lost one: resends deal with it."""

    def _send(self, message: Message) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(bytes(message), self._server)

    # ---- Requests of ours -----------------------------------------------------------------------------------

    def request(self, method: str, uri: str, *, local: str, remote: str, call_id: str, sequence: int) -> Message:
        """A request with what every request needs, but for its Via: `ask` and `send_ack` put that."""
        headers = [
            ("Max-Forwards", "70"),
            ("From", local),
            ("To", remote),
            ("Call-ID", call_id),
            ("CSeq", f"{sequence} {method}"),
            ("Contact", f"<{self.contact}>"),
            ("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS, REFER, NOTIFY"),
            ("Supported", "replaces"),
        ]
        return Message(f"{method} {uri} SIP/2.0", headers)

    def branch(self) -> str:
        """An id for a new transaction."""
        return f"z9hG4bK{token_hex(8)}"

    def _with_via(self, request: Message, branch: str) -> Message:
        host, port = self.address
        headers = [(name, value) for name, value in request.headers if name != "Via"]
        via = ("Via", f"SIP/2.0/UDP {host}:{port};branch={branch};rport")
        return Message(request.start, [via, *headers], request.body)

    async def ask(
        self, request: Message, *, branch: str = "", provisional: Callable[[Message], None] | None = None
    ) -> Message:
        """Sends a request until it is answered and returns the final response. A refused INVITE is acknowledged
        here; an accepted one by `send_ack`. `branch` ties a CANCEL to its INVITE.

        Raises:
            CallFailed: no answer at all, 408.
        """
        method = request.method
        request = self._with_via(request, branch or self.branch())
        answers: asyncio.Queue[Message] = asyncio.Queue()
        key = f"{method} {request.branch}"
        self._answers[key] = answers
        began, wait, proceeding = self._loop.time(), _T1, False
        try:
            self._send(request)
            while True:
                try:
                    async with asyncio.timeout(None if proceeding and method == "INVITE" else wait):
                        answer = await answers.get()
                except TimeoutError:
                    if self._loop.time() - began > _GIVE_UP:
                        raise CallFailed(f"no answer to {method}", 408) from None
                    self._send(request)
                    wait = 2 * wait if method == "INVITE" else min(2 * wait, _T2)
                    continue
                if answer.status >= 200:
                    break
                proceeding = True
                if provisional is not None:
                    provisional(answer)
        finally:
            del self._answers[key]
        if method == "INVITE" and answer.status >= 300:
            self._acknowledge_refusal(request, answer)
        return answer

    async def ask_with_digest(
        self, request: Message, *, provisional: Callable[[Message], None] | None = None
    ) -> tuple[Message, int]:
        """As `ask`, and once more with a digest when that is what the server wants. Returns the final response and
        the CSeq number that it belongs to."""
        final = await self.ask(request, provisional=provisional)
        sequence = int(request.get("CSeq").split()[0])
        if final.status not in (401, 407) or not self._password:
            return final, sequence
        # A registrar challenges for itself, a proxy as a proxy, and a switch is either (RFC 3261, 22.2 and 22.3).
        challenge, answer = (("WWW-Authenticate", "Authorization") if final.status == 401
                             else ("Proxy-Authenticate", "Proxy-Authorization"))
        method, uri = request.start.split()[:2]
        proof = authorization(
            final.get(challenge),
            method=method,
            uri=uri,
            user=self.user,
            password=self._password,
            cnonce=token_hex(4),
        )
        headers = [pair for pair in request.headers if pair[0] != "CSeq"]
        headers += [("CSeq", f"{sequence + 1} {method}"), (answer, proof)]
        again = Message(request.start, headers, request.body)
        return await self.ask(again, provisional=provisional), sequence + 1

    def send_ack(self, ack: Message, final: Message) -> None:
        """ACK of a 200 is a request of its own (RFC 3261, 13.2.2.4), sent again whenever that 200 comes again."""
        ack = self._with_via(ack, self.branch())
        self._acks[final.branch, final.get("CSeq")] = ack
        self._send(ack)

    def _acknowledge_refusal(self, request: Message, final: Message) -> None:
        """ACK of a refusal belongs to the transaction of the INVITE (RFC 3261, 17.1.1.3)."""
        number = request.get("CSeq").split()[0]
        headers = [(name, request.get(name)) for name in ("Via", "Max-Forwards", "From", "Call-ID")]
        headers += [("To", final.get("To")), ("CSeq", f"{number} ACK")]
        ack = Message(f"ACK {request.start.split()[1]} SIP/2.0", headers)
        self._acks[final.branch, final.get("CSeq")] = ack
        self._send(ack)

    # ---- Requests of the server -----------------------------------------------------------------------------

    def reply(self, request: Message, status: int, *, tag: str = "", body: str = "", contact: str = "") -> None:
        """Answers a request; the same answer goes out again when the request comes again. `contact`: a URI, if not
        our own."""
        answer = request.answer(status, _REASONS.get(status, "Refused"), tag=tag, source=self._server)
        answer.headers.append(("Contact", f"<{contact or self.contact}>"))
        if body:
            answer.headers.append(("Content-Type", "application/sdp"))
            answer.body = body
        self._replies[request.branch, request.method] = answer
        self._send(answer)

    async def accept(self, invite: Message, *, tag: str, body: str) -> Message | None:
        """Answers an INVITE with 200 until its ACK comes, and returns that (RFC 3261, 13.3.1.4); gives up quietly, as
        phones do."""
        acknowledged = self._acknowledgement(invite)
        self.reply(invite, 200, tag=tag, body=body)
        began, wait = self._loop.time(), _T1
        while self._loop.time() - began < _GIVE_UP:
            try:
                async with asyncio.timeout(wait):
                    return await asyncio.shield(acknowledged)
            except TimeoutError:
                self.reply(invite, 200, tag=tag, body=body)
                wait = min(2 * wait, _T2)
        return None

    def _acknowledgement(self, request: Message) -> asyncio.Future[Message]:
        """Of the INVITE that this is, or that this is the ACK of."""
        key = (request.get("Call-ID"), int(request.get("CSeq").split()[0]))
        return self._acknowledged.setdefault(key, self._loop.create_future())

    # ---- In -------------------------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: Address) -> None:
        try:
            message = Message.parse(data)
        except ValueError:
            # A keep-alive of line ends (RFC 5626, 3.5.1), or noise.
            return
        if message.status:
            self._answered(message)
        elif message.method == "ACK":
            if not (acknowledged := self._acknowledgement(message)).done():
                acknowledged.set_result(message)
        else:
            self._requested(message)

    def _answered(self, response: Message) -> None:
        if (answers := self._answers.get(f"{response.method} {response.branch}")) is not None:
            answers.put_nowait(response)
        elif ack := self._acks.get((response.branch, response.get("CSeq"))):
            self._send(ack)

    def _requested(self, request: Message) -> None:
        key = (request.branch, request.method)
        if key in self._replies:
            if (reply := self._replies[key]) is not None:
                self._send(reply)
            return
        self._replies[key] = None
        self._received(request)


def session_id() -> int:
    """A number for an SDP's origin line."""
    return random.getrandbits(31)
