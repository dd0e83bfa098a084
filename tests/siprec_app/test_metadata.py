"""Metadata documents that we write: structure, ids, escaping; and RFC 7865's own schema, where it is at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from siprec_app.protocol.metadata import (
    Metadata,
    Mode,
    NameId,
    Participant,
    ParticipantSession,
    ParticipantStream,
    Reason,
    Session,
    address_of_record,
    build,
    identifier,
)
from siprec_app.protocol.metadata_reader import read
from tests.siprec_app import reference
from tests.siprec_app.documents import AT, BEN, CALL, COMPLETE, LEFT, made, metadata
from tests.siprec_app.structure import NAMESPACE, complaints

HOSTILE = "</name><x a=\"1\" b='2'>&amp;<!-- ]]> \r\n\t\0\x1b\ud800\ufffe"


@pytest.fixture(scope="module")
def schema() -> xmlschema.XMLSchema:
    """RFC 7865 section 9 as a file."""
    reference.folder()
    found = reference.schema()
    assert found is not None
    return found


@pytest.mark.parametrize("document", [COMPLETE, LEFT, Metadata(Mode.COMPLETE)], ids=["complete", "partial", "empty"])
def test_a_document_has_the_structure_of_the_rfc(document: Metadata) -> None:
    assert complaints(build(document)) == []


@pytest.mark.parametrize("document", [COMPLETE, LEFT, Metadata(Mode.COMPLETE)], ids=["complete", "partial", "empty"])
def test_a_document_is_valid_by_the_schema(document: Metadata, schema: xmlschema.XMLSchema) -> None:
    schema.validate(build(document).decode())


@given(metadata())
def test_whatever_there_is_to_say_has_the_structure_of_the_rfc(document: Metadata) -> None:
    assert complaints(build(document)) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(document=metadata())
def test_whatever_there_is_to_say_is_valid_by_the_schema(document: Metadata, schema: xmlschema.XMLSchema) -> None:
    schema.validate(build(document).decode())


@given(metadata())
def test_a_document_is_read_as_it_was_written(document: Metadata) -> None:
    assert read(build(document)) == document


@pytest.mark.parametrize(("before", "after"), [
    (b"<datamode>complete</datamode>", b""), (b"<session ", b"<session x='1' "),
    (b'aor="tel:+4930123"', b""), (b"<label>1</label>", b"<label>1</label><label>2</label>"),
    (b"</recording>", b"<datamode>complete</datamode></recording>"),
    (b"<datamode>complete<", b"<datamode>whole<"), (made(6).encode(), b"six"),
    (f"<send>{made(6)}".encode(), f"<send>{made(9)}".encode()), (b"08:30:00.000Z", b"08:30:00"),
], ids=["mode", "attribute", "no aor", "two labels", "order", "another mode", "no id", "unknown stream", "no zone"])
def test_the_structure_is_really_looked_at(before: bytes, after: bytes) -> None:
    document = build(COMPLETE)
    assert before in document
    broken = complaints(document.replace(before, after))
    assert broken or before == b"<datamode>complete</datamode>"  # which may be missing


def hostile(text: str) -> Metadata:
    return Metadata(Mode.COMPLETE, sessions=(Session(CALL, sip_ids=(text,), reasons=(Reason(1, text, text),)),),
                    participants=(Participant(BEN, (NameId(f"sip:{text}", text),)),))


@given(st.text() | st.text(st.sampled_from("<>&'\"\r\n\t\0\x1b\ud800\ufffe]a")))
def test_what_a_caller_can_choose_stays_text(text: str) -> None:
    document = build(hostile(text))
    assert complaints(document) == []
    assert len(list(ET.fromstring(document).iter())) == 8


def test_a_hostile_name_is_what_it_was_but_for_what_xml_cannot_carry() -> None:
    root = ET.fromstring(build(hostile(HOSTILE)))
    name = root.find(f".//{NAMESPACE}name")
    assert name is not None
    assert name.text == "</name><x a=\"1\" b='2'>&amp;<!-- ]]> \r\n\t\ufffd\ufffd\ufffd\ufffd"


def test_a_hostile_name_is_valid_by_the_schema(schema: xmlschema.XMLSchema) -> None:
    schema.validate(build(hostile(HOSTILE)).decode())


@pytest.mark.parametrize(("user", "expected"), [
    ("1001", "sip:1001@pbx.example"),
    ("+49 (30) 123", "sip:+49%20(30)%20123@pbx.example"),
    ("a@evil.example", "sip:a%40evil.example@pbx.example"),
    ("a>;tag=1\r\nX: y", "sip:a%3E;tag=1%0D%0AX%3A%20y@pbx.example"),
    ("Jürgen", "sip:J%C3%BCrgen@pbx.example"),
    ("", "sip:pbx.example"),
])
def test_a_number_that_a_caller_chose_makes_one_uri(user: str, expected: str) -> None:
    assert address_of_record(user, "pbx.example") == expected


def test_an_id_is_the_bytes_of_a_uuid_in_24_characters() -> None:
    assert identifier(UUID(int=0)) == "AAAAAAAAAAAAAAAAAAAAAA=="


def test_times_are_told_in_utc() -> None:
    at = datetime.fromisoformat("2026-03-01T09:30:00.1234+01:00")
    document = build(Metadata(Mode.COMPLETE, sessions=(Session(CALL, started=at),)))
    assert b"<start-time>2026-03-01T08:30:00.123Z</start-time>" in document


@pytest.mark.parametrize("break_it", [
    lambda whole: replace(whole, sessions=(Session("1"),)),
    lambda whole: replace(whole, sessions=(Session(CALL, started=AT.replace(tzinfo=None)),)),
    lambda whole: replace(whole, streams=()),
    lambda whole: replace(whole, participants=whole.participants[:1]),
    lambda whole: replace(whole, groups=()),
    lambda whole: replace(whole, participants=(Participant(BEN, ()), *whole.participants[:1])),
    lambda whole: replace(whole, participants=(*whole.participants, whole.participants[0])),
    lambda whole: replace(whole, sessions=(replace(whole.sessions[0], reasons=(Reason(40_000),)),)),
    lambda whole: replace(whole, participants=(Participant(BEN, (NameId("sip:a", "a", "<"),)), whole.participants[0])),
    lambda whole: replace(whole, participant_streams=(ParticipantStream(BEN, ("x",)),)),
], ids=["id", "zone", "stream", "participant", "group", "name", "twice", "cause", "language", "stream id"])
def test_what_makes_no_document_is_not_written(break_it: Callable[[Metadata], Metadata]) -> None:
    with pytest.raises(ValueError):
        build(break_it(COMPLETE))


def test_a_partial_document_may_speak_of_what_was_told_before() -> None:
    document = build(Metadata(Mode.PARTIAL, participant_sessions=(ParticipantSession(BEN, CALL, None, AT),)))
    assert b"<datamode>partial</datamode>" in document
