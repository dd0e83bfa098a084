"""As much of SIP, digest and SDP as the tests' phone speaks: text in, text out; no socket, no clock (RFC 3261, 7616,
4566)."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Self

__all__ = ["EVENTS", "PAYLOAD_TYPES", "Media", "Message", "authorization", "media_of", "sdp", "tag_of", "uri_of"]

PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9}
"""Static payload types of RFC 3551, table 4. G722's RTP clock is 8000 Hz although it samples at 16000 (4.5.2)."""

EVENTS = 101
"""The payload type that our offers give to telephone events (RFC 4733, 2.4)."""

_SHORT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "c": "content-type"}


@dataclass
class Message:
    """A request or a response. Header names keep their writing and are found without regard to case."""

    start: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Reads one datagram; folded header lines are joined (RFC 3261, 7.3.1).

        Raises:
            ValueError: it is not SIP.
        """
        head, _, body = data.decode("utf-8", errors="replace").partition("\r\n\r\n")
        start, *lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
        if "SIP/2.0" not in start:
            raise ValueError(f"not SIP: {start[:40]!r}")
        pairs = [line.partition(":") for line in lines]
        return cls(start, [(name.strip(), value.strip()) for name, _, value in pairs], body)

    def __bytes__(self) -> bytes:
        body = self.body.encode()
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers), f"Content-Length: {len(body)}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def all(self, name: str) -> list[str]:
        """Every value of a header, in order."""
        wanted = name.lower()
        return [value for key, value in self.headers if _SHORT.get(key.lower(), key.lower()) == wanted]

    def get(self, name: str) -> str:
        """The first value of a header, or ''."""
        return next(iter(self.all(name)), "")

    @property
    def status(self) -> int:
        """A response's status code; 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        """The request's method; for a response, that of the request it answers."""
        return self.get("CSeq").split()[1] if self.status else self.start.split()[0]

    @property
    def branch(self) -> str:
        """The transaction's id: the topmost Via's branch (RFC 3261, 17.1.3)."""
        found = re.search(r";\s*branch=([^;,\s]+)", self.get("Via"))
        return found[1] if found else ""

    def answer(self, status: int, reason: str, *, tag: str = "", source: tuple[str, int] | None = None) -> "Message":
        """A response to this request with its Via, From, To, Call-ID and CSeq (RFC 3261, 8.2.6). `tag` is added to a
        To without one; `source` fills received and rport (RFC 3581, 4)."""
        headers: list[tuple[str, str]] = []
        for position, via in enumerate(self.all("Via")):
            if position == 0 and source is not None:
                via = re.sub(r";rport(?=;|$)", f";received={source[0]};rport={source[1]}", via)
            headers.append(("Via", via))
        to = self.get("To")
        if tag and not tag_of(to):
            to = f"{to};tag={tag}"
        headers += [("From", self.get("From")), ("To", to)]
        headers += [(name, self.get(name)) for name in ("Call-ID", "CSeq")]
        return Message(f"SIP/2.0 {status} {reason}", headers)


def tag_of(address: str) -> str:
    """The tag of a From or To header, or ''."""
    found = re.search(r";\s*tag=([^;,\s>]+)", address)
    return found[1] if found else ""


def uri_of(address: str) -> str:
    """The URI of a From, To or Contact header, without its angle brackets."""
    found = re.search(r"<([^>]+)>", address)
    return found[1] if found else address.split(";")[0].strip()


def authorization(challenge: str, *, method: str, uri: str, user: str, password: str, cnonce: str) -> str:
    """The value of Authorization that answers a WWW-Authenticate (RFC 7616, 3.4; MD5 with or without qop=auth).

    Raises:
        ValueError: the challenge asks for an algorithm other than MD5.
    """
    pairs = re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', challenge)
    asked = {key.lower(): quoted or bare for key, quoted, bare in pairs}
    if asked.get("algorithm", "MD5").upper() != "MD5":
        raise ValueError(f"only MD5: {challenge}")

    def digest(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    secret = digest(f"{user}:{asked['realm']}:{password}")
    what = digest(f"{method}:{uri}")
    fields = f'username="{user}", realm="{asked["realm"]}", nonce="{asked["nonce"]}", uri="{uri}", algorithm=MD5'
    if "opaque" in asked:
        fields += f', opaque="{asked["opaque"]}"'
    if "auth" in asked.get("qop", "").split(","):
        response = digest(f"{secret}:{asked['nonce']}:00000001:{cnonce}:auth:{what}")
        return f'Digest {fields}, response="{response}", qop=auth, nc=00000001, cnonce="{cnonce}"'
    response = digest(f"{secret}:{asked['nonce']}:{what}")
    return f'Digest {fields}, response="{response}"'


@dataclass(frozen=True)
class Media:
    """The audio line of an SDP: where it wants RTP, its codecs in order of preference, sendrecv or another; the payload
    type of its telephone events, None without them."""

    address: tuple[str, int]
    codecs: tuple[str, ...]
    direction: str
    events: int | None


def sdp(
    address: tuple[str, int],
    codecs: tuple[str, ...],
    *,
    session: int,
    direction: str = "sendrecv",
    events: int | None = EVENTS,
) -> str:
    """An offer or an answer with one audio line of 20 ms packets; `events`: the payload type of telephone events, which
    an answer takes over from the offer."""
    maps = [(PAYLOAD_TYPES[codec], codec) for codec in codecs]
    if events is not None:
        maps.append((events, "telephone-event"))
    lines = [
        "v=0",
        f"o=- {session} {session} IN IP4 {address[0]}",
        "s=-",
        f"c=IN IP4 {address[0]}",
        "t=0 0",
        f"m=audio {address[1]} RTP/AVP {' '.join(str(number) for number, _ in maps)}",
        *(f"a=rtpmap:{number} {codec}/8000" for number, codec in maps),
        *([f"a=fmtp:{events} 0-15"] if events is not None else []),
        "a=ptime:20",
        f"a={direction}",
    ]
    return "\r\n".join(lines) + "\r\n"


def media_of(body: str) -> Media:
    """The audio line of an SDP; codecs that this phone does not know are left out.

    Raises:
        ValueError: there is none.
    """
    host = re.search(r"^c=IN IP4 (\S+)", body, re.MULTILINE)
    line = re.search(r"^m=audio (\d+) \S+ ([\d ]+)", body, re.MULTILINE)
    if host is None or line is None:
        raise ValueError("no audio in the SDP")
    known = {number: codec for codec, number in PAYLOAD_TYPES.items()}
    codecs = tuple(known[int(number)] for number in line[2].split() if int(number) in known)
    direction = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)\s*$", body, re.MULTILINE)
    events = re.search(r"^a=rtpmap:(\d+) telephone-event/8000", body, re.MULTILINE)
    return Media(
        (host[1], int(line[1])),
        codecs,
        direction[1] if direction else "sendrecv",
        int(events[1]) if events else None,
    )
