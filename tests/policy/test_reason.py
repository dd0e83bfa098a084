"""The sentence of a decision: what a person reads, and what must never stand in it."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import (
    Decision,
    Direction,
    Facts,
    Identity,
    Media,
    Permission,
    Policy,
    RecordingProfile,
    RecordingType,
    Subject,
    SystemDefault,
    decide,
)

AUDIO = frozenset({Media.AUDIO})
BOTH = frozenset(Media)
ALICE = Identity("alice", "sales.example")
BOB = Identity("bob", "support.example")

ALL = Permission()
AUDIO_ONLY = Permission(RecordingType.AUDIO)
VIDEO_ONLY = Permission(RecordingType.VIDEO)
NO_MEDIA = Permission(RecordingType.NONE)
OPTIONAL = Permission(recording_profile=RecordingProfile.OPTIONAL)
SKIP = Permission(recording_profile=RecordingProfile.SKIP)


def outbound(
    policy: Policy,
    offered: frozenset[Media] = AUDIO,
    requested: bool | None = None,
    obstacle: str | None = None,
) -> Decision:
    return decide(Facts(Direction.OUTBOUND, ALICE, BOB, offered, requested, obstacle), policy)


@pytest.mark.parametrize(
    ("permission", "offered", "requested", "reason"),
    [
        (ALL, BOTH, None, "always records all media, so audio and video are recorded."),
        (ALL, AUDIO, None, "always records all media, so audio is recorded."),
        (
            VIDEO_ONLY,
            AUDIO,
            None,
            "always records video, but the call offers audio only, so the call is not recorded.",
        ),
        (
            ALL,
            frozenset(),
            None,
            "always records all media, but the call offers no media, so the call is not recorded.",
        ),
        (NO_MEDIA, BOTH, None, "records none of the media, so the call is not recorded."),
        (SKIP, BOTH, True, "says skip, whatever the caller asks, so the call is not recorded."),
        (ALL, AUDIO, False, "always records all media, whatever the caller asks, so audio is recorded."),
        (
            OPTIONAL,
            AUDIO,
            None,
            "records only if the caller asks for it, and the caller did not, so the call is not recorded.",
        ),
        (
            OPTIONAL,
            AUDIO,
            False,
            "records only if the caller asks for it, and the caller declined, so the call is not recorded.",
        ),
        (
            OPTIONAL,
            AUDIO,
            True,
            "records all media if the caller asks for it, and the caller did, so audio is recorded.",
        ),
    ],
)
def test_a_permission_explains_itself(
    permission: Permission, offered: frozenset[Media], requested: bool | None, reason: str
) -> None:
    of_user = outbound(Policy(users={"alice@sales.example": permission}), offered, requested)
    of_domain = outbound(Policy(domains={"sales.example": permission}), offered, requested)
    assert of_user.reason == f"The permission of the caller alice@sales.example {reason}"
    assert of_domain.reason == f"The permission of the caller's domain sales.example {reason}"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (SystemDefault.NONE, "none, so the call is not recorded."),
        (SystemDefault.AUDIO, "audio, so audio is recorded."),
        (SystemDefault.ALL, "all, so audio is recorded."),
        (SystemDefault.VIDEO, "video, but the call offers audio only, so the call is not recorded."),
    ],
)
def test_the_system_default_says_that_nobody_had_a_permission(record: SystemDefault, reason: str) -> None:
    who = "Neither the caller nor the caller's domain has a permission and the system default is"
    assert outbound(Policy(record=record)).reason == f"{who} {reason}"


@pytest.mark.parametrize(
    ("pstn", "offered", "reason"),
    [
        (True, BOTH, "true, so audio and video are recorded."),
        (True, frozenset(), "true, but it offers no media, so the call is not recorded."),
        (False, BOTH, "false, so the call is not recorded."),
    ],
)
def test_a_trunk_names_its_key(pstn: bool, offered: frozenset[Media], reason: str) -> None:
    decision = decide(Facts(Direction.INBOUND, ALICE, BOB, offered), Policy(record_incoming_pstn=pstn))
    assert decision.reason == f"The call comes in from a trunk and recordIncomingPSTN is {reason}"


@pytest.mark.parametrize(
    ("obstacle", "cannot"),
    [
        ("bypass_media", "its media do not pass through the switch (bypass_media)"),
        ("proxy_media", "the switch passes its media on unread (proxy_media)"),
        ("on_fire", "the switch reports an obstacle on_fire"),
        ("+15551230000", "the switch reports an obstacle"),
    ],
)
def test_an_obstacle_says_what_the_policy_wanted(obstacle: str, cannot: str) -> None:
    decision = outbound(Policy(users={"alice@sales.example": ALL}), obstacle=obstacle)
    assert decision.reason == (
        f"The call cannot be recorded because {cannot}; the policy wanted audio, "
        "for the permission of the caller alice@sales.example always records all media."
    )


def test_an_obstacle_is_not_spoken_of_where_the_policy_wanted_nothing() -> None:
    policy = Policy(users={"alice@sales.example": SKIP})
    assert outbound(policy, obstacle="bypass_media") == outbound(policy)


ALICES = "The permission of the caller alice@sales.example"
BOBS = "the permission of the callee bob@support.example"


@pytest.mark.parametrize(
    ("caller", "callee", "reason"),
    [
        (
            AUDIO_ONLY,
            VIDEO_ONLY,
            f"{ALICES} always records audio, and {BOBS} always records video, so audio and video are recorded.",
        ),
        (ALL, VIDEO_ONLY, f"{ALICES} always records all media, so audio and video are recorded."),
        (SKIP, VIDEO_ONLY, f"T{BOBS[1:]} always records video, so video is recorded."),
        (SKIP, SKIP, f"{ALICES} says skip, and {BOBS} says skip, so the call is not recorded."),
    ],
)
def test_under_any_the_sentence_names_whoever_mattered(caller: Permission, callee: Permission, reason: str) -> None:
    policy = Policy(subject=Subject.ANY, users={"alice@sales.example": caller, "bob@support.example": callee})
    assert outbound(policy, BOTH).reason == reason


@pytest.mark.parametrize(
    ("user", "domain"),
    [
        ("+15551230000", "sales.example"),
        ("200", "sales.example"),
        ("alice", "192.0.2.7"),
        ("al\"ice'", "sales.example"),
        ("alice", "sales;example"),
        ("tél٣", "sales.example"),
    ],
)
def test_what_may_be_a_number_or_has_odd_signs_is_not_named(user: str, domain: str) -> None:
    policy = Policy(users={f"{user}@{domain}": ALL})
    reason = decide(Facts(Direction.INTERNAL, Identity(user, domain), BOB, AUDIO), policy).reason
    assert reason == "The permission of the caller always records all media, so audio is recorded."


def test_a_name_in_any_script_is_named() -> None:
    policy = Policy(users={"zoë": ALL})
    reason = decide(Facts(Direction.INTERNAL, Identity("zoë"), BOB, AUDIO), policy).reason
    assert reason.startswith("The permission of the caller zoë ")


words = st.text(max_size=12)


@given(
    user=words,
    domain=words,
    obstacle=st.none() | words,
    named=st.booleans(),
    direction=st.sampled_from(Direction),
)
def test_no_reason_holds_a_digit_or_a_sign_that_could_end_a_line(
    user: str, domain: str, obstacle: str | None, named: bool, direction: Direction
) -> None:
    key = f"{user}@{domain.lower()}"
    policy = Policy(record_incoming_pstn=True, record=SystemDefault.ALL, users={key: ALL} if named else {})
    facts = Facts(direction, Identity(user, domain), Identity(domain, user), AUDIO, True, obstacle)
    reason = decide(facts, policy).reason
    assert not any(sign.isnumeric() for sign in reason)
    assert reason.isprintable()
    assert not set('"<>\\%$`|&{}') & set(reason)


def test_every_reason_is_one_sentence_with_a_capital_and_a_full_stop() -> None:
    permissions = [None, ALL, AUDIO_ONLY, VIDEO_ONLY, NO_MEDIA, OPTIONAL, SKIP]
    for mine, theirs, subject in itertools.product(permissions, permissions, Subject):
        own = {"alice@sales.example": mine, "bob@support.example": theirs}
        policy = Policy(subject=subject, users={key: value for key, value in own.items() if value is not None})
        for obstacle in (None, "proxy_media"):
            reason = outbound(policy, AUDIO, None, obstacle).reason
            assert reason[0].isupper()
            assert reason.endswith(".")
            assert ". " not in reason


@pytest.mark.parametrize(("profile", "recorded", "reason"), [
    (RecordingProfile.ALWAYS, True, "always records audio, so audio is recorded."),
    (RecordingProfile.OPTIONAL, False, "records audio if the caller asks for it, and the caller did, but the disk is "
                                       "nearly full, so the call is not recorded.")])
def test_a_disk_that_is_nearly_full_takes_optional_recordings_and_no_others(
    profile: RecordingProfile, recorded: bool, reason: str
) -> None:
    policy = Policy(users={"alice@sales.example": Permission(RecordingType.AUDIO, profile)})
    decision = decide(Facts(Direction.OUTBOUND, ALICE, BOB, AUDIO, True, scarce=True), policy)
    assert decision.record is recorded
    assert decision.reason == f"The permission of the caller alice@sales.example {reason}"
