"""Which conferences are recorded: by the policy of who opens them, and only those that are listed, if any are."""

import pytest

from policy import Conference, ConferenceNames, Decision, Direction, Facts, Identity, Level, Media, Policy, decide
from policy.types import SystemDefault

LISTED = ConferenceNames(names=frozenset({"8001"}), profiles=frozenset({"recorded"}))


def decision(conference: Conference | None, listed: ConferenceNames | None, *,
             direction: Direction = Direction.INTERNAL, pstn: bool = False) -> Decision:
    facts = Facts(direction, Identity("alice"), Identity(), frozenset({Media.AUDIO}), conference=conference)
    return decide(facts, Policy(record=SystemDefault.AUDIO, record_incoming_pstn=pstn, conferences=listed))


def test_without_a_list_a_conference_is_decided_as_its_callers_call() -> None:
    assert decision(Conference("8001"), None) == decision(None, None)


@pytest.mark.parametrize(("conference", "recorded"), [
    (Conference("8001", "default_bridge"), True),
    (Conference("8002", "recorded"), True),
    (Conference("8002", "default_bridge"), False),
    (Conference("", ""), False),
])
def test_with_a_list_only_those_in_it_are_recorded(conference: Conference, recorded: bool) -> None:
    assert decision(conference, LISTED).record is recorded


def test_one_that_is_left_out_says_so() -> None:
    left_out = decision(Conference("8002"), LISTED)
    assert (left_out.level, left_out.rule, left_out.subject) == (Level.CONFERENCE, "conferences", None)
    assert "`conferences`" in left_out.reason
    assert "8002" not in left_out.reason


def test_a_call_is_no_conference() -> None:
    assert decision(None, ConferenceNames()).record


@pytest.mark.parametrize("pstn", [True, False])
def test_a_trunk_that_opens_a_listed_one_is_decided_by_the_rule_for_trunks(pstn: bool) -> None:
    found = decision(Conference("8001"), LISTED, direction=Direction.INBOUND, pstn=pstn)
    assert (found.record, found.rule) == (pstn, "recordIncomingPSTN")
