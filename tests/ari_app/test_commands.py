"""What is asked through Asterisk: by the dialplan, by a feature code, on its console."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.commands import Asker, asked, asker_of, helper_channel
from ari_app.decode import decode
from ari_app.generated.events import ChannelUserevent
from ari_app.translate import translate
from recorder.effects import Answer, Reply
from recorder.events import ActorKind, LegIs, Verb, owner_is_valid
from recorder.model import LegKind
from tests.ari_app.fake_asterisk import CHANNEL, event

CARD = "4111111111111111"


def says(name: str = "RecorderControl", *, channel: str = "PJSIP/alice-00000001", mark: str = "",
         **fields: str) -> ChannelUserevent:
    """A UserEvent of the dialplan on a channel."""
    body = {**CHANNEL, "name": channel, "channelvars": {"RECORDER_PAUSE": mark}}
    decoded = decode(event("ChannelUserevent", eventname=name, userevent={"eventname": name, **fields}, channel=body))
    assert isinstance(decoded, ChannelUserevent)
    return decoded


def reply(request: str, answer: Answer = Answer.CONFIRMED) -> Reply:
    return Reply(request=request, answer=answer, message="")


def test_the_dialplan_asks_for_its_own_channel_whatever_it_writes() -> None:
    told = asked(says(action="pause", channel="1.99", target="1.99", type="x", owner="cards", reason="a card",
                      longest="30"), "main", 7)
    assert told is not None
    assert (told.verb, told.target, told.actor, told.actor_leg) == (Verb.PAUSE, "1.1", ActorKind.DIALPLAN, None)
    assert (told.owner, told.reason, told.longest, told.sequence) == ("cards", "a card", 30.0, 7)


def test_a_feature_code_is_a_party_on_that_channel() -> None:
    told = asked(says(action="pause", by="feature"), "main", 7)
    assert told is not None
    assert (told.actor, told.actor_leg, told.owner) == (ActorKind.PARTY, "1.1", "agent")


@pytest.mark.parametrize("verb", list(Verb))
def test_each_action_is_a_verb(verb: Verb) -> None:
    told = asked(says(action=verb.value), "main", 1)
    assert told is not None
    assert (told.verb, told.owner) == (verb, "ivr")


@pytest.mark.parametrize("verb", list(Verb))
def test_one_recording_server_may_be_meant(verb: Verb) -> None:
    told = asked(says(action=verb.value, server=" second"), "main", 1)
    assert told is not None
    assert told.server == "second"
    console = asked(says("PJSIP/bob-00000002", channel=f"Local/{verb.value}@recorder-console-0000000a;1",
                         server="second"), "main", 1)
    assert console is not None
    assert (console.target, console.server) == ("PJSIP/bob-00000002", "second")


@pytest.mark.parametrize("name", [CARD, "Second", f"main{CARD}", "a b", "x" * 33, "\n"])
def test_what_can_be_no_servers_name_gets_no_further_and_does_not_mean_everything(name: str) -> None:
    told = asked(says(action="stop", server=name), "main", 1)
    assert told is not None
    assert told.server == ("?" if name.strip() else "")


@pytest.mark.parametrize("unknown", [says("Other", action="pause"), says(action="erase"), says()])
def test_other_events_ask_for_nothing(unknown: ChannelUserevent) -> None:
    assert asked(unknown, "main", 1) is None


@pytest.mark.parametrize("longest", ["", "soon", "0", "-1", "nan", "inf", "1e9"])
def test_what_is_no_time_does_not_end_a_pause(longest: str) -> None:
    told = asked(says(action="pause", longest=longest), "main", 1)
    assert told is not None
    assert told.longest is None


def test_a_card_number_in_the_reason_gets_no_further_than_this() -> None:
    told = asked(says(action="pause", reason=f"card {CARD}\n" + "x" * 500), "main", 1)
    assert told is not None
    assert not any(sign.isdigit() for sign in told.reason)
    assert len(told.reason) <= 120
    assert told.reason.isprintable()


@given(st.text(max_size=40))
def test_an_owners_name_holds_nobodys_number(name: str) -> None:
    if owner_is_valid(name):
        assert name.isascii()
        assert len(name) <= 32
        assert sum(sign.isdigit() for sign in name) < 5 or not name.replace("-", "").isdigit()
    assert not owner_is_valid(f"a{CARD}")


def test_whoever_asks_becomes_known_and_its_mark_is_seen() -> None:
    (told,) = translate(says(action="pause", mark="ivr"), "main", 1)
    assert isinstance(told, LegIs)
    assert (told.leg.id, told.leg.pausing, told.leg.kind) == ("1.1", "ivr", LegKind.PARTY)


def test_the_console_names_the_channel_and_is_nobodys_leg() -> None:
    told = says("PJSIP/bob-00000002", channel="Local/pause@recorder-console-0000000a;1")
    question = asked(told, "main", 1)
    assert question is not None
    assert (question.verb, question.target, question.actor) == (Verb.PAUSE, "PJSIP/bob-00000002", ActorKind.OPERATOR)
    assert translate(told, "main", 1) == []


@pytest.mark.parametrize("channel", [
    "Local/pause@recorder-console@users-0000000a;1", "PJSIP/pause@recorder-console-0000000a;1",
    "Local/pause@recorder-console-0000000a;2", "Local/erase@recorder-console-0000000a;1"])
def test_another_channel_does_not_pass_for_the_console(channel: str) -> None:
    assert asked(says("PJSIP/bob-00000002", channel=channel), "main", 1) is None


def test_an_answer_goes_to_the_channel_that_asked_with_its_ticket() -> None:
    asker = asker_of(says(action="pause", ticket="12"))
    assert asker is not None
    assert (asker.channel, asker.word(reply("1.1/7"))) == ("PJSIP/alice-00000001", "confirmed 12")


@pytest.mark.parametrize("ticket", ["", "x", "1)=y", "1234567"])
def test_a_ticket_is_a_small_number(ticket: str) -> None:
    assert asker_of(says(action="pause", ticket=ticket)) == Asker("PJSIP/alice-00000001", "")
    assert Asker("PJSIP/alice-00000001", "").word(reply("1.1/7", Answer.FORCED)) == "forced"


def test_the_fields_of_an_event_do_not_show_in_a_repr() -> None:
    assert CARD not in json.dumps(repr(says(action="pause", reason=CARD)))


@pytest.mark.parametrize(("name", "nobodys"), [
    ("Local/pause@recorder-console-0000000a;1", True), ("Local/1763733157.12@recorder-untap-0000000a;2", True),
    ("Local/0@recorder-untap-0000000a;1@users-0000000b;1", False),
    ("Local/1@users@recorder-console-x-0000000b;1", False),
    ("Local/x@recorder-console-@users-0000000b;2", False), ("PJSIP/a@recorder-untap-0000000a;1", False)])
def test_no_name_that_a_caller_dials_makes_a_leg_nobodys(name: str, nobodys: bool) -> None:
    assert helper_channel(name) is nobodys
