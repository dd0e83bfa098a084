"""SIP messages, as they should be and as they are met; each oddity is named for what is wrong with it."""

from __future__ import annotations

import pytest

from faults import RecordingServerProtocolBroken
from siprec_app import fields, message
from siprec_app.message import Fields, Request, Response

HEAD = ("Via: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKone;rport\r\nMax-Forwards: 70\r\n"
        "From: <sip:srs@192.0.2.9>;tag=s\r\nTo: <sip:src@192.0.2.1>;tag=c\r\nCall-ID: one@192.0.2.1\r\n")
INVITE = f"INVITE sip:src@192.0.2.1 SIP/2.0\r\n{HEAD}CSeq: 7 INVITE\r\n"
REFUSED = f"SIP/2.0 488 Not Here\r\n{HEAD}CSeq: 1 INVITE\r\n"


def invite(*lines: str, body: str = "") -> bytes:
    return (INVITE + "".join(f"{line}\r\n" for line in lines) + "\r\n" + body).encode()


def read(data: bytes | str) -> Request:
    found = message.read(data if isinstance(data, bytes) else data.encode())
    assert isinstance(found, Request)
    return found


def answered(*lines: str) -> Response:
    found = message.read((REFUSED + "".join(f"{line}\r\n" for line in lines) + "\r\n").encode())
    assert isinstance(found, Response)
    return found


def test_a_request_is_what_it_says() -> None:
    found = read(invite("Content-Length: 4", body="body"))
    assert (found.method, found.uri, found.cseq, found.call_id) == (
        "INVITE", "sip:src@192.0.2.1", (7, "INVITE"), "one@192.0.2.1")
    assert (found.tag("From"), found.tag("To"), found.body) == ("s", "c", b"body")
    assert (found.via.transport, found.via.host, found.via.port, found.via.branch) == (
        "UDP", "192.0.2.9", 5070, "z9hG4bKone")


def test_a_request_that_uses_all_that_the_grammar_allows() -> None:
    """Folded lines, odd spacing, short names, unknown parameters, escapes, quotes in quotes, and lists within lines."""
    found = read(
        'INVITE  sip:u%20ser;par=a@gate1.example;unknown=%41?x=y  SIP/2.0\r\n'
        'v:  SIP  / 2.0\r\n / UDP\r\n    192.0.2.2;branch=z9hG4bKmany;odd="a;b,\\"c" ,\r\n SIP/2.0/TCP far.example\r\n'
        "   ;branch=z9hG4bKfar;hidden=yes\r\n"
        'TO :\r\n  "quoted <sip:not@here>; \\\\\\" string" < sip:u@gate1.example >   ; unknown = "v,;" ; tag\t= 8f \r\n'
        "f: one <sip:c@192.0.2.3>;tag=98\r\nmax-forwards: 068\r\nCall-ID: many@192.0.2.3\r\ncseq: 009\r\n  INVITE\r\n"
        'NewField: what;ever="x\r\n y"\r\nm:"Last, First" <sip:l@192.0.2.4>;q=.5 , <sip:z@[2001:db8::9]>;new\r\n'
        "s:\r\nl  :   4\r\n\r\nbody and more")
    assert (found.method, found.cseq, found.call_id, found.body) == ("INVITE", (9, "INVITE"), "many@192.0.2.3", b"body")
    assert (found.via.host, found.via.branch, len(found.fields.items("Via"))) == ("192.0.2.2", "z9hG4bKmany", 2)
    assert (found.tag("To"), found.tag("From"), found.number("Max-Forwards")) == ("8f", "98", 68)
    assert fields.address(found.fields.get("To")).uri == "sip:u@gate1.example"
    assert [one.uri for one in found.fields.addresses("Contact")] == ["sip:l@192.0.2.4", "sip:z@[2001:db8::9]"]
    again = message.read(message.build(message.response(found, 200, "t", ("192.0.2.2", 5060))))
    assert again.fields.items("Via") == found.fields.items("Via")


@pytest.mark.parametrize("line", [
    "~Every.token*character%of`a'method!is+met_0 sip:~all&of=these+may$stand,in;a?user/part@h.example SIP/2.0",
    "MIX other-scheme:what/ever SIP/2.0", "OPTIONS tel:+4930123 SIP/2.0", "OPTIONS sip:%00@h;%00=%00 SIP/2.0",
    "REGISTER sip:h:0 SIP/2.0", "INVITE sip:[2001:db8::1]:5060;maddr=255.255.255.255 sip/2.0"])
def test_unusual_request_lines(line: str) -> None:
    method = line.split()[0].encode()
    found = read(invite().replace(b"INVITE sip:src@192.0.2.1 SIP/2.0", line.encode()).replace(b"7 INVITE",
                                                                                              b"7 " + method))
    assert found.uri == line.split()[1]
    assert found.method == line.split()[0]


def test_a_response_is_what_it_says() -> None:
    found = answered()
    assert (found.status, found.reason) == (488, "Not Here")


@pytest.mark.parametrize(("data", "name", "value"), [
    (invite("Subject: one", "\ttwo", "  three"), "Subject", "one two three"),
    (invite("Subject: kept", "", ""), "Subject", "kept"),
    (invite("Require \t : siprec"), "Require", "siprec"),
    (invite("Require:siprec"), "require", "siprec"),
    (invite("s: in short"), "Subject", "in short"),
    (invite("X: 1800;refresher=uac"), "Session-Expires", "1800;refresher=uac"),
    (b"\r\n\r\n" + invite("Subject: after empty lines"), "Subject", "after empty lines"),
    (invite("Subject: bare").replace(b"\r\n", b"\n"), "Subject", "bare"),
    (invite("Subject: \xe4").replace(b"\xc3\xa4", b"\xe4"), "Subject", "\ufffd"),
    (invite("Subject: a\rInjected: b\0\x1b"), "Subject", "a Injected: b"),
    (invite("no field at all", "Subject: beside it"), "Subject", "beside it"),
    (invite(": no name", "Subject: beside it"), "Subject", "beside it"),
    (invite("Subject:"), "Subject", ""),
], ids=["folded", "empty lines behind", "space before a colon", "no space", "short name", "short name of RFC 4028",
        "empty lines in front", "bare line feeds", "not UTF-8", "controls in a value", "a line that is no field",
        "a field without a name", "an empty value"])
def test_what_is_met_is_read(data: bytes, name: str, value: str) -> None:
    found = message.read(data)
    assert found.fields.get(name) == value
    assert found.fields.get("Injected") == ""


@pytest.mark.parametrize("start", ["SIP/2.0 200", "SIP/2.0 200 ", "sip/2.0  200  OK", "SIP/2.0 200 \u00dc\u4e2d"])
def test_a_status_line_is_read_with_any_reason_or_none(start: str) -> None:
    found = message.read((start + REFUSED[len("SIP/2.0 488 Not Here"):] + "\r\n").encode())
    assert isinstance(found, Response)
    assert found.status == 200


BROKEN = {
    "nothing": b"", "line ends": b"\r\n\r\n\r\n", "no end of the header": INVITE.encode(),
    "no SIP": b"GET / HTTP/1.1\r\n\r\n",
    "another version": invite().replace(b"SIP/2.0\r\n", b"SIP/7.0\r\n", 1),
    "a status that is none": REFUSED.replace("488", "999").encode() + b"\r\n",
    "a status of two digits": REFUSED.replace("488", "48").encode() + b"\r\n",
    "a space in the URI": invite().replace(b"sip:src@192.0.2.1 S", b"sip:src@192.0. 2.1 S"),
    "no URI": invite().replace(b"sip:src@192.0.2.1 S", b" S", 1),
    "no Call-ID": invite().replace(b"Call-ID", b"Other"), "an empty Call-ID": invite().replace(b"one@192.0.2.1", b""),
    "no From": invite().replace(b"From", b"Other"), "no To": invite().replace(b"To:", b"Other:"),
    "no CSeq": invite().replace(b"CSeq", b"Other"), "no Via": invite().replace(b"Via", b"Other"),
    "two Call-IDs": invite("Call-ID: two"), "two To": invite("t: <sip:other@192.0.2.1>"),
    "two CSeq": invite("CSeq: 8 INVITE"),
    "a CSeq of another method": invite().replace(b"7 INVITE", b"7 OPTIONS"),
    "a CSeq too large": invite().replace(b"7 INVITE", b"9292394834772304023312 INVITE"),
    "a CSeq of 33 bits": invite().replace(b"7 INVITE", b"4294967296 INVITE"),
    "a CSeq without a number": invite().replace(b"7 INVITE", b"INVITE"),
    "a CSeq below zero": invite().replace(b"7 INVITE", b"-7 INVITE"),
    "a Via that is none": invite().replace(b"SIP/2.0/UDP 192.0.2.9", b"SIP/2.0/UDP (*)"),
    "a Via of another protocol": invite().replace(b"SIP/2.0/UDP", b"HTTP/1.1/TCP"),
    "a body that is cut": invite("Content-Length: 9999", body="short"),
    "a length below zero": invite("Content-Length: -1"), "a length that is no number": invite("Content-Length: ten"),
    "a length of other digits": invite("Content-Length: \u0664"),
    "two lengths that differ": invite("Content-Length: 0", "l: 4", body="body"),
    "a length beyond all": invite("Content-Length: 99999999999"),
    "too many fields": invite(*["X-Y: z"] * 300), "a header too long": invite("X-Y: " + "z" * 40_000),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_read_is_a_fault_with_a_name(data: bytes) -> None:
    with pytest.raises(RecordingServerProtocolBroken):
        message.read(data)


def test_bytes_behind_the_body_are_dropped() -> None:
    assert read(invite("Content-Length: 4", body="bodyINVITE another")).body == b"body"
    assert read(invite("Content-Length: 4", "Content-Length: 4", body="body")).body == b"body"


def test_a_datagram_without_a_length_is_all_body() -> None:
    assert read(invite(body="all of it")).body == b"all of it"


@pytest.mark.parametrize(("value", "expected"), [
    ("1800;refresher=uas", (1800, "uas")), ("1800 ; Refresher = UAC", (1800, "uac")), ("90", (90, None)),
    ("90;refresher=nobody", (90, None)), ("often", (None, None)), ("-5", (None, None)), ("", (None, None)),
    ("99999999999999", (fields.LARGEST_NUMBER, None)),
])
def test_session_expires(value: str, expected: tuple[int | None, str | None]) -> None:
    assert answered(f"Session-Expires: {value}").session_expires == expected


def test_numbers_with_something_behind_them() -> None:
    found = answered("Retry-After: 18000;duration=3600", "Min-SE: 90;lr", "Expires: soon")
    assert (found.number("Retry-After"), found.number("Min-SE"), found.number("Expires")) == (18000, 90, None)
    assert answered("Retry-After: 5 (in a meeting; \"really\")").number("Retry-After") == 5


def test_warnings_and_reasons() -> None:
    found = answered('Warning: 399 srs "no label, or \\"two\\"", 370 srs "slow"', "Warning: broken",
                     'Reason: SIP ;cause=480 ;text="Gone, away", Q.850;cause=16')
    assert found.warnings == [(399, 'no label, or "two"'), (370, "slow")]
    assert found.causes == [("SIP", 480, "Gone, away"), ("Q.850", 16, "")]


def test_lists_stand_in_one_line_or_in_several() -> None:
    found = answered("Unsupported: timer , 100rel", "Unsupported: TIMER", "Allow: INVITE,,ACK,")
    assert found.fields.tokens("Unsupported") == {"timer", "100rel"}
    assert found.fields.items("Allow") == ["INVITE", "ACK"]


@pytest.mark.parametrize(("value", "uri", "parameters"), [
    ("<sip:srs@192.0.2.9;lr>;+sip.srs;expires=5", "sip:srs@192.0.2.9;lr", {"+sip.srs": "", "expires": "5"}),
    ("sip:srs@192.0.2.9;tag=t", "sip:srs@192.0.2.9", {"tag": "t"}),
    ('"A <sip:not@this>; \\" one" <sip:a@b>;tag=t', "sip:a@b", {"tag": "t"}),
    ("Ünquoted näme <sip:a@recorder1>;tag=5060@host", "sip:a@recorder1", {"tag": "5060@host"}),
    ('<sip:a@b>;+sip.instance="<urn:uuid:1>";TAG=T', "sip:a@b", {"+sip.instance": "<urn:uuid:1>", "tag": "T"}),
    ("<sip:a@b> ; tag = t ; tag=second", "sip:a@b", {"tag": "t"}),
    ("<sip:a@b", "<sip:a@b", {}), ('"unclosed <sip:a@b>;tag=t', '"unclosed <sip:a@b>;tag=t', {}), ("", "", {}),
])
def test_addresses(value: str, uri: str, parameters: dict[str, str]) -> None:
    found = fields.address(value)
    assert (found.uri, found.parameters) == (uri, parameters)


def test_commas_within_an_address_part_none() -> None:
    found = answered('Contact: "Last, First" <sip:a,b@c>;q=0.1, <sip:d@e>').fields.addresses("Contact")
    assert [address.uri for address in found] == ["sip:a,b@c", "sip:d@e"]


@pytest.mark.parametrize(("text", "expected"), [
    ("sip:srs@recorder1:5070;transport=TCP;lr", fields.Uri("recorder1", 5070, False, "srs", "tcp", True)),
    ("SIPS:my_host.local", fields.Uri("my_host.local", None, True)),
    ("sip:[2001:db8::1]:5060?Subject=x", fields.Uri("2001:db8::1", 5060)),
    ("sip:user;part=1:secret@host", fields.Uri("host", user="user;part=1:secret")),
    ("sip:host:99999", fields.Uri("host")),
    ("tel:+4930123", None), ("sip:", None), ("sip:a b@c", None), ("http://host", None), ("sip:host:port", None),
])
def test_uris(text: str, expected: fields.Uri | None) -> None:
    assert fields.uri(text) == expected


def test_challenges_with_commas_in_them_and_between_them() -> None:
    found = fields.challenges('Digest realm="a, b=c", qop="auth,auth-int" , nonce="n" ,Basic realm=x,DIGEST nonce="m"')
    assert [(one.scheme, one.parameters.get("nonce")) for one in found] == [("digest", "n"), ("basic", None),
                                                                            ("digest", "m")]
    assert (found[0].parameters["realm"], found[0].parameters["qop"]) == ("a, b=c", "auth,auth-int")


def made(**more: str) -> Request:
    return Request(Fields([("Via", "SIP/2.0/UDP h;branch=z9hG4bKx"), ("From", "<sip:a@b>;tag=t"), ("To", "<sip:c@d>"),
                           ("Call-ID", "c"), ("CSeq", "1 INVITE"), *more.items()]), b"body", "INVITE", "sip:c@d")


def test_what_is_written_is_read_again() -> None:
    found = read(message.build(made(Subject="\u4e2d")))
    assert (found.method, found.uri, found.body) == ("INVITE", "sip:c@d", b"body")
    assert found.fields.get("Subject") == "\u4e2d"


@pytest.mark.parametrize("value", ["a\r\nInjected: yes", "a\nb", "a\rb", "a\0b", "\r\n\r\n", "\x7f"])
def test_a_value_that_leaves_its_line_is_not_written(value: str) -> None:
    with pytest.raises(ValueError, match="line"):
        message.build(made(Subject=value))
    with pytest.raises(ValueError, match=r"name|line"):
        message.build(made(**{value: "x"}))
    with pytest.raises(ValueError, match="URI"):
        message.build(Request(made().fields, b"", "INVITE", f"sip:{value}@d"))
    with pytest.raises(ValueError, match="line"):
        message.build(Response(made().fields, b"", 200, value))


def test_a_response_takes_over_what_it_has_to_and_names_where_the_request_came_from() -> None:
    request = read(invite("Via: SIP/2.0/UDP 192.0.2.7, SIP/2.0/TCP 192.0.2.8;branch=z9hG4bKtwo",
                          "Record-Route: <sip:p@192.0.2.7;lr>").replace(b">;tag=c", b">"))
    found = message.response(request, 200, "ours", ("198.51.100.4", 1024))
    assert found.fields.items("Via") == [
        "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKone;received=198.51.100.4;rport=1024", "SIP/2.0/UDP 192.0.2.7",
        "SIP/2.0/TCP 192.0.2.8;branch=z9hG4bKtwo"]
    assert (found.tag("To"), found.fields.get("CSeq"), found.call_id) == ("ours", "7 INVITE", "one@192.0.2.1")


def test_without_rport_only_another_address_is_named() -> None:
    request = read(invite().replace(b";rport", b""))
    assert "received" not in message.response(request, 200, "t", ("192.0.2.9", 9)).fields.get("Via")
    assert message.response(request, 200, "t", ("192.0.2.4", 9)).fields.get("Via").endswith(";received=192.0.2.4")
