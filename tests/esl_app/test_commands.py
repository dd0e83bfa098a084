"""Custom events that ask for a pause, a resume, a start or a stop."""

from __future__ import annotations

import pytest

from esl_app.commands import Asker, asked, asks_for_status
from esl_app.messages import Event
from esl_app.translate import Translator
from recorder.effects import Answer, Reply
from recorder.events import ActorKind, Asked, Verb
from recorder.model import Then
from tests.esl_app import captures
from tests.esl_app.replay import SPOOL, plain
from tests.recorder.story import SWITCH

TARGET = "11111111-2222-3333-4444-555555555555"


def request(headers: dict[str, str]) -> Asked | None:
    """What such a custom event asks for."""
    return asked(plain({"Event-Name": "CUSTOM", **headers}), SWITCH, 5.0)


def test_a_real_session_asks_three_times() -> None:
    translator = Translator(SWITCH, SPOOL)
    told = [happened for event in captures.events("custom_recorder_pause") for happened in translator.translate(event)]
    assert [event for event in told if isinstance(event, Asked)] == [
        Asked(switch=SWITCH, at=1795231791.171018, sequence=4187, request="579e9e53-a88b-45c7-8074-46d09db30421",
              verb=Verb.PAUSE, target=TARGET, actor=ActorKind.OPERATOR, owner="operator", reason="pci"),
        Asked(switch=SWITCH, at=1795231791.171018, sequence=4188, request="32cd4c04-b9a0-45e9-bd2c-bdc1c2241224",
              verb=Verb.PAUSE, target=TARGET, actor=ActorKind.OPERATOR, owner="operator"),
        Asked(switch=SWITCH, at=1795231791.171018, sequence=4191, request="7fc5189f-e7bb-4a3f-b649-23c155eabb7e",
              verb=Verb.PAUSE, target=TARGET, actor=ActorKind.OPERATOR, owner="operator", reason="pci")]


@pytest.mark.parametrize("verb", Verb)
def test_the_dialplan_asks_for_its_own_channel(verb: Verb) -> None:
    found = request({"Event-Subclass": f"recorder::{verb.value}", "Unique-ID": "a", "Recorder-Owner": "ivr"})
    assert found is not None
    assert (found.verb, found.target, found.actor, found.actor_leg, found.owner) == (
        verb, "a", ActorKind.DIALPLAN, "a", "ivr")


def test_a_party_asks_by_a_feature_code() -> None:
    found = request({"Event-Subclass": "recorder::pause", "Unique-ID": "a", "Recorder-Actor": "party"})
    assert found is not None
    assert (found.actor, found.actor_leg) == (ActorKind.PARTY, "a")


def test_nobody_without_a_channel_can_claim_to_be_a_party() -> None:
    found = request({"Event-Subclass": "recorder::pause", "Recorder-Call": TARGET, "Recorder-Actor": "party"})
    assert found is not None
    assert found.actor is ActorKind.OPERATOR


def test_a_script_gives_owner_and_reason_as_arguments() -> None:
    found = request({"Event-Subclass": "recorder::command", "Recorder-Verb": "resume", "Recorder-Call": TARGET,
                     "Recorder-Arg-1": "reason=card paid", "Recorder-Arg-2": "owner=agent"})
    assert found is not None
    assert (found.verb, found.reason, found.owner) == (Verb.RESUME, "card paid", "agent")


@pytest.mark.parametrize("headers", [
    {"Event-Subclass": "recorder::pause", "Unique-ID": "a", "Recorder-Server": "second"},
    {"Event-Subclass": "recorder::command", "Recorder-Verb": "pause", "Recorder-Call": TARGET,
     "Recorder-Arg-1": "server=second"},
])
def test_one_recording_server_may_be_meant(headers: dict[str, str]) -> None:
    found = request(headers)
    assert found is not None
    assert found.server == "second"


def test_what_can_be_no_servers_name_gets_no_further_and_does_not_mean_everything() -> None:
    found = request({"Event-Subclass": "recorder::stop", "Unique-ID": "a", "Recorder-Server": "4111111111111111"})
    assert found is not None
    assert found.server == "?"


def test_a_request_without_an_id_is_named_by_its_event() -> None:
    found = request({"Event-Subclass": "recorder::pause", "Unique-ID": "a"})
    assert found is not None
    assert found.request == "core.7"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a\nb", "é"])
def test_a_request_whose_id_is_none_is_named_by_its_event(given: str) -> None:
    found = request({"Event-Subclass": "recorder::pause", "Unique-ID": "a", "Recorder-Request-ID": given})
    assert found is not None
    assert found.request == "core.7"


@pytest.mark.parametrize("headers", [
    {"Event-Subclass": "recorder::pause"},
    {"Event-Subclass": "recorder::command", "Recorder-Call": TARGET},
    {"Event-Subclass": "recorder::command", "Recorder-Call": TARGET, "Recorder-Verb": "erase"},
    {"Event-Subclass": "recorder::erase", "Unique-ID": "a"},
    {"Event-Subclass": "recorder::reply", "Unique-ID": "a"},
    {"Event-Subclass": "other::pause", "Unique-ID": "a"},
    {},
])
def test_what_is_no_request_asks_for_nothing(headers: dict[str, str]) -> None:
    assert request(headers) is None


def reply(answer: Answer = Answer.CONFIRMED) -> Reply:
    return Reply(request="r", answer=answer, message="paused")


def script(**headers: str) -> Event:
    return plain({"Event-Name": "CUSTOM", "Event-Subclass": "recorder::command",
                  **{name.replace("_", "-"): value for name, value in headers.items()}})


@pytest.mark.parametrize(("ticket", "word"), [("7", "confirmed 7"), ("", "confirmed"), ("x", "confirmed"),
                                              ("1234567", "confirmed"), ("7 8", "confirmed")])
def test_the_dialplan_reads_its_ticket_in_the_answer(ticket: str, word: str) -> None:
    asker = Asker(plain({"Event-Name": "CUSTOM", "Unique-ID": "a", "Recorder-Ticket": ticket}))
    assert (asker.channel, asker.word(reply())) == ("a", word)


def test_a_script_that_gave_no_id_gets_no_answer() -> None:
    assert Asker(script()).line(reply()) is None
    assert Asker(script(Recorder_Request_ID="a b")).line(reply()) is None
    assert Asker(script(Recorder_Request_ID="s-1")).line(reply(Answer.FORCED)) == (
        b"sendevent CUSTOM\nEvent-Subclass: recorder::reply\nRecorder-Request-ID: s-1\nRecorder-Answer: forced\n"
        b"Recorder-Message: paused\n\n")


def test_only_a_script_gets_the_table() -> None:
    assert asks_for_status(script(Recorder_Verb="status"))
    assert not asks_for_status(script(Recorder_Verb="pause"))
    assert not asks_for_status(plain({"Event-Name": "CUSTOM", "Event-Subclass": "recorder::status"}))


@pytest.mark.parametrize(("longest", "seconds"), [("30", 30.0), ("", None), ("soon", None), ("0", None), ("-1", None),
                                                  ("nan", None), ("inf", None)])
def test_a_pause_may_have_a_longest_time_and_what_follows_it(longest: str, seconds: float | None) -> None:
    found = request({"Event-Subclass": "recorder::pause", "Unique-ID": "a", "Recorder-Longest": longest,
                     "Recorder-Then": "stop"})
    assert found is not None
    assert (found.longest, found.then) == (seconds, Then.STOP)


@pytest.mark.parametrize("then", ["", "resume", "erase"])
def test_a_pause_is_followed_by_a_resume_unless_it_says_stop(then: str) -> None:
    found = request({"Event-Subclass": "recorder::pause", "Unique-ID": "a", "Recorder-Then": then})
    assert found is not None
    assert found.then is Then.RESUME
