"""Never: digits, card numbers, tokens or audio reach a log, an error report, the journal or the ledger.

What a caller presses comes as DTMF events, as variables of a menu, and as the extension that a menu goes to. None of
these is taken in. What is taken in (numbers, names, reasons) is masked before it is written anywhere but in its row.
"""

from __future__ import annotations

import dataclasses
import io
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.commands import asked, asker_of
from ari_app.decode import decode
from ari_app.generated.events import EVENTS as ARI_EVENTS
from ari_app.generated.events import ChannelUserevent
from esl_app import translate
from esl_app.messages import Event
from recorder import records
from recorder.effects import EFFECTS, Answer, Reply
from recorder.events import EVENTS, ActorKind, Announced, Asked, CallEvent, LegGone, LegIs, TapFailed, Verb
from recorder.model import Call, Leg
from recorder.states import PlaybackInput
from service import logs, redact, reports
from service.journal_files import JournalFiles
from service.settings import LogLevel
from service.status import Status
from siprec_app.authentication import Credentials
from siprec_app.protocol import crypto
from siprec_app.protocol.negotiation import CODECS, Stream, agreement, offer
from siprec_app.protocol.sdp import PCMU, Origin, parse
from siprec_app.server import Server as RecordingServer
from tests.ari_app.fake_asterisk import CHANNEL
from tests.ari_app.fake_asterisk import event as arrives
from tests.recorder.story import SWITCH, Story, says
from tests.siprec_app.peer import Peer
from tests.siprec_app.recording import recording
from tests.siprec_app.sdp_answers import ANSWER
from tests.siprec_app.talk import BOTH

CARD = "4111111111111111"
CARDS = st.text("0123456789", min_size=8, max_size=19)
TOKENS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=8, max_size=40).filter(
    lambda token: token not in "password" and token not in "Authorization")


def shown(text: str, secret: str) -> bool:
    """Whether more of a number than its last three digits can be read."""
    return any(secret[start:start + 5] in text for start in range(len(secret) - 4))


def test_what_a_caller_presses_is_no_event_of_ours() -> None:
    assert [name for name in ARI_EVENTS if "dtmf" in name.lower()] == []
    assert [name for name in translate.EVENTS if "dtmf" in name.lower()] == []
    pressed = {"type": "ChannelDtmfReceived", "digit": "4", "duration_ms": 100, "channel": {"id": "1.0"}}
    assert decode(json.dumps(pressed)) is None


def test_the_variables_of_a_menu_are_not_read() -> None:
    variable = {"variable": "CARD_NUMBER", "value": CARD, "type": "ChannelVarset"}
    assert decode(json.dumps(variable, separators=(",", ":"))) is None
    assert decode(json.dumps({"type": "ChannelVarset", "value": CARD, "variable": "CARD_NUMBER"})) is None


def test_a_digit_on_freeswitch_becomes_no_event_and_no_repr_shows_it() -> None:
    event = Event(fields={"event-name": "DTMF", "unique-id": "a", "dtmf-digit": CARD, "event-sequence": "1",
                          "event-date-timestamp": "1700000000000000"}, quoted=False)
    assert translate.Translator(SWITCH, "/spool").translate(event) == ()
    assert CARD not in repr(event)


def test_the_extension_that_a_menu_goes_to_does_not_replace_what_was_dialled() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    for state in (replace(story.legs["alice"], dialled="100"), replace(story.legs["alice"], dialled=CARD)):
        story.receive(LegIs(switch=SWITCH, at=story.at, sequence=story.next_sequence(), leg=state))
    assert story.row().legs[0].dialled == "100"
    assert CARD not in json.dumps(records.of_call(story.row()))


def texts(secret: str) -> list[CallEvent]:
    """Everything with a text that a caller or a dialplan can choose, holding a secret."""
    leg = Leg(id="1.0", name="PJSIP/alice", dialled=secret, party=replace(Leg(id="", name="").party,
              number=secret, name=f"Alice {secret}", user=secret), context=secret)
    return [LegIs(switch=SWITCH, at=1.0, leg=leg), LegGone(switch=SWITCH, at=1.0, leg="1.0", cause=f"pressed {secret}"),
            TapFailed(switch=SWITCH, at=1.0, segment="a.0", cause=f"{secret}: refused"),
            Asked(switch=SWITCH, at=1.0, request="r", verb=Verb.PAUSE, target="1.0", actor=ActorKind.PARTY,
                  reason=f"card {secret}", owner=f"ivr {secret}"),
            Asked(switch=SWITCH, at=1.0, request="r", verb=Verb.STOP, target=f"Local/{secret}@menu",
                  actor=ActorKind.OPERATOR),
            Announced(switch=SWITCH, at=1.0, announcement="a.a0", news=PlaybackInput.FAILS, cause=secret)]


def test_what_a_dialplan_writes_beside_its_question_goes_no_further() -> None:
    body = {"action": "pause", "owner": "ivr", "reason": f"card {CARD}", "card": CARD, "longest": CARD, "ticket": CARD,
            "channel": CARD}
    event = decode(arrives("ChannelUserevent", eventname="RecorderControl", channel=CHANNEL,
                           userevent={"eventname": "RecorderControl", **body}))
    assert isinstance(event, ChannelUserevent)
    told = asked(event, SWITCH, 1)
    assert told is not None
    assert not shown(json.dumps(records.of_event(told)), CARD)
    asker = asker_of(event)
    assert asker is not None
    word = asker.word(Reply(request=told.request, answer=Answer.CONFIRMED, message=""))
    assert (asker.channel, word) == (CHANNEL["name"], "confirmed")


def test_what_the_switches_console_shows_has_no_reason_and_no_number_that_was_asked_for() -> None:
    story = Story(says(True))
    story.talk()
    status = Status(SWITCH)
    asking = Asked(switch=SWITCH, at=1.0, request="r", verb=Verb.PAUSE, target=CARD, actor=ActorKind.OPERATOR,
                   owner="ivr", reason=f"card {CARD}")
    status.asked(asking)
    status.answered(Reply(request="r", answer=Answer.REFUSED, message="no call"), 1.0)
    story.receive(replace(asking, target="alice"))
    told = status.text(status.body([story.row()]), 1.0)
    assert "paused by ivr" in told
    assert "card" not in told
    assert not shown(told, CARD)


@settings(max_examples=60, deadline=None)
@given(secret=CARDS)
def test_the_journal_masks_numbers_wherever_they_stand(secret: str) -> None:
    with TemporaryDirectory() as folder:
        files = JournalFiles(Path(folder))
        call = "00000000-0000-5000-8000-000000000000"
        for event in texts(secret):
            files.write(call, partial(dict, event=records.of_event(event)))
        files.stop()
        assert not shown(files.path(call).read_text().replace(call, ""), secret)


@given(secret=CARDS, before=st.sampled_from(["", "card ", "x=", '"', "tel:+"]))
def test_an_error_report_masks_numbers(secret: str, before: str) -> None:
    report: Any = {"message": before + secret, "extra": {"dialled": secret, "note": [before + secret]},
                   "exception": {"values": [{"value": f"no such leg {secret}"}]}, "user": {"id": secret}}
    assert not shown(json.dumps(reports.scrubbed(report, {})), secret)


@given(token=TOKENS, shape=st.sampled_from(
    ["Bearer {}", "password={}", "token: {}", "http://me:{}@host/", "api_key={}"]))
def test_no_text_keeps_a_token(token: str, shape: str) -> None:
    assert token not in redact.text(shape.format(token))
    kept = redact.plain({"password": token, "Authorization": f"Basic {token}"})
    assert isinstance(kept, dict)
    assert token not in json.dumps(list(kept.values()))


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    logs.set_up(LogLevel.DEBUG, None, stream)
    yield stream
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    for handler in before:
        root.addHandler(handler)
    root.setLevel(level)
    structlog.reset_defaults()


def test_the_log_masks_ours_and_everybody_elses_lines(log: io.StringIO) -> None:
    structlog.get_logger("driver").info(f"dialled {CARD}", number=CARD, event_of=texts(CARD))
    logging.getLogger("aiohttp.client").error("GET /channels/%s Authorization: Bearer %s", CARD, "s3cr3t-t0ken")
    try:
        raise ValueError(f"no channel {CARD}")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("failed")
    assert log.getvalue().count("\n") == 3
    assert not shown(log.getvalue(), CARD)
    assert "s3cr3t" not in log.getvalue()


def test_no_event_effect_or_row_can_hold_audio() -> None:
    holders = {*EVENTS, *EFFECTS, Call, Leg}
    fields = [field for holder in holders for field in dataclasses.fields(holder)]
    assert [field.name for field in fields if "bytes" in str(field.type) or "ndarray" in str(field.type).lower()] == []


def test_a_key_of_srtp_is_in_no_repr_of_what_a_session_does() -> None:
    key = crypto.Crypto(1, crypto.Suite.AES_80, b"k" * crypto.KEY_LENGTH)
    offered = offer(Origin(1, 1, "192.0.2.1"), [Stream("1", 4, crypto=(key,))], [PCMU])
    answered = parse(b"c=IN IP4 192.0.2.9\nm=audio 6 RTP/SAVP 0\na=crypto:" + crypto.build(key).encode())
    text = repr([offered, answered, agreement(offered, answered)])
    assert agreement(offered, answered).flows
    assert not {secret for secret in ("kkkk", "a2tr") if secret in text}


async def test_no_key_name_number_or_password_of_a_recording_session_is_logged() -> None:
    """A whole session with a challenge, a pause, an error and the end, with every line that is logged of it."""
    key = crypto.Crypto(1, crypto.Suite.AES_80, b"k" * crypto.KEY_LENGTH)
    streams = tuple(replace(stream, crypto=(key,)) for stream in BOTH)
    theirs = ANSWER.replace("RTP/AVP", "RTP/SAVP").replace("a=recvonly",
                                                           "a=crypto:" + crypto.build(key) + "\r\na=recvonly")
    with structlog.testing.capture_logs() as logged:
        async with Peer() as peer, recording(RecordingServer(peer.uri, credentials=Credentials("user7",
                                                                                               "s3cret"))) as session:
            session.want(streams)
            invite = await peer.request("INVITE")
            assert b"Anna" in invite.body
            assert b"4930123" in invite.body
            peer.answers(invite, 401, ("WWW-Authenticate", 'Digest realm="r", nonce="n0nce"'))
            await peer.request("ACK")
            peer.answers(await peer.request("INVITE"), 200, body=theirs)
            await peer.request("ACK")
            await session.until(lambda: session.flowing)
            session.pause()
            peer.answers(await peer.request("INVITE"), 488, ("Warning", '399 srs "Anna is 4930123"'))
            peer.asks(invite, "BYE", 1, "Reason: SIP;text=Anna")
            await peer.response(200)
            await session.client.closed()
    text = f"{logged} {invite!r} {peer.uri}"
    assert len(logged) > 8
    assert not [secret for secret in ("Anna", "4930123", "kkkk", "a2tr", "s3cret", "user7", "n0nce") if secret in text]


def test_digits_are_no_format_that_a_recording_server_is_offered() -> None:
    assert {"PCMU", "PCMA"} == CODECS
