"""What `tests/recording_server.py` tells of one recording session: its messages, and what came under each label."""

import asyncio
import re
import wave
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import numpy as np

from tests.captured import RtpPacket, datagrams
from tests.sip import Message, tag_of
from tests.sounds import Samples

__all__ = ["Exchanged", "RecordingSession", "Track", "nth"]

_Found = TypeVar("_Found")
_SECONDS = 20.0


def nth(found: Sequence[_Found], number: int) -> _Found | None:
    """The so manyth, counted from 1."""
    return found[number - 1] if len(found) >= number else None


class Host(Protocol):
    """What a session needs of its server."""

    @property
    def capture(self) -> Path:
        """What it received by UDP."""

    def command(self, **what: object) -> None:
        """One command for its process."""

    async def until(self, find: Callable[[], _Found | None], what: str) -> _Found:
        """What `find` finds, as soon as it finds something."""


@dataclass(frozen=True)
class Exchanged:
    """One SIP message that the server received or sent. `text`: all of it as it was on the wire."""

    incoming: bool
    peer: str
    text: str
    message: Message

    @property
    def status(self) -> int:
        """Of a response; 0 for a request."""
        return self.message.status

    @property
    def sdp(self) -> str:
        """The session description in its body, or ''."""
        return self.part("application/sdp")

    @property
    def metadata(self) -> str:
        """The recording metadata in its body, or ''."""
        return self.part("application/rs-metadata+xml") or self.part("application/rs-metadata")

    def part(self, kind: str) -> str:
        """The body or the part of it that has this type, or ''."""
        return next((str(part.get_payload()) for part in self.parts() if part.get_content_type() == kind), "")

    def parts(self) -> list[EmailMessage]:
        """The parts of its body with their headers; the body itself where it is not multipart."""
        if not self.message.body:
            return []
        head = f"Content-Type: {self.message.get('Content-Type')}\r\n\r\n"
        whole = BytesParser(EmailMessage, policy=default).parsebytes((head + self.message.body).encode())
        return [part for part in whole.walk() if not part.is_multipart()]


@dataclass
class Track:
    """What came under one label.

    Attributes:
        direction: of the server's last answer or offer for it.
        port: where it receives.
        listening: whether PJSIP takes audio from there.
        statistics: PJSIP's own counters at the end of each stretch between two changes: packets, lost, duplicates,
            reordered, discarded.
    """

    label: str
    port: int
    direction: str
    capture: Path
    listening: bool = False
    recording: Path | None = None
    statistics: list[dict[str, int]] = field(default_factory=list)

    def packets(self) -> list[RtpPacket]:
        """The RTP that was received until now, in order of arrival; empty datagrams, which keep a way open in a pause
        (RFC 6263 section 4.1), left out.

        Raises:
            ValueError: something else than RTP came to the port.
        """
        return [RtpPacket.parse(datagram) for datagram in datagrams(self.capture)
                if datagram.payload and datagram.destination == ("127.0.0.1", self.port)]

    async def received(self, number: int) -> None:
        """Returns when so many packets of RTP have come.

        Raises:
            TimeoutError: they do not come.
        """
        async with asyncio.timeout(_SECONDS):
            while len(self.packets()) < number:  # noqa: ASYNC110 - nobody tells of a packet
                await asyncio.sleep(0.01)

    @property
    def control(self) -> list[bytes]:
        """The RTCP datagrams that were received until now."""
        return [datagram.payload for datagram in datagrams(self.capture)
                if datagram.destination == ("127.0.0.1", self.port + 1)]

    @property
    def samples(self) -> Samples:
        """What PJSIP heard, at 8000 Hz; whole once the session has ended. Empty when it never listened."""
        if self.recording is None:
            return np.zeros(0, np.int16)
        with wave.open(str(self.recording)) as file:
            assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, 8000, 2)
            return np.frombuffer(file.readframes(file.getnframes()), np.int16)

    def counted(self, what: str) -> int:
        """The sum of one of PJSIP's counters."""
        return sum(stretch[what] for stretch in self.statistics)


class RecordingSession:
    """One recording session: all messages with one Call-ID. What is awaited may have happened before.

    Attributes:
        messages: in the order in which they were received and sent, repeated ones included.
        tracks: by label.
    """

    def __init__(self, server: Host, call_id: str) -> None:
        self._server = server
        self.call_id = call_id
        self.messages: list[Exchanged] = []
        self.tracks: dict[str, Track] = {}
        self._over = False

    # ---- What the client did --------------------------------------------------------------------------------

    def requests(self, method: str) -> list[Exchanged]:
        """The client's requests with that method so far, each once."""
        return self._requests(method, incoming=True)

    async def request(self, method: str, number: int = 1) -> Exchanged:
        """Its so manyth request with that method.

        Raises:
            RecordingServerFault: it does not come, or the server is gone.
        """
        return await self._server.until(
            lambda: nth(self.requests(method), number), f"{method} {number} of {self.call_id}")

    async def answer(self, method: str = "INVITE", number: int = 1) -> Exchanged:
        """The server's final response to that request.

        Raises:
            RecordingServerFault: there is none, or the server is gone.
        """
        request = await self.request(method, number)
        return await self._server.until(lambda: self._response(request), f"answer to {method} {number}")

    async def ended(self) -> None:
        """Returns when the session is over and its recordings are whole.

        Raises:
            RecordingServerFault: it does not end, or the server is gone.
        """
        await self._server.until(lambda: self._over or None, f"the end of {self.call_id}")

    # ---- What the server does -------------------------------------------------------------------------------

    async def hold(self) -> Exchanged:
        """Asks by re-INVITE for no audio; the client's final response. So do the following."""
        return await self._ask("INVITE", "inactive")

    async def resume(self) -> Exchanged:
        """Asks by re-INVITE for audio."""
        return await self._ask("INVITE", "recvonly")

    async def offerless(self) -> Exchanged:
        """Asks by re-INVITE for an offer, and answers it."""
        return await self._ask("INVITE", "")

    async def update(self, direction: Literal["", "inactive", "recvonly"] = "") -> Exchanged:
        """UPDATE, with an offer where a direction is given (RFC 3311)."""
        return await self._ask("UPDATE", direction)

    async def ask_for_snapshot(self, reason: str = "lost") -> Exchanged:
        """UPDATE that asks for all of the metadata (RFC 7866, 9.2)."""
        body = ('<?xml version="1.0" encoding="UTF-8"?>\r\n<requestsnapshot xmlns="urn:ietf:params:xml:ns:recording:1">'
                f"<requestreason>{reason}</requestreason></requestsnapshot>\r\n")
        return await self._ask("UPDATE", "", [("application/rs-metadata-request", body)])

    async def bye(self) -> Exchanged:
        """Ends the session."""
        return await self._ask("BYE", "")

    async def _ask(self, method: str, direction: str, parts: Sequence[tuple[str, str]] = ()) -> Exchanged:
        before = len(self._requests(method, incoming=False))
        verb = {"INVITE": "reinvite", "UPDATE": "update", "BYE": "bye"}[method]
        self._server.command(do=verb, call=self.call_id, direction=direction, parts=list(parts))
        request = await self._server.until(
            lambda: nth(self._requests(method, incoming=False), before + 1), f"the server's {method}")
        return await self._server.until(lambda: self._response(request), f"the client's answer to {method}")

    # ---- Inside ---------------------------------------------------------------------------------------------

    def _requests(self, method: str, *, incoming: bool) -> list[Exchanged]:
        found = {one.message.get("CSeq"): one for one in reversed(self.messages)
                 if one.incoming is incoming and not one.status and one.message.method == method}
        return list(reversed(found.values()))

    def _response(self, request: Exchanged) -> Exchanged | None:
        """The final one. A CSeq is one side's own: the tag in From says whose."""
        wanted = request.message.get("CSeq"), tag_of(request.message.get("From"))
        return next((one for one in self.messages if one.incoming is not request.incoming and one.status >= 200
                     and (one.message.get("CSeq"), tag_of(one.message.get("From"))) == wanted), None)

    def received(self, exchanged: Exchanged) -> None:
        """One message more, of either side."""
        self.messages.append(exchanged)
        if exchanged.incoming or not exchanged.sdp or exchanged.status >= 300:
            return
        for section in re.split(r"^(?=m=)", exchanged.sdp, flags=re.MULTILINE)[1:]:
            label = re.search(r"^a=label:(\S+)", section, re.MULTILINE)
            port = int(section.split()[1])
            if label is None or not port:
                continue
            direction = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)", section, re.MULTILINE)
            track = self._track(label[1])
            track.port, track.direction = port, direction[1] if direction else "sendrecv"

    def _track(self, label: str) -> Track:
        """PJSIP listens before its answer is sent: whichever is heard of first makes it."""
        return self.tracks.setdefault(label, Track(label, 0, "", self._server.capture))

    def told(self, event: Mapping[str, Any]) -> None:
        """What PJSIP says of its media, or of the end."""
        if event["event"] == "media":
            for stream in event["streams"]:
                self._track(stream["label"]).listening = stream["listening"]
            return
        for label, what in event["tracks"].items():
            self.tracks[label].recording = Path(what["path"])
            self.tracks[label].statistics = what["statistics"]
        self._over = True
