"""One recording session with one server: the pure ``RecordingSession``, run on the network and on a clock."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from random import Random

import structlog

from faults import Fault, RecordingServerFault, RecordingServerUnreachable
from siprec_app import answers, bodies, fields
from siprec_app.authentication import Digest
from siprec_app.dialogs import Dialog
from siprec_app.endpoint import Endpoint, Final, Incoming, Outgoing
from siprec_app.message import Request, Response
from siprec_app.protocol import effects, events, metadata, responses
from siprec_app.protocol.dialog import DialogState
from siprec_app.protocol.effects import Effect, Over
from siprec_app.protocol.metadata import Metadata
from siprec_app.protocol.negotiation import Agreement, Stream
from siprec_app.protocol.sdp import PCMA, PCMU, Format, Origin
from siprec_app.protocol.session import Manner, RecordingSession
from siprec_app.server import Server
from siprec_app.transport import Protocol, Target, Way

log = structlog.get_logger("siprec")

USER = "phonograph"
"""The user part of our own URIs."""

KEPT = 8
"""Attempts whose responses may come again; they do so for 32 s at most."""

RECONNECT = (1.0, 2.0)
"""Seconds between which the wait before the second attempt to reach a server is drawn."""


class RecordingClient:
    """One session, from the first ``want`` until its dialog has ended.

    Args:
        endpoint: what carries it; it is open, and serves all sessions.
        host: where our streams come from, for the description.
        codecs: in the order in which we like them.
        ids: draws a number of 63 bits, for the description's origin (RFC 8866 section 5.2).
        random: draws waiting times.
        clock: seconds of a monotonic clock, the endpoint's.
        on_flow: told which streams are sent from now on, and awaited: what is silent in it has to be silent when it
            returns, since only then the server is told of the pause.
        on_over: told once, when the session is of no use any more.

    Attributes:
        fault: what last kept us from reaching the server, or None.
    """

    def __init__(self, server: Server, manner: Manner, endpoint: Endpoint, *, host: str,
                 ids: Callable[[], int], random: Random, clock: Callable[[], float],
                 on_flow: Callable[[Agreement], Awaitable[None]], on_over: Callable[[Over], None],
                 codecs: Sequence[Format] = (PCMU, PCMA)) -> None:
        self.fault: Fault | None = None
        self._server, self._endpoint, self._random, self._clock = server, endpoint, random, clock
        self._on_flow, self._on_over = on_flow, on_over
        self._session = RecordingSession(Origin(ids(), 1, host), codecs, manner)
        self._digest = Digest(server.credentials, endpoint.tag)
        our_host, our_port = endpoint.address
        self._literal = f"[{our_host}]" if ":" in our_host else our_host
        self._port = our_port
        self._tag, self.call_id = endpoint.tag(), endpoint.tag()
        self._first = Dialog(self.call_id, f"<sip:{USER}@{self._literal}>;tag={self._tag}", f"<{server.uri}>",
                             server.uri)
        self._dialogs: dict[str, Dialog] = {}
        self._dialog: Dialog | None = None
        self._attempts: dict[int, Outgoing] = {}
        self._challenged: set[int] = set()
        self._acks: dict[tuple[int, str], tuple[Way, bytes]] = {}
        self._asked: dict[int, Incoming] = {}
        self._ways: set[Way] = set()
        self._reached = ""
        self._avoided: set[Target] = set()
        self._effects: deque[Effect] = deque()
        self._sending: deque[Effect] = deque()
        self._works: dict[str, asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._wait: asyncio.TimerHandle | None = None
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # What whoever records asks for

    def want(self, streams: tuple[Stream, ...], complete: Metadata, change: Metadata | None = None) -> None:
        """What is to be recorded from now on; the first one sets the session up.

        Raises:
            ValueError: streams leave their places, or are not distinct, or the metadata cannot be written; nothing has
                changed then.
        """
        for document in (complete, change):
            if document is not None:
                metadata.build(document)
        first = self._session.dialog is DialogState.IDLE
        self._happens(events.Want(streams, complete, change))
        if first:
            self._endpoint.own(self.call_id, self._tag, self)

    def stop(self) -> None:
        """The call is over, or is no longer to be recorded by this server."""
        self._happens(events.Stop())

    async def closed(self) -> None:
        """Wait until the dialog has ended.

        Raises:
            Exception: whatever ``on_flow`` or ``on_over`` raised; the session was stopped for it.
        """
        await asyncio.shield(self._ended)

    # Events in, effects out

    def _happens(self, event: events.Event) -> None:
        self._effects += self._session.receive(event, self._clock())
        self._go_on()
        self._set_timer()

    def _go_on(self) -> None:
        if self._effects:
            self._work("perform", self._perform)
        if self._sending:
            self._work("send", self._send_all)
        if self._session.dialog is DialogState.ENDED and not self._works:
            self._end()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._session.next_deadline()
        self._timer = None if deadline is None else asyncio.get_running_loop().call_later(
            max(deadline - self._clock(), 0.0), self._happens, events.Tick())

    def _work(self, name: str, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Begin a work of that name unless it is at work already."""
        if name not in self._works:
            task = self._works[name] = asyncio.create_task(work())
            task.add_done_callback(lambda done: self._worked(name, done))

    def _worked(self, name: str, task: asyncio.Task[None]) -> None:
        del self._works[name]
        if task.cancelled():
            return  # the loop is ending
        if (error := task.exception()) is not None:
            log.error("a recording session failed", sip_call_id=self.call_id, error=type(error).__name__)
            if not self._ended.done():
                self._ended.set_exception(error)
            self._happens(events.Stop())
        # What came between a work's last look and now has found it at work still.
        self._go_on()

    def _end(self) -> None:
        """The dialog has ended. A late 200 may open and end it once more."""
        self._endpoint.disown(self.call_id, self._tag)
        for handle in (self._timer, self._wait):
            if handle is not None:
                handle.cancel()
        if not self._ended.done():
            self._ended.set_result(None)

    async def _perform(self) -> None:
        """Effects in their order; requests wait in a line of their own, so that no silence has to wait for them."""
        while self._effects:
            effect = self._effects.popleft()
            if isinstance(effect, effects.Flow):
                await self._on_flow(effect.agreement)
            elif isinstance(effect, Over):
                log.info("a recording session is over", sip_call_id=self.call_id, verdict=effect.verdict.value)
                self._on_over(effect)
            elif isinstance(effect, effects.Wait):
                self._wait = asyncio.get_running_loop().call_later(
                    self._random.uniform(effect.shortest, effect.longest), self._happens, events.Waited())
            else:
                self._sending.append(effect)
                self._go_on()

    async def _send_all(self) -> None:
        while self._sending:
            match effect := self._sending.popleft():
                case effects.Send():
                    await self._send(effect)
                case effects.Ack():
                    await self._acknowledge(effect)
                case effects.Cancel() if effect.attempt in self._attempts:
                    self._endpoint.cancel(self._attempts[effect.attempt])
                case effects.Bye():
                    await self._bye(effect.tag)
                case effects.Answer():
                    self._answer(effect)

    # Requests of ours

    async def _send(self, send: effects.Send) -> None:
        if send.authenticate is not None and send.authenticate not in self._challenged:
            # There is nothing to answer the challenge with.
            self._happens(events.Failed(send.attempt, responses.Response(401)))
            return
        dialog = self._dialog or self._first
        request = dialog.request(send.method)
        bodies.offer(request, send, self._contact())
        outgoing = await self._ask(request, dialog, lambda response: self._told(send, response))
        if outgoing is None:
            self._happens(events.Unanswered(send.attempt))
        else:
            self._attempts[send.attempt] = outgoing
            for old in [number for number in self._attempts if number <= send.attempt - KEPT]:
                del self._attempts[old]
            self._acks = {key: sent for key, sent in self._acks.items() if key[0] in self._attempts}

    def _contact(self) -> str:
        """Where the server's requests reach us (RFC 7866 section 6.1.1)."""
        protocol = self._server.protocol
        transport = "" if protocol is Protocol.UDP else f";transport={protocol.lower()}"
        return f"<sip:{USER}@{self._literal}:{self._port}{transport}>;+sip.src"

    async def _ask(self, request: Request, dialog: Dialog, told: Callable[[Response | None], None]) -> Outgoing | None:
        """Send a request with our credentials. None: the server cannot be reached; then the session knows."""
        for name, value in self._digest.answers(request.method, request.uri):
            request.fields.add(name, value)
        for target in self._targets(dialog):
            try:
                outgoing = await self._endpoint.request(request, target, told)
            except Fault as fault:
                self._unreachable(fault, target)
            else:
                self._use(outgoing.way, target)
                return outgoing
        return None

    def _targets(self, dialog: Dialog) -> tuple[Target, ...]:
        own = self._server.target
        if dialog is self._first:
            return (own,)
        targets = self._server.targets(dialog.next_hop, self._reached)
        return tuple(target for target in targets if target == own or target not in self._avoided) or (own,)

    def _unreachable(self, fault: Fault, target: Target) -> None:
        self.fault = fault
        self._avoided.add(target)
        log.warning("a recording server cannot be reached", sip_call_id=self.call_id, fault=fault.id, why=fault.message,
                    remedy=fault.remedy)

    def _told(self, send: effects.Send, response: Response | None) -> None:
        """A response to an INVITE or UPDATE, or none."""
        if response is None:
            self._happens(events.Unanswered(send.attempt))
        elif response.status < 200:
            self._happens(events.Provisional(send.attempt))
        elif response.status < 300:
            tag = response.tag("To")
            if tag not in self._dialogs:
                self._dialogs[tag] = (self._dialog or self._first).established(response)
                self._dialog = self._dialog or self._dialogs[tag]
            else:
                self._dialogs[tag].refresh(response)
            self._happens(bodies.success(send.attempt, response))
        else:
            log.info("a request was refused", sip_call_id=self.call_id, method=send.method, status=response.status,
                     warnings=[code for code, _ in response.warnings])
            if response.status in (401, 407) and self._digest.learn(response):
                self._challenged.add(send.attempt)
            self._happens(bodies.failed(send.attempt, response))

    async def _acknowledge(self, ack: effects.Ack) -> None:
        """The ACK of a 2xx; the same one each time (RFC 3261 section 13.2.2.4)."""
        outgoing, dialog = self._attempts.get(ack.attempt), self._dialogs.get(ack.tag)
        if outgoing is None or dialog is None:
            return
        if (sent := self._acks.get((ack.attempt, ack.tag))) is not None and sent[0].open:
            sent[0].send(sent[1])
            return
        request = dialog.request("ACK", outgoing.request.cseq[0])
        for name in ("Authorization", "Proxy-Authorization"):  # RFC 3261 section 22.1
            for value in outgoing.request.fields.all(name):
                request.fields.add(name, value)
        for target in self._targets(dialog):
            try:
                self._acks[ack.attempt, ack.tag] = await self._endpoint.send(request, target)
            except Fault as fault:
                self._unreachable(fault, target)
            else:
                return

    async def _bye(self, tag: str, *, again: bool = False) -> None:
        dialog = self._dialogs.get(tag)

        def told(response: Response | None) -> None:
            if response is not None and response.status < 200:
                return
            if response is not None and response.status in (401, 407) and not again and self._digest.learn(response):
                self._work("bye", lambda: self._bye(tag, again=True))
            elif dialog is self._dialog:
                self._happens(events.ByeAnswered())

        if dialog is None or await self._ask(dialog.request("BYE"), dialog, told) is None:
            self._happens(events.ByeAnswered())

    # Requests of the server

    def requested(self, incoming: Incoming) -> None:
        """As ``endpoint.Owner``."""
        request = incoming.request
        dialog = self._dialog
        if dialog is None or request.tag("From") != fields.address(dialog.remote).parameters.get("tag", ""):
            incoming.answer(incoming.response(481))
        elif self._server.protocol is Protocol.TLS and incoming.way.protocol is not Protocol.TLS:
            incoming.answer(incoming.response(403))  # our answer would have the keys of the streams in it
        elif request.method == "OPTIONS":
            incoming.answer(answers.capabilities(incoming.response(200)))
        elif request.cseq[0] in self._asked:
            incoming.answer(incoming.response(500))  # RFC 3261 section 12.2.2: a number that was used
        else:
            self._use(incoming.way, None)
            self._asked[request.cseq[0]] = incoming
            self._happens(events.Ended(request.cseq[0]) if request.method == "BYE" else bodies.requested(request))

    def _answer(self, given: effects.Answer) -> None:
        incoming = self._asked.pop(given.cseq, None)
        if incoming is None:
            return
        if given.status < 300 and incoming.request.method != "BYE" and self._dialog is not None:
            self._dialog.refresh(incoming.request)
        retry_after = None if given.retry_after is None else self._random.randint(*given.retry_after)
        incoming.answer(bodies.answer(incoming.response(given.status), given, self._contact(), retry_after))

    def acknowledged(self, ack: Request | None) -> None:
        """As ``endpoint.Owner``."""
        self._happens(bodies.acknowledged(ack))

    # Connections

    def _use(self, way: Way, target: Target | None) -> None:
        if target == self._server.target:
            self._reached = way.peer[0]
        if way.protocol is not Protocol.UDP:
            self._ways.add(way)

    def lost(self, way: Way, fault: RecordingServerFault) -> None:
        """As ``endpoint.Owner``. By UDP nothing is lost with a connection, which was only for what is large."""
        if way in self._ways and self._server.protocol is not Protocol.UDP:
            self._ways.discard(way)
            self.fault = fault
            if self._session.dialog is DialogState.CONFIRMED:
                self._work("reconnect", self._reconnect)

    async def _reconnect(self) -> None:
        """A connection may end without harm to the dialog. Where it cannot be made again, or the server that is there
        does not know the dialog, the server is gone."""
        dialog = self._dialog
        assert dialog is not None
        final = Final()
        outgoing = await self._ask(dialog.request("OPTIONS"), dialog, final.told)
        if outgoing is None:
            await asyncio.sleep(self._random.uniform(*RECONNECT))
            outgoing = await self._ask(dialog.request("OPTIONS"), dialog, final.told)
        if self._session.dialog is not DialogState.CONFIRMED:
            return
        response = None if outgoing is None else await final.response()
        # RFC 3261 section 12.2.1.2: 481 says that the dialog is no more, 408 that nobody answers.
        if response is None or response.status in (408, 481):
            self.fault = self.fault or RecordingServerUnreachable("The recording server has lost the session.")
            self._happens(events.Lost())
