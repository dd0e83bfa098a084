"""A channel's headers as a Leg: who it is, where it came in, and what cannot be tapped."""

from __future__ import annotations

import pytest

from esl_app.legs import leg_of
from esl_app.names import tap_leg
from recorder.model import Direction, Leg, LegKind, LegState, Party
from tests.esl_app import captures
from tests.esl_app.replay import plain


def leg(headers: dict[str, str]) -> Leg:
    """The leg of an event with these headers."""
    found = leg_of(plain({"Event-Name": "CHANNEL_CREATE", "Unique-ID": "a", **headers}))
    assert found is not None
    return found


def test_the_caller_of_a_trunk_call() -> None:
    event = next(item for item in captures.events("trunk_call_record_mask") if item.name == "CHANNEL_CREATE")
    assert leg_of(event) == Leg(
        id="42fa6f73-966e-4950-b369-6cb297329a04", name="sofia/internal/+15551230000@127.0.0.1:5068",
        party=Party(number="+15551230000", name="Trunk Caller"), dialled="5001", context="public", profile="internal",
        sip_call_id="1-14589@127.0.0.1", created=1795232667.211020)


def test_the_leg_that_the_switch_dialled() -> None:
    event = next(item for item in captures.events("trunk_call_record_mask") if item.name == "CHANNEL_ANSWER")
    found = leg_of(event)
    assert found is not None
    assert found.origin == "42fa6f73-966e-4950-b369-6cb297329a04"
    assert found.party == Party(number="agent2")
    assert (found.state, found.answered) == (LegState.UP, 1795232667.711016)


def test_a_dialled_leg_does_not_inherit_the_context_that_may_make_a_trunk() -> None:
    event = [item for item in captures.events("trunk_call_record_mask") if item.name == "CHANNEL_CREATE"][1]
    assert event.header("Caller-Context") == "public"
    found = leg_of(event)
    assert found is not None
    assert found.context == ""


def test_who_called_is_what_the_directory_says_and_not_what_the_caller_says() -> None:
    assert leg({"Caller-Username": "boss", "variable_user_name": "1000", "variable_domain_name": "a.example"}).party \
        == Party(user="1000", domain="a.example")
    assert leg({"Caller-Username": "boss"}).party.user is None


def test_a_dialled_user_is_known_by_the_directory() -> None:
    found = leg({"Call-Direction": "outbound", "variable_dialed_user": "1001", "variable_dialed_domain": "a.example",
                 "variable_user_name": "1000"})
    assert (found.party.user, found.party.domain) == ("1001", "a.example")


def test_a_gateway_is_named() -> None:
    assert leg({"variable_sip_gateway_name": "carrier"}).gateway == "carrier"
    assert leg({"variable_sip_gateway": "carrier"}).gateway == "carrier"


def test_a_loopback_half_is_no_party() -> None:
    assert leg({"Channel-Name": "loopback/5000-a"}).kind is LegKind.LOCAL


def test_a_leg_of_ours_is_no_party_and_a_caller_who_names_its_channel_so_is_one() -> None:
    ours = {"Unique-ID": tap_leg("62845b84-d9ed-5784-808f-185821b7f8c1.0", Direction.IN)}
    assert leg({**ours, "Call-Direction": "outbound"}).kind is LegKind.OWN
    assert leg({**ours, "Call-Direction": "inbound"}).kind is LegKind.PARTY
    assert leg({"Unique-ID": "phonograph.x.in", "Call-Direction": "outbound"}).kind is LegKind.PARTY


@pytest.mark.parametrize("obstacle", ["bypass_media", "proxy_media"])
def test_a_leg_without_media_cannot_be_tapped(obstacle: str) -> None:
    assert leg({f"variable_{obstacle}": "true"}).obstacle == obstacle
    assert leg({f"variable_{obstacle}": "false"}).obstacle is None


@pytest.mark.parametrize("said", ["", "0", "x", "-5", "9" * 5000, "٣"])
def test_a_time_that_is_no_time_is_not_known(said: str) -> None:
    assert leg({"Caller-Channel-Created-Time": said}).created is None


def test_an_event_about_no_channel_has_no_leg() -> None:
    assert leg_of(plain({"Event-Name": "HEARTBEAT"})) is None


@pytest.mark.parametrize(("said", "choice"), [("yes", True), ("false", False), ("perhaps", None), ("", None)])
def test_what_the_dialplan_says_of_the_wish_to_be_recorded(said: str, choice: bool | None) -> None:
    assert leg({"variable_recorder_record": said}).choice is choice


def test_a_pause_that_the_dialplan_has_marked_stays_on_its_leg() -> None:
    assert leg({"variable_recorder_pause": "ivr&agent"}).pausing == "ivr&agent"
    assert leg({}).pausing == ""


@pytest.mark.parametrize(("application", "status", "queued"), [
    ("fifo", "WAITING", True), ("fifo", "TALKING", False), ("bridge", "WAITING", False)])
def test_a_leg_that_waits_in_a_queue_says_so(application: str, status: str, queued: bool) -> None:
    assert leg({"variable_current_application": application, "variable_fifo_status": status}).queued is queued


PAST = {"variable_bypass_media": "true", "variable_signal_bond": "b"}


@pytest.mark.parametrize(("headers", "obstacle"), [
    ({"variable_bypass_media": "true"}, "bypass_media"),
    ({**PAST, "variable_signal_bridge_to": "b"}, "bypass_media"),
    (PAST, None),
    ({**PAST, "variable_signal_bridge_to": "b", "Other-Type": "originator"}, None),
    ({"variable_bypass_media_after_bridge": "true", "variable_signal_bond": "b"}, "bypass_media"),
    ({"variable_bypass_media_after_bridge": "true", "variable_signal_bond": "b",
      "variable_transfer_source": "1:u:uuid_br:b"}, None)])
def test_media_that_have_come_back_are_no_obstacle(headers: dict[str, str], obstacle: str | None) -> None:
    assert leg(headers).obstacle == obstacle
