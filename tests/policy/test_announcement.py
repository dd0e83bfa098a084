"""What the policy file says of announcements, and what a decision takes of it."""

from __future__ import annotations

import pytest

from faults import PolicyInvalid
from policy import Announcement, Beep, Direction, Facts, Identity, Media, decide, parse

ALICE = Identity("alice", "sales.example")
BEEP = Announcement(beep=Beep(1400, 0.5, 15))
SOUND = Announcement(sound="custom/consent", recorded=True)


def heard(text: str, *, caller: Identity = ALICE, callee: Identity | None = None,
          direction: Direction = Direction.INTERNAL) -> Announcement | None:
    """What the parties of a call hear under a policy."""
    facts = Facts(direction=direction, caller=caller, callee=callee or Identity(), offered=frozenset({Media.AUDIO}))
    return decide(facts, parse(text, "policy.yaml")).announcement


@pytest.mark.parametrize(("written", "meant"), [
    ("beep", BEEP),
    ("{beep: {}}", BEEP),
    ("{beep: }", BEEP),
    ("{beep: {hertz: 440, seconds: 1, every: 2.5}, recorded: true}", Announcement(Beep(440, 1, 2.5), recorded=True)),
    ("{sound: custom/consent, recorded: true}", SOUND),
    ("{sound: consent}", Announcement(sound="consent")),
    ("none", None),
])
def test_every_form_is_read(written: str, meant: Announcement | None) -> None:
    assert heard(f"record: all\nannouncement: {written}") == meant


def test_nothing_is_announced_unless_the_policy_says_so() -> None:
    assert heard("record: all") is None


def test_a_call_that_is_not_recorded_announces_nothing() -> None:
    assert heard("record: none\nannouncement: beep") is None


LEVELS = """\
recordIncomingPSTN: true
record: all
announcement: beep
domains:
  sales.example: {recording: {announcement: {sound: custom/consent, recorded: true}}}
  quiet.example: {recording: {announcement: none}}
users:
  bob@sales.example: {recording: {recordingType: audio}}
  carol@sales.example: {recording: {announcement: beep}}
"""


@pytest.mark.parametrize(("caller", "expected"), [
    pytest.param(Identity("alice", "sales.example"), SOUND, id="the domain's"),
    pytest.param(Identity("bob", "sales.example"), SOUND, id="the domain's, as the user's permission is silent"),
    pytest.param(Identity("carol", "sales.example"), BEEP, id="the user's"),
    pytest.param(Identity("dave", "quiet.example"), None, id="a domain that wants none"),
    pytest.param(Identity("erin", "other.example"), BEEP, id="the one at the top"),
])
def test_the_nearest_level_that_says_something_is_followed(caller: Identity, expected: Announcement | None) -> None:
    assert heard(LEVELS, caller=caller) == expected


def test_a_call_from_a_trunk_has_the_one_at_the_top() -> None:
    assert heard(LEVELS, caller=Identity("alice", "sales.example"), direction=Direction.INBOUND) == BEEP


def test_the_party_that_the_call_was_decided_for_is_asked() -> None:
    text = f"subject: callee\n{LEVELS}"
    assert heard(text, caller=Identity("dave", "quiet.example"), callee=Identity("carol", "sales.example")) == BEEP


@pytest.mark.parametrize(("written", "sentence"), [
    ("yes", "1: announcement: YAML reads 'yes' as true, which is not a value for this key; allowed: none, beep, a "
            "mapping with beep or sound"),
    ("{}", "1: announcement: must have one of these two; allowed: beep, sound"),
    ("{beep: {}, sound: a}", "1: announcement: must have one of these two; allowed: beep, sound"),
    ("{beep: {hertz: 20000}}", "1: announcement.beep.hertz: '20000' is not a value for this key; allowed: 300 to 3400"),
    ("{beep: {every: true}}", "1: announcement.beep.every: YAML reads 'true' as true, which is not a value for this "
                              "key; allowed: 1 to 3600"),
    ("{beep: {every: 1, seconds: 1}}", "1: announcement.beep: a beep must end before the next one begins: every is not "
                                       "longer than seconds"),
    ("{beep: {volume: 1}}", "1: announcement.beep.volume: is an unknown key; allowed: hertz, seconds, every"),
    ("{sound: a, recorded: 1}", "1: announcement.recorded: '1' is not a value for this key; allowed: true, false"),
    ("{sound: a, times: 1}", "1: announcement.times: is an unknown key; allowed: beep, sound, recorded"),
])
def test_a_mistake_is_told_with_its_key(written: str, sentence: str) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        parse(f"announcement: {written}", "policy.yaml")
    assert caught.value.message == f"policy.yaml:{sentence}"


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../b", "consent.wav", "http:/x", "'a,b'", "a|b", "a b",
                                  "''", "'a\\nb'", "a/", "1", "'a&b'", "'tone:440'"])
def test_a_sound_that_is_no_plain_name_is_refused(name: str) -> None:
    with pytest.raises(PolicyInvalid, match="no name of a sound"):
        parse(f"announcement: {{sound: {name}}}", "policy.yaml")
