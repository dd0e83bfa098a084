"""Channels that wait for their decision: what their dialplan said, and which of them are in our application."""

import pytest

from ari_app.generated.events import ChannelUserevent
from ari_app.generated.models import CallerID, Channel, DialplanCEP
from ari_app.names import snoop_id
from ari_app.stasis import asks, caught, options
from recorder.model import Direction


def channel(app: str, data: str, identity: str = "1.1") -> Channel:
    return Channel(id=identity, name="PJSIP/a-1", state="Ring", protocol_id="x", accountcode="", creationtime=1.0,
                   language="en", caller=CallerID(name="", number=""), connected=CallerID(name="", number=""),
                   dialplan=DialplanCEP(context="users", exten="300", priority=1, app_name=app, app_data=data))


@pytest.mark.parametrize(("arguments", "choice", "wrong"), [
    ((), None, []),
    (("record=yes",), True, []),
    ((" Record = NO ",), False, []),
    (("record=yes", "record=no"), False, []),
    (("record",), None, ["record is neither yes nor no"]),
    (("record=maybe",), None, ["record is neither yes nor no"]),
    (("colour=red", "record=1"), True, ["there is no option colour"]),
    (("4929",), None, ["there is no option of that name"]),
])
def test_an_argument_is_a_choice_or_is_said_to_be_none(
        arguments: tuple[str, ...], choice: bool | None, wrong: list[str]) -> None:
    assert options(arguments) == (choice, wrong)


@pytest.mark.parametrize(("one", "here"), [
    (channel("Stasis", "recorder"), True),
    (channel("Stasis", "recorder,record=yes"), True),
    (channel("Stasis", "recorder2"), False),
    (channel("Dial", "recorder"), False),
    (channel("Stasis", "recorder", snoop_id("a.0", Direction.IN)), False),
])
def test_a_channel_is_caught_where_its_dialplan_sent_it_into_our_application(one: Channel, here: bool) -> None:
    assert caught(one, "recorder") is here


@pytest.mark.parametrize(("name", "action", "asked"), [
    ("RecorderControl", "decide", True), ("RecorderControl", "pause", False), ("Other", "decide", False)])
def test_a_userevent_asks_for_the_decision(name: str, action: str, asked: bool) -> None:
    event = ChannelUserevent(application="recorder", timestamp=1.0, eventname=name, userevent={"action": action})
    assert asks(event) is asked
