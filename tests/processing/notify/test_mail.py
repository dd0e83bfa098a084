"""Mails go to the owner of a recording, in their language and time, over a protected way, and hold nothing of a caller
but a plain number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faults import ReceiverDeclined, ReceiverRefused, ReceiverUnreachable
from ledger import recordings
from ledger.deliveries import Status
from ledger.tables import Json
from policy.types import Person, Subject
from processing.notify.mail import Letter, Mail, Server, compose
from processing.notify.notice import ENDS, Notice
from processing.notify.owner import owner
from processing.notify.web import trust
from recorder.model import Party
from recorder.states import RecordingState
from tests.certificates import Authority
from tests.mailserver import PASSWORD, USER, MailServer
from tests.processing.notify.telling import Told, between, nothing, notice_of, silent_server
from tests.processing.scene import Scene

ALICE = Party(number="101", name="Alice", user="alice", domain="voice.example")
OUTSIDE = Party(number="+49301234567", name="Eve", user="eve", domain="evil.example")
LETTER = Letter(sender="recordings@voice.example", language="en", zone=ZoneInfo("UTC"))
PEOPLE = {"alice@voice.example": Person("alice@mail.example", "de", "Europe/Berlin"),
          "bob": Person("bob@mail.example")}
NOW = 1_700_000_200.0


@pytest.fixture(scope="module")
def notice(tmp_path_factory: pytest.TempPathFactory) -> Notice:
    return notice_of(Scene(tmp_path_factory.mktemp("scene"), seconds=0.5))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("certificates") / "authority")


@pytest_asyncio.fixture
async def server(authority: Authority) -> AsyncIterator[MailServer]:
    async with MailServer(authority) as running:
        yield running


def channel(port: int, authority: Authority, *, tls: bool = False, start_tls: bool = True, host: str = "localhost",
            user: str | None = USER, password: str | None = PASSWORD, people: Mapping[str, Person] = PEOPLE,
            seconds: float = 10.0, states: frozenset[RecordingState] = frozenset(RecordingState)) -> Mail:
    at = Server(host=host, port=port, tls=tls, start_tls=start_tls, context=trust(authority.certificate), user=user,
                password=password, seconds=seconds)
    return Mail(at, LETTER, lambda: people, states=states, clock=lambda: NOW)


async def test_the_owner_gets_a_mail_over_starttls_from_a_server_that_wants_a_password(
        notice: Notice, authority: Authority, server: MailServer) -> None:
    assert await channel(server.port, authority).send(notice, nothing()) == "sent"
    (taken,) = server.mails
    assert (taken.sender, taken.recipients, taken.tls, taken.user) == (
        "recordings@voice.example", ["alice@mail.example"], True, USER)
    assert taken.message["To"] == "alice@mail.example"


async def test_tls_from_the_first_byte_on(notice: Notice, authority: Authority) -> None:
    async with MailServer(authority, tls=True) as server:
        await channel(server.port, authority, tls=True, start_tls=False).send(notice, nothing())
    assert server.mails[0].tls


async def test_a_server_without_starttls_gets_neither_password_nor_mail(notice: Notice, authority: Authority) -> None:
    async with MailServer(authority, plain=True) as server:
        with pytest.raises(ReceiverUnreachable):
            await channel(server.port, authority).send(notice, nothing())
    assert server.mails == []


async def test_a_certificate_that_is_not_trusted_gets_neither_password_nor_mail(
        notice: Notice, authority: Authority, server: MailServer, tmp_path: Path) -> None:
    other = Authority.make(tmp_path / "other")
    with pytest.raises(ReceiverUnreachable):
        await channel(server.port, other).send(notice, nothing())
    assert server.mails == []


async def test_a_wrong_password_is_tried_again_later_and_told_to_nobody(notice: Notice, authority: Authority,
                                                                        server: MailServer) -> None:
    with pytest.raises(ReceiverRefused, match="refuses our user and password") as raised:
        await channel(server.port, authority, password="hunter2-wrong").send(notice, nothing())
    assert "hunter2" not in str(raised.value.as_dict())


@pytest.mark.parametrize(("replies", "fault"), [
    ({"alice@mail.example": "550 5.1.1 no such user"}, ReceiverDeclined),
    ({"alice@mail.example": "450 4.2.0 greylisted"}, ReceiverRefused),
    ({"DATA": "554 5.7.1 spam, said eve@evil.example"}, ReceiverDeclined),
    ({"DATA": "451 4.3.0 later"}, ReceiverRefused),
], ids=["unknown", "greylisted", "spam", "busy"])
async def test_a_reply_that_is_final_is_not_tried_again(replies: dict[str, str], fault: type[Exception], notice: Notice,
                                                        authority: Authority) -> None:
    async with MailServer(authority, replies=replies) as server:
        with pytest.raises(fault) as raised:
            await channel(server.port, authority).send(notice, nothing())
    assert "eve" not in str(raised.value)


async def test_a_mail_that_was_put_off_is_sent_later_and_the_recording_was_ready_all_the_time(
        authority: Authority, tmp_path: Path) -> None:
    later = {"alice@mail.example": "450 4.2.0 greylisted"}
    async with MailServer(authority, replies=later) as server:
        told = Told(Scene(tmp_path, seconds=0.5), channel(server.port, authority, states=ENDS))
        told.finished()
        async with told.running():
            await told.look()
            await told.until(lambda: [one.status for one in told.deliveries()] == [Status.WAITING]
                             and told.deliveries()[0].attempts == 1)
            with told.ledger.reading() as connection:
                kept = recordings.get(connection, told.scene.recording)
            assert kept.recording.state is RecordingState.READY
            later.clear()
            told.scene.clock.now += 5
            await told.until(lambda: [one.note for one in told.deliveries()] == ["sent"])
        told.close()
    assert [taken.recipients for taken in server.mails] == [["alice@mail.example"]]


async def test_a_server_that_says_nothing_is_left(notice: Notice, authority: Authority) -> None:
    async with silent_server() as port, asyncio.timeout(20):
        with pytest.raises(ReceiverUnreachable):
            await channel(port, authority, seconds=0.3).send(notice, nothing())


async def test_a_user_without_an_address_is_told_by_nobody(notice: Notice, authority: Authority) -> None:
    assert "no address" in await channel(9, authority, people={}).send(notice, nothing())


async def test_the_bare_user_has_an_address_too(notice: Notice, authority: Authority, server: MailServer) -> None:
    bob = Party(user="bob", domain="voice.example")
    await channel(server.port, authority).send(between(notice, OUTSIDE, bob, trunk="caller"), nothing())
    assert server.mails[0].recipients == ["bob@mail.example"]


async def test_a_call_between_strangers_has_no_owner(notice: Notice, authority: Authority) -> None:
    strangers = between(notice, OUTSIDE, Party(number="0815"), trunk="caller")
    assert "none of our users" in await channel(9, authority).send(strangers, nothing())


def test_the_owner_is_the_party_whose_permission_decided(notice: Notice) -> None:
    decision = notice.kept.call.decision
    assert decision is not None
    bob = Party(user="bob", domain="voice.example")
    both = between(notice, ALICE, bob, decision=replace(decision, subject=Subject.CALLEE))
    leg = owner(both.kept.call)
    assert leg is not None
    assert leg.party.user == "bob"


def test_the_mail_is_in_the_owners_language_and_time_zone(notice: Notice) -> None:
    german = compose(notice, PEOPLE["alice@voice.example"], LETTER, now=NOW)
    assert german["Subject"] == "Aufnahme Ihres Gesprächs vom 14.11.2023, 23:13 Uhr (CET)"
    assert german["Content-Language"] == "de"
    text = german.get_content()
    assert "Ihr Gespräch wurde aufgenommen." in text
    assert f"Sie finden sie hier: https://recordings.example/{notice.kept.recording.id}" in text
    english = compose(notice, PEOPLE["bob"], LETTER, now=NOW)
    assert english["Subject"] == "Recording of your call of 2023-11-14 22:13 (UTC)"
    assert "Length: 0 min" in english.get_content()


def test_a_language_that_there_is_not_becomes_the_one_of_the_settings(notice: Notice) -> None:
    assert compose(notice, Person("x@y.example", "tlh"), LETTER, now=NOW)["Content-Language"] == "en"
    assert compose(notice, Person("x@y.example", "de-CH"), LETTER, now=NOW)["Content-Language"] == "de"


def test_without_a_link_there_is_no_line_about_one(notice: Notice) -> None:
    text = compose(replace(notice, link=None), PEOPLE["bob"], LETTER, now=NOW).get_content()
    assert "find it" not in text
    assert text.rstrip().endswith(notice.kept.recording.id)


@pytest.mark.parametrize(("state", "said"), [(RecordingState.INCOMPLETE, "something of it is missing"),
                                             (RecordingState.FAILED, "could not be finished")])
def test_each_end_has_words_of_its_own(state: RecordingState, said: str, notice: Notice) -> None:
    result: dict[str, Json] = {**(notice.kept.result or {}), "reasons": ["Two seconds are missing."]}
    told = replace(notice, state=state, kept=replace(notice.kept, result=result))
    assert said in compose(told, PEOPLE["bob"], LETTER, now=NOW).get_content()


def test_the_same_notice_has_the_same_message_id_and_no_machine_answers_it(notice: Notice) -> None:
    first, second = (compose(notice, PEOPLE["bob"], LETTER, now=NOW + later) for later in (0, 60))
    assert first["Message-ID"] == second["Message-ID"] == f"<{notice.id}@voice.example>"
    assert first["Auto-Submitted"] == "auto-generated"


NASTY = st.text(max_size=60) | st.sampled_from([
    "x\r\nBcc: everybody@voice.example", "=?utf-8?q?=0d=0aBcc=3a_x?=", "\u2028Bcc: x", "a@b, c@d", "<script>",
    "\x00", ".\r\n", "http://evil.example/pay", "{link}", "{0}", "%s"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=NASTY, number=NASTY, user=NASTY, domain=NASTY)
def test_whatever_a_caller_is_called_no_header_changes_and_no_link_appears(name: str, number: str, user: str,
                                                                           domain: str, notice: Notice) -> None:
    def told(caller: Party) -> tuple[bytes, str]:
        called = between(notice, caller, ALICE, trunk="caller")
        message = compose(called, PEOPLE["alice@voice.example"], LETTER, now=NOW)
        return message.as_bytes().partition(b"\r\n\r\n")[0], message.get_content()

    headers, text = told(Party(number=number, name=name, user=user, domain=domain))
    expected, _ = told(Party(number="1"))
    assert headers == expected
    assert text.count("://") == text.count("https://recordings.example/") == 1
    assert all(line.isprintable() for line in text.splitlines())
