"""The little SIP (RFC 3261) of the answerer that FreeSWITCH sends a tap's audio to: requests in, responses out. Pure.

No address, no parameter and no body is taken apart. Of a request the answerer needs the method, the user part of its
URI, which it has drawn itself, and whether session timers are spoken; all else goes back as it came. So what is not
written as FreeSWITCH writes it is no request at all, rather than something to be understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from recorder.ports import RtpAddress

PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8}
"""Of G.711 (RFC 3551, table 4)."""

_LARGEST = 16_384
_FIRST = re.compile(r"([A-Z]{1,32}) sip:(?:([0-9A-Za-z]{1,64})@)?[0-9A-Za-z.:-]+ SIP/2\.0")
_HEADER = re.compile(r"([0-9A-Za-z-]{1,64}): ?(.*)")
_UNSENDABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_ONCE = ("from", "to", "call-id", "cseq")
_BACK = ("via", "record-route", *_ONCE)
"""The headers that a response takes over from its request (section 8.2.6.2; of a dialog section 12.1.1)."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Attributes:
        user: of its URI; empty where it has none.
        call_id: of the dialog. offers: whether it comes with an SDP. timers: whether who sent it refreshes sessions
            (RFC 4028).
        back: what each response to it has of it, in order.
    """

    method: str
    user: str
    call_id: str
    offers: bool
    timers: bool
    back: tuple[tuple[str, str], ...]


def request(datagram: bytes) -> Request | None:
    """The request in a datagram; None where there is none that is to be answered."""
    try:
        head, _, _ = datagram[:_LARGEST].decode().partition("\r\n\r\n")
    except UnicodeDecodeError:
        return None
    first, *lines = head.split("\r\n")
    begins, found = _FIRST.fullmatch(first), [_HEADER.fullmatch(line) for line in lines]
    if begins is None or not all(found) or _UNSENDABLE.search("".join(lines)):
        return None
    headers = [(one[1].lower(), one[2]) for one in found if one is not None]
    names = [name for name, _ in headers]
    said = dict(headers)
    if "via" not in names or any(names.count(name) != 1 for name in _ONCE):
        return None
    if said["cseq"].partition(" ")[2] != begins[1] or not said["call-id"]:
        return None
    timers = "timer" in [word.strip() for word in said.get("supported", "").split(",")]
    return Request(method=begins[1], user=begins[2] or "", call_id=said["call-id"],
                   offers="content-type" in said, timers=timers,
                   back=tuple((name, value) for name, value in headers if name in _BACK))


def response(to: Request, status: str, *, tag: str, headers: Mapping[str, str] | None = None,
             body: str = "") -> bytes:
    """A response.

    Args:
        status: code and reason.
        tag: our side of the dialog, where the request has none.
        body: an SDP.
    """
    back = [(name, f"{value};tag={tag}" if name == "to" and ";tag=" not in value.rpartition(">")[2] else value)
            for name, value in to.back]
    content = [("content-type", "application/sdp")] if body else []
    lines = [f"SIP/2.0 {status}",
             *(f"{name}: {value}" for name, value in (*back, *(headers or {}).items(), *content,
                                                      ("content-length", str(len(body)))))]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def answer(to: RtpAddress, codec: str) -> str:
    """The SDP (RFC 4566, RFC 3264) that says where to send one direction's audio, and that nothing comes back.

    Args:
        codec: one of `PAYLOAD_TYPES`, the only one that was offered.
    """
    where = f"IN IP{ip_address(to.host).version} {to.host}"
    kind = PAYLOAD_TYPES[codec]
    return "".join(f"{line}\r\n" for line in (
        "v=0", f"o=- 0 0 {where}", "s=-", f"c={where}", "t=0 0", f"m=audio {to.port} RTP/AVP {kind}",
        f"a=rtpmap:{kind} {codec}/8000", "a=ptime:20", "a=recvonly"))
