"""Whose permission it is: the user's, else the domain's; what it says about control by phone, about announcements."""

from __future__ import annotations

from dataclasses import dataclass

from policy.types import (
    Announcement,
    Identity,
    Level,
    Permission,
    Policy,
    RecordingControl,
    RecordingTarget,
    domain_key,
    user_key,
)


@dataclass(frozen=True, slots=True)
class Found:
    """The permission that decides for a party: where it stands (USER or DOMAIN), under which key."""

    level: Level
    key: str
    permission: Permission


def permission_of(party: Identity, policy: Policy) -> Found | None:
    """The first permission that is present for a party, which decides alone; None where neither is."""
    user = _user_of(party, policy)
    if user is not None:
        return Found(Level.USER, user, policy.users[user])
    if party.domain is not None and (domain := domain_key(party.domain)) in policy.domains:
        return Found(Level.DOMAIN, domain, policy.domains[domain])
    return None


def may_control(party: Identity, policy: Policy) -> bool:
    """Whether a party that is one of our users may control a recording by phone. One without a name may not."""
    if party.user is None:
        return False
    found = permission_of(party, policy)
    said = policy.recording_control if found is None else found.permission.recording_control
    return said is RecordingControl.ALLOW


def announcement_for(party: Identity | None, policy: Policy) -> Announcement | None:
    """What the parties of a recorded call hear of it: what the permission of this party's user says, else that of its
    domain, else what holds for all calls. A permission that says nothing of it leaves it to the next.

    Args:
        party: whom the call was decided for; None for a call that a trunk decided.
    """
    found = next((one.announcement for one in _permissions(party, policy) if one.announcement is not None),
                 policy.announcement)
    return None if found.silent else found


def target_for(party: Identity | None, policy: Policy) -> RecordingTarget:
    """Where the audio of a recorded call goes: as for announcements, the first that says something of it."""
    return next((one.recording_target for one in _permissions(party, policy) if one.recording_target is not None),
                policy.recording_target)


def _permissions(party: Identity | None, policy: Policy) -> list[Permission]:
    """The permissions of a party's user and of its domain, as far as there are any."""
    if party is None:
        return []
    user = _user_of(party, policy)
    levels = (policy.users[user] if user is not None else None,
              policy.domains.get(domain_key(party.domain)) if party.domain is not None else None)
    return [level for level in levels if level is not None]


def _user_of(party: Identity, policy: Policy) -> str | None:
    """The key of a party's own permission. The one with a domain is nearer than the bare one."""
    if party.user is None:
        return None
    if party.domain is not None and (key := user_key(party.user, party.domain)) in policy.users:
        return key
    # An @ in a user part must not make it match the permission of user@domain.
    return party.user if party.user in policy.users and "@" not in party.user else None
