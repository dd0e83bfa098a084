"""What a session says and understands, as messages: its requests and answers written, what comes read as events."""

from __future__ import annotations

from contextlib import suppress

from faults import RecordingServerProtocolBroken
from siprec_app import answers, authentication, fields
from siprec_app.message import Message, Request, Response
from siprec_app.protocol import effects, events, metadata, metadata_reader, multipart, responses, sdp
from siprec_app.protocol.metadata import SnapshotRequest
from siprec_app.protocol.multipart import Part
from siprec_app.protocol.sdp import Description


def offer(request: Request, send: effects.Send, contact: str) -> None:
    """Give an INVITE or UPDATE what the session wants in it.

    Raises:
        ValueError: the description or the metadata cannot be written.
    """
    extensions = [tag for tag in ("siprec",) if tag not in send.without]
    supported = [tag for tag in ("timer",) if tag not in send.without]
    request.fields.add("Contact", contact)
    if extensions:
        request.fields.add("Require", ", ".join(extensions))  # RFC 7866 section 6.1.1
    if supported:
        request.fields.add("Supported", ", ".join(supported))
        request.fields.add("Session-Expires", _interval(send.expires, send.refresher))
        if send.min_se is not None:
            request.fields.add("Min-SE", f"{send.min_se:d}")
    for name, value in (("Allow", answers.ALLOW), ("Accept", answers.ACCEPT), ("User-Agent", answers.AGENT)):
        request.fields.add(name, value)
    parts = []
    if send.description is not None:
        parts.append(Part(multipart.SDP, sdp.build(send.description)))
    if send.metadata is not None:
        parts.append(Part(multipart.METADATA, metadata.build(send.metadata), multipart.RECORDING_SESSION))
    if len(parts) == 1:
        kind, request.body = parts[0].content_type, parts[0].content
        if parts[0].disposition:
            request.fields.add("Content-Disposition", parts[0].disposition)
    else:
        kind, request.body = multipart.build(parts)
    request.fields.add("Content-Type", kind)


def answer(made: Response, given: effects.Answer, contact: str, retry_after: int | None) -> Response:
    """Give an answer to the server's INVITE or UPDATE what the session wants in it."""
    if given.status < 300:
        for name, value in (("Contact", contact), ("Allow", answers.ALLOW), ("Supported", answers.SUPPORTED)):
            made.fields.add(name, value)
    if given.expires is not None and given.refresher is not None:
        made.fields.add("Session-Expires", _interval(given.expires, given.refresher))
        if given.refresher == "uac":
            made.fields.add("Require", "timer")  # RFC 4028 section 9
    if given.min_se is not None:
        made.fields.add("Min-SE", f"{given.min_se:d}")
    if retry_after is not None:
        made.fields.add("Retry-After", f"{retry_after:d}")
    if given.description is not None:
        made.fields.add("Content-Type", multipart.SDP)
        made.body = sdp.build(given.description)
    return made


def _interval(seconds: int, refresher: str | None) -> str:
    return f"{seconds:d}" + (f";refresher={refresher}" if refresher else "")


def success(attempt: int, response: Response) -> events.Success:
    """A 2xx to our INVITE or UPDATE."""
    description, _, _ = _read(response)
    expires, refresher = response.session_expires
    return events.Success(attempt, response.tag("To"), description, expires, refresher,
                          frozenset(word.upper() for word in response.fields.tokens("Allow")), response.cseq[1])


def failed(attempt: int, response: Response) -> events.Failed:
    """A refusal of our INVITE or UPDATE."""
    return events.Failed(attempt, responses.Response(
        response.status, response.number("Retry-After"), response.fields.tokens("Unsupported"),
        response.number("Min-SE"), _contacts(response), authentication.stale(response)))


def _contacts(response: Response) -> tuple[str, ...]:
    """Those that can be tried, best first (RFC 3261 section 8.1.3.4)."""
    found = [(_preference(address.parameters.get("q")), address.uri) for address in response.fields.addresses("Contact")
             if fields.uri(address.uri) is not None]
    return tuple(uri for _, uri in sorted(found, key=lambda one: -one[0]))


def _preference(value: str | None) -> float:
    """RFC 3261 section 20.10: ``q``, from 0 to 1."""
    with suppress(ValueError):
        return float(value or "1")
    return 0.0


def requested(request: Request) -> events.Requested:
    """A re-INVITE or UPDATE of the server."""
    description, unreadable, snapshot = _read(request)
    expires, refresher = request.session_expires
    return events.Requested(request.cseq[0], request.method, description, unreadable, expires, refresher, snapshot)


def acknowledged(ack: Request | None) -> events.Acknowledged:
    """The ACK of our answer, or none."""
    return events.Acknowledged(None if ack is None else _read(ack)[0])


def _read(found: Message) -> tuple[Description | None, bool, bool]:
    """The description, whether there is one that cannot be read, and whether all metadata are asked for."""
    if not found.body:
        return None, False, False
    try:
        if found.fields.tokens("Content-Encoding") - {"identity"}:
            raise RecordingServerProtocolBroken("A body is encoded.")
        parts = multipart.parse(found.fields.get("Content-Type"), found.body)
        body = multipart.first(parts, multipart.SDP)
        description = None if body is None else sdp.parse(body)
    except RecordingServerProtocolBroken:
        return None, True, False
    return description, False, _asks(multipart.first(
        parts, multipart.METADATA, multipart.METADATA_BEFORE, multipart.METADATA_REQUEST))


def _asks(body: bytes | None) -> bool:
    with suppress(RecordingServerProtocolBroken):
        return body is not None and isinstance(metadata_reader.read(body), SnapshotRequest)
    return False
