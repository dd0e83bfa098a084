"""One conversation at the tests' phone: how it is placed, taken, held, transferred, ended (RFC 3261, 3515, 3891)."""

import asyncio
import random
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tests.rtp import Stream
from tests.sip import Media, Message, media_of, sdp, tag_of, uri_of
from tests.transfers import Dialog, progress_of
from tests.useragent import CallFailed, session_id

if TYPE_CHECKING:
    from tests.phone import Phone

__all__ = ["Call"]

_TURNED = {"sendonly": "recvonly", "recvonly": "sendonly"}
_ON_HOLD = {"sendrecv": "sendonly", "recvonly": "inactive"}
"""What a phone that has put the other side on hold answers in place of what it would answer otherwise."""


class Call:
    """It is made by `Phone.call`, or comes from `Phone.next_call`.

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
        self._remote_tag = tag_of(remote)
        self._direction = "sendrecv"
        self._offering = False
        self._invite: Message | None = None
        self._referred: asyncio.Future[int] | None = None
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
        self._remote_tag = tag_of(self._remote)
        if final.status >= 300:
            self._end(final.status)
            return
        self._uri = uri_of(final.get("Contact"))
        agent.send_ack(self._request("ACK"), final)
        self._connect(media_of(final.body))
        self._answer()

    def _provisional(self, response: Message) -> None:
        self._branch = response.branch
        # A CANCEL has the number of its INVITE (RFC 3261, 9.1), which another one was sent with after a challenge.
        self._sequence = int(response.get("CSeq").split()[0])
        self._remote_tag = tag_of(response.get("To"))
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
        if phone.forwards is not None:
            self._refuse(302, contact=phone.uri(phone.forwards))
            return
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

    async def take_over(self, invite: Message, replaced: "Call") -> None:
        """Answers at once an INVITE with Replaces, and ends the call that it replaces (RFC 3891, 3). `Phone` has
        this run."""
        self._invite = invite
        await self.phone.prepare(self.stream)
        self.phone.incoming.put_nowait(self)
        self.answer()
        await replaced.hangup()

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
        """Whether the offer of an INVITE could be taken, and was. One without an offer gets ours, and its ACK has
        the answer (RFC 3261, 13.2.1)."""
        if not invite.body:
            codecs = (self.stream.codec,) if self.stream.codec else self.phone.codecs
            body = sdp(self.stream.address, codecs, session=session_id(), direction=self._direction)
            self.phone.agent.run(self._connect_by_ack(invite, body))
            return True
        theirs = media_of(invite.body)
        try:
            self._connect(theirs)
        except CallFailed:
            return False
        direction = _TURNED.get(theirs.direction, theirs.direction)
        if self._direction != "sendrecv":
            direction = _ON_HOLD.get(direction, direction)
        body = sdp(
            self.stream.address,
            (self.stream.codec,),
            session=session_id(),
            direction=direction,
            events=theirs.events,
        )
        self.phone.agent.run(self.phone.agent.accept(invite, tag=tag_of(self._local), body=body))
        return True

    async def _connect_by_ack(self, invite: Message, offer: str) -> None:
        ack = await self.phone.agent.accept(invite, tag=tag_of(self._local), body=offer)
        if ack is not None and self.ended_at is None:
            self._connect(media_of(ack.body))

    def _refuse(self, status: int, *, contact: str = "") -> None:
        assert self._invite is not None
        self.phone.agent.reply(self._invite, status, tag=tag_of(self._local), contact=contact)
        self._end(status)

    def requested(self, request: Message) -> None:
        """A request within this call."""
        agent = self.phone.agent
        match request.method:
            case "INVITE" if self._offering:
                agent.reply(request, 491)
            case "INVITE":
                if not self._accept(request):
                    agent.reply(request, 488)
            case "NOTIFY":
                agent.reply(request, 200)
                if self._referred is not None and not self._referred.done() and progress_of(request) >= 200:
                    self._referred.set_result(progress_of(request))
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
        self._offering = True
        try:
            while True:
                self._sequence += 1
                invite = self._request("INVITE")
                invite.headers.append(("Content-Type", "application/sdp"))
                codecs = (self.stream.codec,)
                invite.body = sdp(self.stream.address, codecs, session=session_id(), direction=direction)
                final, self._sequence = await agent.ask_with_digest(invite)
                if final.status != 491:
                    break
                # Both sides had asked at once: who did not begin the call waits up to 2 s (RFC 3261, 14.1).
                self._offering = False
                await asyncio.sleep(random.uniform(0, 2) if self._invite else random.uniform(2.1, 4))
                self._offering = True
        finally:
            self._offering = False
        if final.status >= 300:
            raise CallFailed(f"re-INVITE to {self.number}", final.status)
        agent.send_ack(self._request("ACK"), final)
        theirs = media_of(final.body)
        self._direction = direction
        self._connect(theirs)
        return theirs.direction

    async def hold(self) -> str:
        """Puts the other side on hold. Returns and raises what `offer` does."""
        return await self.offer("sendonly")

    async def resume(self) -> str:
        """Takes the other side back. Returns and raises what `offer` does."""
        return await self.offer("sendrecv")

    # ---- Digits ---------------------------------------------------------------------------------------------

    async def dial(self, digits: str, *, milliseconds: int = 100, gap: int = 60) -> None:
        """Presses keys, each for so many milliseconds, in steps of 20; returns after the pause behind the last one.
        Nothing of the sound is sent while a key is down.

        Raises:
            CallFailed: the other side takes no telephone events.
        """
        if self.stream.events is None:
            raise CallFailed(f"digits to {self.number}", 488)
        await self.stream.press(digits, packets=milliseconds // 20, gap=gap // 20)

    async def info(self, digits: str) -> None:
        """Sends digits in SIP INFO (RFC 6086; application/dtmf-relay), one after the other.

        Raises:
            CallFailed: one was not taken.
        """
        for digit in digits:
            self._sequence += 1
            request = self._request("INFO")
            request.headers.append(("Content-Type", "application/dtmf-relay"))
            request.body = f"Signal={digit}\r\nDuration=160\r\n"
            final, self._sequence = await self.phone.agent.ask_with_digest(request)
            if final.status >= 300:
                raise CallFailed(f"INFO to {self.number}", final.status)

    @property
    def digits(self) -> str:
        """The digits that came as telephone events."""
        return self.stream.digits

    # ---- Transfers ------------------------------------------------------------------------------------------

    @property
    def dialog(self) -> Dialog:
        """This call as the other side knows it, for a Replaces."""
        return Dialog(self.id, to_tag=self._remote_tag, from_tag=tag_of(self._local))

    def is_named(self, dialog: Dialog) -> bool:
        """Whether a Replaces that came here means this call."""
        return dialog == Dialog(self.id, to_tag=tag_of(self._local), from_tag=self._remote_tag)

    async def refer(self, number: str, *, replaces: "Call | None" = None, hangup: bool = True) -> int:
        """Transfers the other side to `number` by REFER: blind, or attended to where `replaces` leads. Returns the
        final status that is notified; after a success the phone hangs up what it has transferred, unless `hangup` is
        false.

        Raises:
            CallFailed: the REFER itself was refused, or not answered.
        """
        self._sequence += 1
        self._referred = asyncio.get_running_loop().create_future()
        request = self._request("REFER")
        uri = self.phone.uri(number)
        request.headers.append(("Refer-To", replaces.dialog.refer_to(uri) if replaces else f"<{uri}>"))
        request.headers.append(("Referred-By", f"<{self.phone.uri(self.phone.name)}>"))
        final, self._sequence = await self.phone.agent.ask_with_digest(request)
        if final.status >= 300:
            raise CallFailed(f"REFER to {number}", final.status)
        async with asyncio.timeout(30):
            status = await self._referred
        if hangup and status < 300:
            await asyncio.gather(*(call.hangup() for call in (self, replaces) if call is not None))
        return status

    def _request(self, method: str) -> Message:
        return self.phone.agent.request(
            method, self._uri, local=self._local, remote=self._remote, call_id=self.id, sequence=self._sequence
        )

    def _connect(self, theirs: Media) -> None:
        common = [codec for codec in theirs.codecs if codec in self.phone.codecs]
        if not common:
            raise CallFailed(f"{self.phone.name} has none of {theirs.codecs}", 488)
        codec = self.stream.codec if self.stream.codec in common else common[0]
        held = theirs.direction in ("sendonly", "inactive")
        self.stream.connect(theirs.address, codec, held=held, events=theirs.events)

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
