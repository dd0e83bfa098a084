"""Requests that no session of ours has to think about: what we can do, and what we do not do (RFC 3261 section 8.2)."""

from __future__ import annotations

from siprec_app import message
from siprec_app.message import Request, Response

ALLOWED = ("INVITE", "ACK", "CANCEL", "BYE", "UPDATE", "OPTIONS")
ALLOW = ", ".join(ALLOWED)
KNOWN = frozenset({*ALLOWED, "REGISTER", "PRACK", "SUBSCRIBE", "NOTIFY", "PUBLISH", "INFO", "REFER", "MESSAGE"})
"""Methods of the RFCs: those that we do not take are refused with 405, others with 501."""

ACCEPT = "application/sdp, application/rs-metadata+xml, application/rs-metadata, multipart/mixed"
EXTENSIONS = frozenset({"timer", "siprec"})
"""Option tags that a server may require of us."""

SUPPORTED = "timer, siprec"
AGENT = "Phonograph"


def capabilities(made: Response) -> Response:
    """What an answer to OPTIONS tells (RFC 3261 section 11.2)."""
    for name, value in (("Allow", ALLOW), ("Accept", ACCEPT), ("Supported", SUPPORTED), ("User-Agent", AGENT)):
        made.fields.add(name, value)
    return made


def refusal(request: Request, tag: str, source: tuple[str, int]) -> Response | None:
    """Why a request is refused whatever dialog it belongs to, or None: 405, 501 or 420."""
    if request.method not in ALLOWED:
        made = message.response(request, 405 if request.method in KNOWN else 501, tag, source)
        made.fields.add("Allow", ALLOW)  # RFC 3261 section 8.2.1
        return made
    strange = sorted(request.fields.tokens("Require") - EXTENSIONS)
    if strange and request.method not in ("ACK", "CANCEL"):
        made = message.response(request, 420, tag, source)  # RFC 3261 section 8.2.2.3
        made.fields.add("Unsupported", ", ".join(strange))
        return made
    return None


def without_dialog(request: Request, tag: str, source: tuple[str, int]) -> Response:
    """The answer to a request that belongs to no session of ours."""
    if request.tag("To"):
        return message.response(request, 481, tag, source)  # RFC 3261 section 12.2.2
    if request.method == "OPTIONS":
        return capabilities(message.response(request, 200, tag, source))
    # A server may ask for a session of its own (RFC 7866 section 6.2); which call would it be of?
    return message.response(request, 403 if request.method == "INVITE" else 481, tag, source)
