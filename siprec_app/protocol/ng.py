"""rtpengine's ng protocol: a request and its reply are a cookie, a space and a bencoded dictionary in one datagram.

No socket, no clock. A request that is sent again has the same cookie, and the daemon answers it as it did before.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Collection, Mapping

from siprec_app.protocol.bencode import Value, decode, encode
from siprec_app.protocol.crypto import Crypto

__all__ = ["AGAIN", "AUDIO", "PROBE", "WITHIN", "address", "profile", "reply", "request", "sdp", "streams",
           "subscription"]

AGAIN = (0.05, 0.1, 0.2, 0.4)
"""Seconds after which a request without a reply is sent again, one after the other."""
WITHIN = 1.0
"""Seconds after which a request counts as not answered: a call's pause and its end wait for that."""
AUDIO = 0
"""The payload type of what is sent to recording servers (RFC 3551 section 6)."""
PROBE = 126
"""A payload type that passes a tap, and nothing behind it: packets of ours."""
_LONGEST_COOKIE = 64
_PORT = re.compile(r"[0-9]{1,5}")


def request(cookie: str, command: str, fields: Mapping[str, object]) -> bytes:
    """One request."""
    return cookie.encode() + b" " + encode({"command": command, **fields})


def reply(data: bytes) -> tuple[str, dict[str, Value]] | None:
    """The cookie and what was said; None when it is no reply."""
    cookie, space, body = data.partition(b" ")
    if not (space and 0 < len(cookie) <= _LONGEST_COOKIE and cookie.isascii()):
        return None
    try:
        said = decode(body)
    except ValueError:
        return None
    return (cookie.decode(), said) if isinstance(said, dict) else None


def streams(said: Value) -> dict[str, dict[str, Value]]:
    """By tag the statistics of the RTP of its first media, from the reply to a ``query``."""
    found: dict[str, dict[str, Value]] = {}
    for tag, one in _dictionary(_dictionary(said).get("tags")).items():
        stats = _dictionary(_first(_first(one, "medias"), "streams")).get("stats")
        if isinstance(stats, dict):
            found[tag] = stats
    return found


def address(said: Mapping[str, Value]) -> tuple[str, int] | None:
    """Where the daemon takes, or sends from, the RTP of the SDP in a reply; RTCP has the next port."""
    sdp = said.get("sdp")
    host, port = "", 0
    for line in sdp.splitlines() if isinstance(sdp, str) else ():
        words = line.split(" ")
        if words[0] == "m=audio" and len(words) > 1 and _PORT.fullmatch(words[1]):
            port = int(words[1])
        if words[0] == "c=IN" and len(words) > 2:
            host = words[2]
    return (host, port) if host and 0 < port <= 65535 else None


def sdp(host: str, port: int, direction: str, *, passes: Collection[int] = (AUDIO,), rtcp_port: int | None = None,
        key: Crypto | None = None) -> str:
    """One stream of G.711's mu-law.

    All other payload types are declared as telephone events: of what is not declared at all the daemon passes every
    packet on, and telephone events it can be told to drop (``block DTMF``).

    Args:
        direction: ``sendonly``, ``recvonly`` or ``inactive``.
        passes: the payload types that are not to be dropped.
    """
    where = f"IN {'IP6' if ':' in host else 'IP4'} {host}"
    lines = ["v=0", f"o=- 1 1 {where}", "s=-", f"c={where}", "t=0 0",
             f"m=audio {port} {profile(key)} {' '.join(map(str, range(128)))}",
             *(f"a=rtpmap:{kind} {'PCMU' if kind in passes else 'telephone-event'}/8000" for kind in range(128)),
             f"a={direction}"]
    if rtcp_port is not None:
        lines.append(f"a=rtcp:{rtcp_port}")
    if key is not None:
        lines.append(f"a=crypto:{key.tag} {key.suite.value} inline:{b64encode(key.key).decode()}")
    return "\r\n".join([*lines, ""])


def subscription(call: str, to: str, tag: str, profile: str = "RTP/AVP") -> dict[str, object]:
    """The fields of a ``subscribe request``: who hears whom, in which call."""
    return {"call-id": call, "from-tags": [to], "to-tag": tag, "transport-protocol": profile, "DTLS": "off",
            "ICE": "remove"}


def profile(key: Crypto | None) -> str:
    """What the profile of RTP is called in SDP."""
    return "RTP/AVP" if key is None else "RTP/SAVP"


def _dictionary(value: Value | None) -> dict[str, Value]:
    return value if isinstance(value, dict) else {}


def _first(value: Value | None, key: str) -> Value | None:
    found = _dictionary(value).get(key)
    return found[0] if isinstance(found, list) and found else None
