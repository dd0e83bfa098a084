"""Every combination of facts and policy, against the tables."""

import itertools
from collections.abc import Iterator

import pytest

from policy import (
    Decision,
    Direction,
    Facts,
    Identity,
    Level,
    Permission,
    Policy,
    RecordingProfile,
    Subject,
    SystemDefault,
    decide,
)
from tests.policy.tables import (
    EITHER,
    LEVEL,
    MEDIA,
    OFFERS,
    PERMISSION_RECORDS,
    PERMISSIONS,
    PSTN_RECORDS,
    SYSTEM_RECORDS,
    UNION,
)

CALLER = Identity("alice", "sales.example")
CALLEE = Identity("bob", "support.example")
PARTIES = {"caller": CALLER, "callee": CALLEE}

NOT_INBOUND = (Direction.OUTBOUND, Direction.INTERNAL)
REQUESTS = (None, False, True)
OBSTACLES = (None, "bypass_media")
MAYBE: list[Permission | None] = [None, *PERMISSIONS]

Own = tuple[Permission | None, Permission | None]
"""The permission of a party's user and the one of its domain."""

EVERY_OWN: list[Own] = list(itertools.product(MAYBE, MAYBE))
FIRST_OWN: list[Own] = [(None, None), *((p, None) for p in PERMISSIONS), *((None, p) for p in PERMISSIONS)]
"""One of each way in which a party can be decided; what stands below the first is no matter."""


def policy_of(
    *,
    subject: str = "caller",
    pstn: bool = False,
    record: str = "none",
    caller: Own = (None, None),
    callee: Own = (None, None),
) -> Policy:
    own = {"alice@sales.example": caller[0], "bob@support.example": callee[0]}
    domains = {"sales.example": caller[1], "support.example": callee[1]}
    return Policy(
        record_incoming_pstn=pstn,
        record=SystemDefault(record),
        subject=Subject(subject),
        users={name: permission for name, permission in own.items() if permission is not None},
        domains={name: permission for name, permission in domains.items() if permission is not None},
    )


def facts_of(direction: Direction, offer: str, requested: bool | None = None, obstacle: str | None = None) -> Facts:
    return Facts(direction, CALLER, CALLEE, MEDIA[offer], requested, obstacle)


def tabled(own: Own, record: str, requested: bool | None, offer: str) -> tuple[str, str, str | None]:
    """What the tables say for one party: the cell, the level, the profile."""
    level = LEVEL[own[0] is not None, own[1] is not None]
    permission = {"user": own[0], "domain": own[1], "system": None}[level]
    if permission is None:
        return SYSTEM_RECORDS[record, offer], level, None
    profile = permission.recording_profile.value
    return PERMISSION_RECORDS[permission.recording_type.value, profile, requested, offer], level, profile


def check(decision: Decision, cell: str, level: str, profile: str | None, who: str | None, obstacle: bool) -> None:
    rules = {"trunk": "recordIncomingPSTN", "user": "user", "domain": "domain", "system": "system"}
    rule = rules[level]
    if obstacle and cell != "-":
        cell, level, rule = "-", "switch", "obstacle"
    seen = (
        decision.record,
        decision.media,
        decision.level,
        decision.rule,
        decision.profile,
        decision.subject,
    )
    assert seen == (cell != "-", MEDIA[cell], level, rule, profile, who)
    assert decision.reason.endswith(f"{'is' if len(cell) == 1 else 'are'} recorded." if cell != "-" else ".")


def each_call() -> Iterator[tuple[Direction, str, bool | None, str | None]]:
    return itertools.product(NOT_INBOUND, OFFERS, REQUESTS, OBSTACLES)


@pytest.mark.parametrize("record", list(SystemDefault))
@pytest.mark.parametrize("who", ["caller", "callee"])
def test_a_call_that_does_not_come_from_a_trunk_is_decided_by_one_party(who: str, record: str) -> None:
    for own in EVERY_OWN:
        # recordIncomingPSTN is on: it must not touch these calls.
        policy = policy_of(subject=who, record=record, pstn=True, caller=own, callee=own)
        for direction, offer, requested, obstacle in each_call():
            cell, level, profile = tabled(own, record, requested, offer)
            decision = decide(facts_of(direction, offer, requested, obstacle), policy)
            check(decision, cell, level, profile, who, obstacle is not None)


@pytest.mark.parametrize("record", list(SystemDefault))
def test_under_any_a_call_is_recorded_if_either_party_says_so(record: str) -> None:
    for caller, callee in itertools.product(FIRST_OWN, FIRST_OWN):
        policy = policy_of(subject="any", record=record, caller=caller, callee=callee)
        for offer, requested, obstacle in itertools.product(OFFERS, REQUESTS, OBSTACLES):
            says = {
                "caller": tabled(caller, record, requested, offer),
                "callee": tabled(callee, record, requested, offer),
            }
            who = EITHER[says["caller"][0] != "-", says["callee"][0] != "-"]
            cell = UNION[says["caller"][0], says["callee"][0]]
            decision = decide(facts_of(Direction.INTERNAL, offer, requested, obstacle), policy)
            check(decision, cell, says[who][1], says[who][2], who, obstacle is not None)


@pytest.mark.parametrize("subject", list(Subject))
@pytest.mark.parametrize("pstn", [False, True])
def test_a_call_from_a_trunk_is_decided_by_record_incoming_pstn_alone(pstn: bool, subject: str) -> None:
    for own, record in itertools.product(EVERY_OWN, SystemDefault):
        policy = policy_of(subject=subject, pstn=pstn, record=record, caller=own, callee=own)
        for offer, requested, obstacle in itertools.product(OFFERS, (None, True), OBSTACLES):
            decision = decide(facts_of(Direction.INBOUND, offer, requested, obstacle), policy)
            check(decision, PSTN_RECORDS[str(pstn), offer], "trunk", None, None, obstacle is not None)


@pytest.mark.parametrize("subject", ["caller", "callee"])
def test_the_party_that_is_not_the_subject_has_no_say(subject: str) -> None:
    mine: Own = (Permission(), None)
    for theirs in EVERY_OWN:
        own = {"caller": mine, "callee": theirs} if subject == "caller" else {"caller": theirs, "callee": mine}
        decision = decide(
            facts_of(Direction.INTERNAL, "a"),
            policy_of(subject=subject, caller=own["caller"], callee=own["callee"]),
        )
        assert (decision.record, decision.subject) == (True, subject)


def test_without_any_policy_nothing_is_recorded() -> None:
    for direction, offer in itertools.product(Direction, OFFERS):
        assert not decide(facts_of(direction, offer, True), Policy()).record


ALWAYS = Permission()
SKIP = Permission(recording_profile=RecordingProfile.SKIP)


@pytest.mark.parametrize(
    ("identity", "level"),
    [
        (Identity("alice", "sales.example"), Level.USER),
        (Identity("alice", "SALES.Example"), Level.USER),
        (Identity("Alice", "sales.example"), Level.DOMAIN),
        (Identity("alice", "other.example"), Level.SYSTEM),
        (Identity("alice", None), Level.SYSTEM),
        (Identity(None, "Sales.Example"), Level.DOMAIN),
        (Identity(None, None), Level.SYSTEM),
        (Identity("", ""), Level.SYSTEM),
        (Identity("bob", None), Level.USER),
        (Identity("bob", "other.example"), Level.USER),
        (Identity("bob", "sales.example"), Level.USER),
        (Identity("BOB", None), Level.SYSTEM),
        (Identity("alice@sales.example", None), Level.SYSTEM),
        (Identity("alice@sales.example", "other.example"), Level.SYSTEM),
    ],
)
def test_users_match_exactly_and_domains_in_any_case(identity: Identity, level: Level) -> None:
    policy = Policy(
        users={"alice@sales.example": ALWAYS, "bob": ALWAYS},
        domains={"sales.example": ALWAYS},
    )
    facts = Facts(Direction.INTERNAL, identity, CALLEE, MEDIA["a"])
    assert decide(facts, policy).level is level


def test_a_user_with_domain_is_nearer_than_the_bare_user() -> None:
    policy = Policy(users={"bob@sales.example": ALWAYS, "bob": SKIP})
    recorded = {
        domain: decide(Facts(Direction.INTERNAL, Identity("bob", domain), CALLEE, MEDIA["a"]), policy).record
        for domain in ("sales.example", "other.example", None)
    }
    assert recorded == {"sales.example": True, "other.example": False, None: False}
