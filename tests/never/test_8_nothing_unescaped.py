"""Never: what a caller can choose reaches a shell, a path, SQL, or a line of ARI, ESL or SIP unescaped.

The same hostile names go through every way out of the process: an operation of ARI, a command on FreeSWITCH's event
socket, a file's name, the ledger, the terminal. And no shell is ever asked for anything.
"""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import shlex
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ari_app.announcements import media
from ari_app.conference import can_be_joined
from ari_app.generated.operations import Operations
from ari_app.names import files as ari_files
from ari_app.names import shared
from ari_app.stasis import options
from ari_app.variables import at_once
from console.text import part, safe, table
from esl_app import lines
from esl_app.commands import Asker
from faults import JournalInvalid, PolicyInvalid, SwitchFault, SwitchOperationFailed
from ledger import Ledger, calls
from ledger.calls import CallFilter
from policy import parse
from processing.names import NameTemplate
from recorder.effects import Answer, Attach, Reply
from recorder.model import Direction
from service.adoption import file_of
from service.journal_files import JournalFiles
from siprec_app import fields, message
from siprec_app.authentication import Credentials, Digest
from siprec_app.protocol import metadata, metadata_reader, sdp
from siprec_app.server import Server
from tests.esl_app.replay import plain
from tests.recorder.story import Story, every, says
from tests.test_house import FLOOR

ROOT = Path(__file__).resolve().parent.parent.parent
T = TypeVar("T")

HOSTILE = [
    "../../etc/passwd", "/etc/passwd", "a/b", "..", ".", "", " ", "a\nb", "a\r\n\r\nContent-Length: 5", "a\0b",
    "%2e%2e%2f", "%0aInjected: yes", "'; DROP TABLE calls; --", '" OR ""="', "$(reboot)", "`reboot`", "a;b|c&d",
    "${global(x)}", "{a=b}", "a,b",
    "a?b=c#d", "\x1b]0;owned\x07", "\x1b[2J", "\u202egnp.exe", "名前 😀", "x" * 300, "-rf", "a\\b",
]
NAMES = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40))


class Noted:
    """Takes the operations of ARI as they would be sent."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    async def call(self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, object] | None,
                   model: Callable[[object], T]) -> T:
        self.paths.append(path)
        raise SwitchOperationFailed("noted")

    def download(self, path: str) -> AsyncIterator[bytes]:
        raise AssertionError(path)


@given(name=NAMES)
def test_a_name_is_one_encoded_part_of_an_ari_path(name: str) -> None:
    noted = Noted()

    async def send() -> None:
        await Operations(noted).channels_hangup(name)

    with pytest.raises((SwitchFault, UnicodeEncodeError)):
        asyncio.run(send())
    for path in noted.paths:
        assert path.isascii()
        assert urlsplit(path).path == path
        assert [unquote(one, errors="strict") for one in path.split("/")] == ["", "channels", name.encode(
            errors="replace").decode()]
        assert not {".", ".."} & set(path.split("/"))


@given(name=NAMES, value=NAMES)
def test_a_name_is_one_word_of_one_line_on_the_event_socket_or_is_not_sent(name: str, value: str) -> None:
    builds: tuple[Callable[[], bytes], ...] = (
        lambda: lines.api("uuid_setvar", name, "recorder_rule", value),
        lambda: lines.bgapi("uuid_record", name, "start", value, job="1"),
        lambda: lines.api("uuid_record", name, {"recorder_id": value}))
    for build in builds:
        try:
            sent = build()
        except SwitchOperationFailed:
            continue
        head, _, rest = sent.partition(b"\n\n")
        assert rest == b""
        assert head.count(b"\n") == (1 if sent.startswith(b"bgapi") else 0)
        assert not set(head.decode()) & set("\r\0\x1b`$\\;")


@given(name=NAMES, path=NAMES)
def test_a_conferences_name_and_a_file_are_two_words_on_the_event_socket_or_not_sent(name: str, path: str) -> None:
    try:
        sent = lines.bgapi("conference", name, "record", path, job="1").decode()
    except SwitchOperationFailed:
        return
    line, _, rest = sent.partition("\n")
    assert rest == "Job-UUID: 1\n\n"
    assert shlex.split(line) == ["bgapi", "conference", name, "record", path]


@given(request=NAMES, verb=NAMES, ticket=NAMES)
def test_an_answer_on_freeswitch_has_nothing_of_the_question_but_its_plain_id(
    request: str, verb: str, ticket: str
) -> None:
    asker = Asker(plain({"Event-Name": "CUSTOM", "Event-Subclass": "recorder::command", "Recorder-Request-ID": request,
                         "Recorder-Verb": verb, "Recorder-Ticket": ticket}))
    reply = Reply(request="r", answer=Answer.CONFIRMED, message="paused")
    assert re.fullmatch(r"confirmed( [0-9]{1,6})?", asker.word(reply), re.ASCII)
    line = asker.line(reply)
    if line is not None:
        assert line.decode().splitlines() == [
            "sendevent CUSTOM", "Event-Subclass: recorder::reply", f"Recorder-Request-ID: {request}",
            "Recorder-Answer: confirmed", "Recorder-Message: paused", ""]
        assert re.fullmatch(r"[0-9A-Za-z_.-]{1,64}", request, re.ASCII)


@given(name=NAMES, body=NAMES)
def test_a_value_ends_neither_its_header_nor_its_message(name: str, body: str) -> None:
    try:
        sent = lines.sendevent("CUSTOM", {"Event-Subclass": "recorder::reply", "Recorder-Reason": name}, body)
    except SwitchOperationFailed:
        return
    head, _, rest = sent.partition(b"\n\n")
    assert rest == body.encode()
    assert [line.split(b": ")[0] for line in head.split(b"\n")[1:]] == [
        b"Event-Subclass", b"Recorder-Reason", *([b"content-length"] if body else [])]


@given(name=NAMES, number=NAMES)
def test_a_name_is_text_and_a_number_one_address_in_metadata_of_siprec(name: str, number: str) -> None:
    who = metadata.NameId(metadata.address_of_record(number, "pbx.example"), name)
    document = metadata.build(metadata.Metadata(metadata.Mode.COMPLETE, participants=(
        metadata.Participant("AAAAAAAAAAAAAAAAAAAAAA==", (who,)),)))
    read = metadata_reader.read(document)
    assert isinstance(read, metadata.Metadata)
    kept = re.sub("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", name).strip()
    assert read.participants[0].names == (metadata.NameId(who.aor, kept or None),)
    assert re.fullmatch(r"sip:([^\s@<>\"]+@)?pbx\.example", who.aor)


@given(name=NAMES)
def test_a_name_ends_no_line_of_sdp(name: str) -> None:
    line = sdp.Media(port=4, formats=(sdp.PCMU,), host="192.0.2.1", label=name or None)
    description = sdp.Description(sdp.Origin(1, 1, "192.0.2.1"), (line,), name=name or "-")
    try:
        written = sdp.build(description)
    except ValueError:
        return
    assert sdp.parse(written).media == (line,)
    assert written.count(b"\r\n") == written.count(b"\n") == 8 + bool(name)


@given(name=NAMES, other=NAMES)
def test_a_name_stays_in_its_line_of_sip_or_is_not_sent(name: str, other: str) -> None:
    digest = Digest(Credentials(name, other), lambda: "drawn")
    digest.learn(message.Response(message.Fields([("WWW-Authenticate", 'Digest realm="r", nonce="n"')]), status=401))
    (field, value), = digest.answers("INVITE", "sip:srs@192.0.2.9")
    pairs = [("Via", "SIP/2.0/UDP h;branch=z9hG4bKx"), ("From", "<sip:a@b>;tag=t"), ("To", "<sip:c@d>"), ("Call-ID",
                                                                                                          "c"),
             ("CSeq", "1 INVITE")]
    for more in ((field, value), ("Subject", name), (f"X-{name}", "x")):
        try:
            sent = message.build(message.Request(message.Fields([*pairs, more]), b"", "INVITE", "sip:c@d"))
        except ValueError:
            continue
        head, _, rest = sent.partition(b"\r\n\r\n")
        assert rest == b""
        assert head.count(b"\r\n") == head.count(b"\n") == 7
        assert not set(head.decode()) & set("\0\x1b\x07\x7f")
        read = message.read(sent)
        if more[0] == field:
            assert fields.challenges(read.fields.get(field))[0].parameters["username"] == name.strip("\0")


@given(name=NAMES)
def test_a_recording_server_s_address_is_one_uri_or_none(name: str) -> None:
    for uri in (name, f"sip:{name}", f"sip:{name}@192.0.2.9", f"sip:srs@192.0.2.9;x={name}"):
        try:
            server = Server(uri)
        except ValueError:
            continue
        pairs = [("Via", "SIP/2.0/UDP h;branch=z9hG4bKx"), ("From", "<sip:a@b>;tag=t"), ("To", f"<{server.uri}>"),
                 ("Call-ID", "c"), ("CSeq", "1 INVITE")]
        read = message.read(message.build(message.Request(message.Fields(pairs), b"", "INVITE", server.uri)))
        assert isinstance(read, message.Request)
        assert (read.uri, fields.address(read.fields.get("To")).uri) == (uri, uri)


@given(name=NAMES)
def test_a_name_stays_below_the_folder_of_finished_files(name: str) -> None:
    template = NameTemplate.load("{{year}}/{{confbridgeid}}-{{uuid}}", ZoneInfo("UTC"))
    made = template.render(at=1_700_000_000.0, uuid="0" * 36, confbridgeid=name)
    year, _, last = made.partition("/")
    assert year == "2023"
    assert "/" not in last
    assert last.isascii()
    assert os.path.normpath(made) == made
    assert not set(last) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


@given(name=NAMES)
def test_the_file_of_a_tap_has_nothing_of_the_call_in_its_name(name: str) -> None:
    story = Story(says(True))
    story.connect()
    story.rings(name)
    story.rings("bob", name)
    story.answers("bob")
    story.answers(name)
    for attach in every(Attach, story.effects):
        for file in ari_files(attach.segment, (Direction.IN, Direction.OUT)):
            assert not set(file.path) - set("abcdefghijklmnopqrstuvwxyz0123456789./-")
            assert ".." not in file.path


@example(name="'; DROP TABLE calls; --")
@settings(max_examples=10, deadline=None)
@given(name=st.sampled_from(HOSTILE))
def test_a_name_is_a_value_in_the_ledger(name: str) -> None:
    story = Story(says(True))
    story.connect()
    story.rings(name or "alice")
    story.rings("bob", name or "alice")
    with TemporaryDirectory() as folder:
        ledger = Ledger.open(Path(folder) / "ledger.db")
        with ledger.transaction() as connection:
            calls.save(connection, story.rows.values(), 1.0)
        with ledger.reading() as connection:
            assert calls.listing(connection, CallFilter()) == list(story.rows.values())
            assert calls.listing(connection, CallFilter(party=name + "'")) == []
            assert calls.listing(connection, CallFilter(rule=name + '"')) == []
        ledger.close()


@given(name=NAMES)
def test_a_name_cannot_steer_the_terminal(name: str) -> None:
    for shown in (safe(name), table(["party"], [[name]]).replace("\n", "")):
        assert all(sign.isprintable() or sign == " " for sign in shown)
        assert "\u202e" not in shown


@given(name=st.one_of(st.sampled_from(HOSTILE), st.text(alphabet=st.characters(exclude_categories=["Cs"]))))
def test_a_name_is_one_part_of_the_path_of_our_own_api(name: str) -> None:
    assert "/" not in part(name)
    assert urlsplit(f"/calls/{part(name)}").path == f"/calls/{part(name)}"


@pytest.mark.parametrize("name", HOSTILE)
def test_only_a_call_has_a_journal(name: str, tmp_path: Path) -> None:
    files = JournalFiles(tmp_path)
    with pytest.raises(JournalInvalid):
        files.path(name)
    files.stop()


@given(name=NAMES)
def test_a_conference_name_is_given_to_a_dialplan_only_if_it_is_one_plain_argument(name: str) -> None:
    if can_be_joined(name):
        assert not set(name) & set("\0\r\n,\"'\\()[]{}<>$&|;^")
        assert name == name.strip()


@given(name=NAMES)
def test_the_file_that_is_looked_for_by_a_conference_name_lies_in_its_folder(name: str) -> None:
    file = file_of(name)
    assert file is None or (os.path.dirname(f"/monitor/{file}"), os.path.normpath(f"/monitor/{file}")) == (
        "/monitor", f"/monitor/{file}")


@given(name=NAMES)
def test_a_channel_name_ends_no_name_of_a_variable(name: str) -> None:
    named = shared(f"Local/{name}@users-0000000a;1", {"RECORDER_RULE": name, "RECORDER_ID": name})
    if named is not None:
        variable, value = at_once(named)
        assert (variable.count("("), variable.count(")"), variable.count(",")) == (3, 3, 3)
        assert not set(variable) & set("[]${}\"'\\")
        assert value.count(",") == 1
        assert not set(value) & set("()[]${}\"'\\\0\r\n")


@given(text=NAMES)
def test_what_a_dialplan_took_from_a_caller_is_not_repeated_in_a_warning(text: str) -> None:
    _, wrong = options([text])
    assert all(not set(sentence) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_ ") for sentence in wrong)


@pytest.mark.parametrize("sound", [*HOSTILE, "beep&reboot", "http://x/y", "beep,tone:1004", "a:b", "beep|x"])
def test_a_sound_is_one_name_below_the_folder_of_sounds_or_refused(sound: str) -> None:
    text = json.dumps({"record": "all", "announcement": {"sound": sound}})
    try:
        announcement = parse(text, "policy.yaml").announcement
    except PolicyInvalid:
        return
    assert announcement is not None
    assert re.fullmatch(r"sound:[A-Za-z0-9_/.-]+", media(announcement)), sound
    assert ".." not in media(announcement)


def test_what_a_caller_wrote_stands_in_no_expression_of_our_dialplan() -> None:
    written = (ROOT / "dialplan" / "recorder.conf").read_text().splitlines()
    lines = [line for line in written if not line.startswith(";")]
    theirs = [line for line in lines if re.search(r"PJSIP_HEADER|CALLERID|SIP_HEADER|REDIRECTING", line)]
    assert [line.partition(",")[2] for line in theirs] == ["Set(LOCAL(said)=${PJSIP_HEADER(read,${header})})"]
    assert [line for line in lines if "${said}" in line and "FILTER(" not in line and "LEN(" not in line] == [
        ' same => n,GotoIf($[${REGEX("^(yes|no|true|false|1|0)$" ${said})} = 0]?done)',
        " same => n,Set(RECORDER_RECORD=${said})"]
    assert [line for line in lines if re.search(r"\b(System|TrySystem|Exec|EVAL|SHELL|AGI|CURL)\(", line)] == []


def test_nobody_can_dial_into_our_contexts_from_the_exchange_of_the_tests() -> None:
    ours = set(re.findall(r"^\[(recorder-[a-z]+)\]", (ROOT / "dialplan" / "recorder.conf").read_text(), re.MULTILINE))
    assert {"recorder-console", "recorder-untap", "recorder-member", "recorder-feature"} <= ours
    for file in (ROOT / "asterisk-conf").rglob("*.conf"):
        text = file.read_text()
        assert not set(re.findall(r"^include *=> *([a-z-]+)", text, re.MULTILINE)) & ours
        assert not set(re.findall(r"^(?:context|TRANSFER_CONTEXT) *= *([a-z-]+)", text, re.MULTILINE)) & ours


def test_nothing_in_the_product_speaks_to_a_shell() -> None:
    shells = ("os.system", "os.popen", "eval", "exec", "asyncio.create_subprocess_shell")
    found = []
    for path in sorted(path for room in FLOOR for path in (ROOT / room).rglob("*.py")):
        asked = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        found += [f"{path.relative_to(ROOT)}:{node.lineno}" for node in asked
                  if ast.unparse(node.func) in shells or "shell" in {keyword.arg for keyword in node.keywords}]
    assert found == []
