"""Bodies of parts: what we write is exactly as long as it says, what others write is found by its boundaries."""

from __future__ import annotations

import re
from email import policy
from email.parser import BytesParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faults import RecordingServerProtocolBroken
from siprec_app.protocol.multipart import METADATA, RECORDING_SESSION, SDP, Part, build, first, parse
from tests.siprec_app import bodies

PARTS = (Part(SDP, b"v=0\r\n"), Part(METADATA, b"<recording/>\r\n", RECORDING_SESSION))

contents = st.binary(max_size=80) | st.lists(
    st.sampled_from([b"--", b"\r\n", b"\n", b"part-", b"a", b"Content-Type: x/y", b"\r\n\r\n", b"\0"])).map(b"".join)
parts = st.lists(st.builds(Part, st.sampled_from([SDP, METADATA, "application/x-vendor"]),
                           contents.filter(bool), st.sampled_from(["", RECORDING_SESSION])), min_size=1, max_size=4)


def test_the_two_parts_of_a_recording_session() -> None:
    content_type, body = build(PARTS)
    boundary = content_type.partition("=")[2]
    assert body.decode() == (
        f"--{boundary}\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n"
        f"--{boundary}\r\nContent-Type: application/rs-metadata+xml\r\nContent-Disposition: recording-session\r\n\r\n"
        f"<recording/>\r\n\r\n--{boundary}--\r\n")


@given(parts)
def test_parts_are_read_as_they_were_written(given_parts: list[Part]) -> None:
    assert parse(*build(given_parts)) == tuple(given_parts)


def test_the_library_of_python_reads_the_same_parts() -> None:
    content_type, body = build(PARTS)
    message = BytesParser(policy=policy.HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    assert [(part.get_content_type(), part.get_content_disposition()) for part in message.iter_parts()] == [
        (SDP, None), (METADATA, RECORDING_SESSION)]


def test_a_boundary_is_never_in_what_it_bounds() -> None:
    content_type, _ = build(PARTS)
    inside = content_type.partition("=")[2].encode()
    content_type, body = build([Part(SDP, b"\r\n--" + inside + b"--\r\n"), *PARTS])
    assert len(parse(content_type, body)) == 3


@pytest.mark.parametrize("part", [Part("application/sdp\r\nX: y", b""), Part("", b""), Part(SDP, b"", "a\nb")],
                         ids=["type", "no type", "disposition"])
def test_a_header_cannot_be_slipped_in(part: Part) -> None:
    with pytest.raises(ValueError):
        build([part])


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CR LF"])
@pytest.mark.parametrize("content_type", [
    "multipart/mixed;boundary=of-two-parts", 'multipart/mixed; boundary="of-two-parts"',
    "Multipart/Mixed ; Boundary = of-two-parts ; x=y", "multipart/mixed", "multipart/mixed;boundary=another",
], ids=["plain", "quoted", "case", "none", "wrong"])
def test_three_parts_of_another_product_are_found(content_type: str, end: str) -> None:
    found = parse(content_type, bodies.multipart(end=end))
    assert [(part.content_type, part.disposition) for part in found] == [
        (SDP, "session"), (METADATA, RECORDING_SESSION), ("application/x-vendor", "")]
    assert first(found, METADATA) == bodies.METADATA.replace("\n", end).encode()


@pytest.mark.parametrize(("cut", "count"), [(4, 3), (30, 3), (600, 2)], ids=["closing", "third", "metadata"])
def test_a_body_that_is_cut_has_the_parts_before(cut: int, count: int) -> None:
    assert len(parse("multipart/mixed;boundary=of-two-parts", bodies.multipart()[:-cut])) == count


def test_what_stands_behind_the_end_is_left_aside() -> None:
    body = bodies.multipart() + b"--of-two-parts\r\nContent-Type: text/plain\r\n\r\nmore\r\n"
    assert len(parse("multipart/mixed;boundary=of-two-parts", body)) == 3


def test_parts_within_a_part_are_found() -> None:
    inner_type, inner = build(PARTS)
    body = f"--outer\r\nContent-Type: {inner_type}\r\n\r\n".encode() + inner + b"\r\n--outer--"
    assert parse("multipart/mixed;boundary=outer", body) == PARTS


def test_a_boundary_that_begins_another_is_not_taken_for_it() -> None:
    body = b"--a\r\nContent-Type: x/y\r\n\r\n--ab\r\nz\r\n--a--\r\n"
    assert [part.content for part in parse("multipart/mixed;boundary=a", body)] == [b"--ab\r\nz"]


def test_a_body_that_is_not_of_parts_is_itself() -> None:
    assert parse("application/sdp; charset=utf-8", b"v=0") == (Part(SDP, b"v=0"),)
    assert parse("application/sdp", b"") == ()


def test_a_part_without_a_type_is_text() -> None:
    assert parse("multipart/mixed;boundary=a", b"--a\r\n\r\nhello\r\n--a--") == (Part("text/plain", b"hello"),)


@pytest.mark.parametrize("body", [
    b"", b"no boundary in sight", b"--a\r\n" * 40, b"x" * ((1 << 20) + 1),
    b"".join(b"--%d\r\nContent-Type: multipart/mixed;boundary=%d\r\n\r\n" % (n, n + 1) for n in range(9)),
], ids=["empty", "none", "too many", "too long", "too deep"])
def test_what_has_no_parts_is_refused(body: bytes) -> None:
    with pytest.raises(RecordingServerProtocolBroken):
        parse("multipart/mixed;boundary=0" if body.startswith(b"--0") else "multipart/mixed;boundary=a", body)


def test_a_boundary_is_a_legal_one() -> None:
    assert re.fullmatch(r"multipart/mixed;boundary=[a-z0-9-]{1,70}", build(PARTS)[0])
