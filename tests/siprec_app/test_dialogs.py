"""What a request within a dialog carries (RFC 3261 section 12)."""

from __future__ import annotations

from siprec_app import dialogs
from siprec_app.dialogs import Dialog
from siprec_app.message import Fields, Request, Response

FIRST = Dialog("id", "<sip:src@192.0.2.1>;tag=c", "<sip:srs@192.0.2.9>", "sip:srs@192.0.2.9", cseq=1)


def accepted(*routes: str, contact: str = "<sip:srs@192.0.2.20:5070>") -> Response:
    return Response(Fields([("To", "<sip:srs@192.0.2.9>;tag=s"), ("Contact", contact),
                            *(("Record-Route", route) for route in routes)]), status=200)


def test_requests_go_to_the_contact() -> None:
    dialog = FIRST.established(accepted())
    request = dialog.request("BYE")
    assert (request.uri, request.fields.all("Route"), dialog.next_hop) == (
        "sip:srs@192.0.2.20:5070", [], "sip:srs@192.0.2.20:5070")
    assert (request.tag("From"), request.tag("To"), request.cseq) == ("c", "s", (2, "BYE"))


def test_routes_are_passed_in_reverse_order() -> None:
    dialog = FIRST.established(accepted("<sip:near;lr>, <sip:middle;lr>", "<sip:far;lr;x=1>;y=2"))
    request = dialog.request("BYE")
    assert request.fields.all("Route") == ["<sip:far;lr;x=1>;y=2", "<sip:middle;lr>", "<sip:near;lr>"]
    assert (request.uri, dialog.next_hop) == ("sip:srs@192.0.2.20:5070", "sip:far;lr;x=1")


def test_a_strict_router_is_named_in_the_request_line() -> None:
    dialog = FIRST.established(accepted("<sip:near;lr>", "<sip:strict@192.0.2.7>"))
    request = dialog.request("BYE")
    assert request.uri == "sip:strict@192.0.2.7"
    assert request.fields.all("Route") == ["<sip:near;lr>", "<sip:srs@192.0.2.20:5070>"]
    assert dialog.next_hop == "sip:strict@192.0.2.7"


def test_an_acknowledgement_has_the_number_of_its_invite() -> None:
    dialog = FIRST.established(accepted())
    dialog.request("UPDATE")
    assert dialog.request("ACK", 1).cseq == (1, "ACK")
    assert dialog.request("BYE").cseq == (3, "BYE")


def test_a_target_that_is_none_changes_nothing() -> None:
    dialog = FIRST.established(accepted(contact="<tel:+4930123>"))
    assert dialog.target == "sip:srs@192.0.2.9"
    dialog.refresh(accepted(contact="<sip:other@192.0.2.30>"))
    assert dialog.target == "sip:other@192.0.2.30"
    dialog.refresh(accepted(contact="nonsense"))
    assert dialog.target == "sip:other@192.0.2.30"


def test_the_ack_of_a_refusal_and_a_cancel_have_the_branch_and_the_routes_of_the_invite() -> None:
    invite = Request(Fields([("Via", "SIP/2.0/UDP h;branch=z9hG4bKb"), ("Route", "<sip:p;lr>"), ("From",
                                                                                                 "<sip:a@b>;tag=c"),
                             ("To", "<sip:c@d>"), ("Call-ID", "id"), ("CSeq", "4 INVITE")]), b"", "INVITE", "sip:c@d")
    refused = Response(Fields([("To", "<sip:c@d>;tag=s")]), status=486)
    ack, cancel = dialogs.ack(invite, refused), dialogs.cancel(invite)
    assert (ack.tag("To"), cancel.tag("To")) == ("s", "")
    assert (ack.cseq, cancel.cseq) == ((4, "ACK"), (4, "CANCEL"))
    assert all(one.via.branch == "z9hG4bKb" and one.fields.all("Route") == ["<sip:p;lr>"] and one.uri == "sip:c@d"
               for one in (ack, cancel))
