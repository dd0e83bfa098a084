"""Whether a call is recorded, and why.

The rules: a call that comes in from a trunk is decided by ``recordIncomingPSTN`` alone. For any other call
the permission of the subject's user decides, else that of the subject's domain, else the system default; the
first of them that is present decides alone. A conference is decided as its caller's call would be, unless
``conferences`` leaves it out. What the policy wants and the switch cannot do is an obstacle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from policy.permissions import announcement_for, permission_of, target_for
from policy.types import (
    Conference,
    ConferenceNames,
    Decision,
    Direction,
    Facts,
    Level,
    Media,
    Permission,
    Policy,
    RecordingProfile,
    RecordingTarget,
    RecordingType,
    Subject,
)

_RULES: Mapping[Level, str] = {
    Level.TRUNK: "recordIncomingPSTN",
    Level.USER: "user",
    Level.DOMAIN: "domain",
    Level.SYSTEM: "system",
    Level.CONFERENCE: "conferences",
    Level.SWITCH: "obstacle",
}

_OBSTACLES: Mapping[str, str] = {
    "bypass_media": "its media do not pass through the switch (bypass_media)",
    "proxy_media": "the switch passes its media on unread (proxy_media)",
}

_NOTHING: frozenset[Media] = frozenset()


@dataclass(frozen=True, slots=True)
class _Finding:
    """What one rule says about a call: the media it records, and the clause that says why."""

    media: frozenset[Media]
    because: str
    level: Level
    profile: RecordingProfile | None = None
    subject: Subject | None = None


def decide(facts: Facts, policy: Policy) -> Decision:
    """Decide one call. The same facts and policy always give the same decision."""
    if facts.conference is not None and not _may_be_recorded(facts.conference, policy.conferences):
        finding = _Finding(_NOTHING, "the conference is none of those that `conferences` names", Level.CONFERENCE)
    elif facts.direction is Direction.INBOUND:
        finding = _of_trunk(facts, policy)
    elif policy.subject is Subject.ANY:
        finding = _of_either(facts, policy)
    else:
        finding = _of_party(policy.subject, facts, policy)
    if finding.media and facts.obstacle is not None:
        return _obstructed(finding, facts.obstacle)
    outcome = f"{_listed(finding.media)} recorded" if finding.media else "the call is not recorded"
    overruled = facts.requested not in (None, bool(finding.media)) and finding.profile is not RecordingProfile.OPTIONAL
    because = f"{finding.because}, whatever the caller asks" if overruled else finding.because
    decision = _decision(finding, finding.media, finding.level, f"{because}, so {outcome}")
    if not decision.record:
        return decision
    party = {Subject.CALLER: facts.caller, Subject.CALLEE: facts.callee}.get(decision.subject or Subject.ANY)
    # A recording server takes two parties; a conference has a track for each member, and its mix.
    target = target_for(party, policy) if facts.conference is None else RecordingTarget.WAV
    return replace(decision, announcement=announcement_for(party, policy), target=target)


def _may_be_recorded(conference: Conference, listed: ConferenceNames | None) -> bool:
    return listed is None or conference.name in listed.names or conference.profile in listed.profiles


def _of_trunk(facts: Facts, policy: Policy) -> _Finding:
    because = "the call comes in from a trunk and recordIncomingPSTN is "
    if not policy.record_incoming_pstn:
        return _Finding(_NOTHING, because + "false", Level.TRUNK)
    if not facts.offered:
        return _Finding(_NOTHING, because + "true, but it offers no media", Level.TRUNK)
    return _Finding(facts.offered, because + "true", Level.TRUNK)


def _of_either(facts: Facts, policy: Policy) -> _Finding:
    """Both parties are asked; the first that records is the one that decides, and the other may add media."""
    caller = _of_party(Subject.CALLER, facts, policy)
    callee = _of_party(Subject.CALLEE, facts, policy)
    first, other = (callee, caller) if callee.media and not caller.media else (caller, callee)
    media = first.media | other.media
    # The other party is told of where its word counts: it adds media, or both had to be silent.
    because = f"{first.because}, and {other.because}" if media != first.media or not media else first.because
    return _Finding(media, because, first.level, first.profile, first.subject)


def _of_party(subject: Subject, facts: Facts, policy: Policy) -> _Finding:
    """What the first level says that has something to say about one party, CALLER or CALLEE."""
    party = facts.caller if subject is Subject.CALLER else facts.callee
    found = permission_of(party, policy)
    if found is not None:
        whose = f"the {subject}" + ("'s domain" if found.level is Level.DOMAIN else "") + _named(found.key)
        return _of_permission(found.permission, whose, found.level, subject, facts)
    because = f"neither the {subject} nor the {subject}'s domain has a permission and the system default is "
    media, because = _offered(policy.record.media, because + policy.record.value, facts)
    return _Finding(media, because, Level.SYSTEM, None, subject)


def _of_permission(permission: Permission, whose: str, level: Level, subject: Subject, facts: Facts) -> _Finding:
    profile, kind = permission.recording_profile, permission.recording_type
    because = f"the permission of {whose} "
    media = _NOTHING
    if profile is RecordingProfile.SKIP:
        because += "says skip"
    elif kind is RecordingType.NONE:
        because += "records none of the media"
    elif profile is RecordingProfile.OPTIONAL and facts.requested is not True:
        silent = "did not" if facts.requested is None else "declined"
        because += f"records only if the caller asks for it, and the caller {silent}"
    else:
        wanted = f"{kind.value} media" if kind is RecordingType.ALL else kind.value
        because += (
            f"always records {wanted}"
            if profile is RecordingProfile.ALWAYS
            else f"records {wanted} if the caller asks for it, and the caller did"
        )
        if profile is RecordingProfile.OPTIONAL and facts.scarce:
            because += ", but the disk is nearly full"
        else:
            media, because = _offered(kind.media, because, facts)
    return _Finding(media, because, level, profile, subject)


def _offered(wanted: frozenset[Media], because: str, facts: Facts) -> tuple[frozenset[Media], str]:
    """What of the wanted media the call offers; where that is nothing, the clause says so."""
    if not wanted or wanted & facts.offered:
        return wanted & facts.offered, because
    offered = f"offers {_names(facts.offered)} only" if facts.offered else "offers no media"
    return _NOTHING, f"{because}, but the call {offered}"


def _obstructed(finding: _Finding, obstacle: str) -> Decision:
    cannot = _OBSTACLES.get(obstacle, f"the switch reports an obstacle{_named(obstacle)}")
    wanted = f"the policy wanted {_names(finding.media)}, for {finding.because}"
    reason = f"the call cannot be recorded because {cannot}; {wanted}"
    return _decision(finding, _NOTHING, Level.SWITCH, reason)


def _decision(finding: _Finding, media: frozenset[Media], level: Level, reason: str) -> Decision:
    sentence = f"{reason[0].upper()}{reason[1:]}."
    return Decision(bool(media), media, level, _RULES[level], finding.profile, finding.subject, sentence)


def _names(media: frozenset[Media]) -> str:
    return " and ".join(kind.value for kind in Media if kind in media)


def _listed(media: frozenset[Media]) -> str:
    return f"{_names(media)} {'is' if len(media) == 1 else 'are'}"


def _named(key: str) -> str:
    """A name for a sentence, after a space; empty for what may be a number, and for odd signs.

    The sentence reaches logs and channel variables: a name with any digit could be somebody's number.
    """
    return f" {key}" if all(sign.isalpha() or sign in "@._-" for sign in key) else ""
