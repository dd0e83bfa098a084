"""Metadata that others wrote: what can be understood is, what cannot is left aside, and no XML does any harm."""

from __future__ import annotations

import pytest

from faults import RecordingServerProtocolBroken
from siprec_app.protocol import metadata_reader, xmltree
from siprec_app.protocol.metadata import Metadata, Mode, NameId, ParticipantStream, SnapshotRequest
from tests.siprec_app import bodies
from tests.siprec_app.documents import AT


def read(document: str | bytes) -> Metadata:
    found = metadata_reader.read(document.encode() if isinstance(document, str) else document)
    assert isinstance(found, Metadata)
    return found


def test_elements_in_any_order_are_read() -> None:
    document = read(bodies.METADATA)
    assert document.sessions[0].sip_ids == (
        "0123456789abcdef0123456789abcdef;remote=fedcba9876543210fedcba9876543210",)
    assert document.sessions[0].started == AT.replace(microsecond=500_000)
    assert [who.names[0] for who in document.participants] == [
        NameId("sip:1001@pbx.example", "Anna & Co", "en"), NameId("tel:+4930123")]
    assert document.streams[0].label == "caller"
    assert document.participant_streams == (
        ParticipantStream("AQEBAQEBAQEBAQEBAQEBAQ==", ("AgICAgICAgICAgICAgICAg==",), ("BAQEBAQEBAQEBAQEBAQEBA==",)),)


def test_a_document_of_before_the_rfc_says_the_same() -> None:
    document = read(bodies.BEFORE_THE_RFC)
    assert document.mode is Mode.COMPLETE
    assert (document.sessions[0].id, document.sessions[0].started) == ("s-1", AT.replace(hour=9))
    assert document.participant_sessions[0].session == "s-1"
    assert document.participant_streams[0].send == ("m-1",)
    assert (document.streams[0].session, document.streams[0].label) == ("s-1", "16777216")


@pytest.mark.parametrize("change", [
    lambda text: b"\xef\xbb\xbf" + text, lambda text: b"\r\n\r\n " + text, lambda text: text + b"\0\0\r\n",
    lambda text: text.replace(b"\n", b"\r\n"), lambda text: text.replace(b' encoding="UTF-8"', b""),
    lambda text: text.replace(b"UTF-8", b"no-such-thing"), lambda text: text.replace(b"UTF-8", b"UTF-16"),
    lambda text: text.decode().replace("UTF-8", "UTF-16").encode("utf-16"),
    lambda text: text.replace(b"<recording xmlns=", b"<r:recording xmlns:r=").replace(b"/recording", b"/r:recording"),
    lambda text: text.replace(b"<session ", b"<session v:x='1' "),
    lambda text: text.replace(b' xmlns="urn:ietf:params:xml:ns:recording:1"', b""),
], ids=["byte order mark", "empty lines", "zeros behind", "CR LF", "no encoding", "unknown encoding",
        "declared UTF-16", "UTF-16", "prefix", "undeclared prefix", "no namespace"])
def test_how_a_document_is_wrapped_does_not_matter(change: object) -> None:
    assert callable(change)
    assert read(change(bodies.METADATA.encode())) == read(bodies.METADATA)


def test_the_servers_request_for_everything_is_told_apart() -> None:
    document = b"<requestsnapshot xmlns='urn:ietf:params:xml:ns:recording:1'><requestreason>lost</requestreason>"
    assert metadata_reader.read(document + b"</requestsnapshot>") == SnapshotRequest("lost")


@pytest.mark.parametrize("document", [
    "<recording><session/><participant><nameID/></participant><stream><label/></stream></recording>",
    "<recording><session><start-time>soon</start-time><reason cause='x'>y</reason></session></recording>",
    "<recording><participantstreamassoc/><participantsessionassoc/><sessionrecordingassoc/><group/></recording>",
], ids=["nothing in it", "no values", "no ids"])
def test_what_is_missing_is_empty(document: str) -> None:
    assert read(document).mode is Mode.COMPLETE


BOMB = ("<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {new} '{f'&{old};' * 10}'>" for old, new in zip("abcdefgh", "bcdefghi", strict=True)) + "]><r>&i;</r>")


@pytest.mark.parametrize("document", [
    BOMB, "<!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><r>&x;</r>",
    "<!DOCTYPE r SYSTEM 'http://127.0.0.1:1/x.dtd'><r/>", "<!DOCTYPE r [<!ENTITY % p SYSTEM 'file:///x'> %p;]><r/>",
    "<!DOCTYPE r><r/>",
], ids=["a billion laughs", "external entity", "external subset", "parameter entity", "plain"])
def test_a_document_type_is_refused_before_anything_in_it_happens(document: str) -> None:
    with pytest.raises(RecordingServerProtocolBroken, match="document type"):
        xmltree.parse(document.encode())


@pytest.mark.parametrize("document", [
    "<r>" * 40 + "</r>" * 40, "<r>" + "<a/>" * 20_001 + "</r>", "<r>" + "a" * (1 << 20) + "</r>", "", "<r>",
    "<r>&x;</r>", "no xml", "<r/><r/>", "\0", "<recordings/>",
], ids=["too deep", "too many", "too long", "empty", "cut", "unknown entity", "text", "two roots", "zero",
        "another root"])
def test_what_is_no_metadata_is_refused(document: str) -> None:
    with pytest.raises(RecordingServerProtocolBroken):
        metadata_reader.read(document.encode())
