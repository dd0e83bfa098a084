"""The dialog that an INVITE of ours makes (RFC 3261 section 12): what its requests carry, and where they go."""

from __future__ import annotations

from dataclasses import dataclass

from siprec_app import fields
from siprec_app.message import Fields, Message, Request, Response

MAX_FORWARDS = "70"
"""RFC 3261 section 8.1.1.6."""


@dataclass(slots=True)
class Dialog:
    """One dialog, or what is to become one.

    Attributes:
        local: the value of From, with our tag.
        remote: the value of To; with the server's tag once there is a dialog.
        target: the URI that requests are for.
        routes: values of Route, in the order in which they are passed.
        cseq: the number of our last request.
    """

    call_id: str
    local: str
    remote: str
    target: str
    routes: tuple[str, ...] = ()
    cseq: int = 0

    def request(self, method: str, cseq: int | None = None) -> Request:
        """The next request, or one with the number of an earlier one: ACK and CANCEL."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        uri, routes = self._way()
        made = Request(method=method, uri=uri)
        for name, value in (("Max-Forwards", MAX_FORWARDS), *(("Route", route) for route in routes),
                            ("From", self.local), ("To", self.remote), ("Call-ID", self.call_id),
                            ("CSeq", f"{cseq} {method}")):
            made.fields.add(name, value)
        return made

    def _way(self) -> tuple[str, tuple[str, ...]]:
        """Request URI and routes (RFC 3261 section 12.2.1.1)."""
        first = fields.address(self.routes[0]).uri if self.routes else ""
        where = fields.uri(first)
        if where is None or where.loose:
            return self.target, self.routes
        return first.partition("?")[0], (*self.routes[1:], f"<{self.target}>")

    @property
    def next_hop(self) -> str:
        """The URI whose host a request is sent to (RFC 3261 section 8.1.2)."""
        return fields.address(self.routes[0]).uri if self.routes else self.target

    def established(self, response: Response) -> Dialog:
        """The dialog that a 2xx to our first INVITE makes (RFC 3261 section 12.1.2)."""
        routes = tuple(reversed(response.fields.items("Record-Route")))
        return Dialog(self.call_id, self.local, response.fields.get("To"), _contact(response.fields) or self.target,
                      routes, self.cseq)

    def refresh(self, message: Message) -> None:
        """Take the new target of a re-INVITE or UPDATE, or of a 2xx to one (RFC 3261 section 12.2.1.2)."""
        self.target = _contact(message.fields) or self.target


def _contact(found: Fields) -> str:
    """The URI of Contact if it can be reached by us, or empty."""
    uris = (address.uri for address in found.addresses("Contact"))
    return next((uri for uri in uris if fields.uri(uri) is not None), "")


def ack(invite: Request, response: Response) -> Request:
    """The ACK of a refused INVITE: the same branch, route and URI (RFC 3261 section 17.1.1.3)."""
    made = Request(method="ACK", uri=invite.uri)
    _copy(invite, made, "ACK", to=response.fields.get("To"))
    return made


def cancel(invite: Request) -> Request:
    """The CANCEL of an INVITE (RFC 3261 section 9.1)."""
    made = Request(method="CANCEL", uri=invite.uri)
    _copy(invite, made, "CANCEL", to=invite.fields.get("To"))
    return made


def _copy(invite: Request, made: Request, method: str, to: str) -> None:
    made.fields.add("Via", invite.fields.get("Via"))
    made.fields.add("Max-Forwards", MAX_FORWARDS)
    for route in invite.fields.all("Route"):
        made.fields.add("Route", route)
    made.fields.add("From", invite.fields.get("From"))
    made.fields.add("To", to)
    made.fields.add("Call-ID", invite.call_id)
    made.fields.add("CSeq", f"{invite.cseq[0]} {method}")
