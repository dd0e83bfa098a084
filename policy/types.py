"""The words of the policy: what a permission is, what is known of a call, and what was decided.

The values of the enums are the words of the policy file, of the REST answers and of the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Media(StrEnum):
    """One kind of media that a call can carry."""

    AUDIO = "audio"
    VIDEO = "video"


class RecordingType(StrEnum):
    """Which media a permission records."""

    ALL = "all"
    VIDEO = "video"
    AUDIO = "audio"
    NONE = "none"

    @property
    def media(self) -> frozenset[Media]:
        """The media that this type records where the call offers them."""
        return _MEDIA[self.value]


class RecordingProfile(StrEnum):
    """When a permission records: always, when the caller asks for it, or never."""

    ALWAYS = "always"
    OPTIONAL = "optional"
    SKIP = "skip"


class RecordingControl(StrEnum):
    """Whether a party may control the recording of its calls by phone: start, stop, pause and resume."""

    ALLOW = "allow"
    DENY = "deny"


class RecordingTarget(StrEnum):
    """Where the audio of a recorded call goes: into WAV files, to a recording server by SIPREC, or both."""

    WAV = "wav"
    SIPREC = "siprec"
    BOTH = "both"

    @property
    def on_server(self) -> bool:
        """Whether a recording server is to have it."""
        return self is not RecordingTarget.WAV


class SystemDefault(StrEnum):
    """What ``record`` says: the media that are recorded where neither user nor domain has a permission."""

    NONE = "none"
    ALL = "all"
    VIDEO = "video"
    AUDIO = "audio"

    @property
    def media(self) -> frozenset[Media]:
        """The media that this default records where the call offers them."""
        return _MEDIA[self.value]


_MEDIA: Mapping[str, frozenset[Media]] = {
    "all": frozenset(Media),
    "video": frozenset({Media.VIDEO}),
    "audio": frozenset({Media.AUDIO}),
    "none": frozenset(),
}


class Subject(StrEnum):
    """Whose permission is looked at. In a decision it is one party, CALLER or CALLEE, never ANY."""

    CALLER = "caller"
    CALLEE = "callee"
    ANY = "any"


class Direction(StrEnum):
    """Where a call comes from and goes to, seen from our users."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


class Level(StrEnum):
    """Where a decision was made."""

    TRUNK = "trunk"
    USER = "user"
    DOMAIN = "domain"
    SYSTEM = "system"
    CONFERENCE = "conference"
    """The policy names which conferences are recorded, and this one is not among them."""
    SWITCH = "switch"
    """The policy wanted to record, and the switch cannot."""


@dataclass(frozen=True, slots=True)
class Beep:
    """A short tone that comes again and again while a call is recorded. ``hertz``: how high. ``seconds``: how long.
    ``every``: seconds from one beginning to the next. The defaults are those of the FCC's beep (47 CFR 64.501)."""

    hertz: int = 1400
    seconds: float = 0.5
    every: float = 15.0


@dataclass(frozen=True, slots=True)
class Announcement:
    """How the parties of a recorded call hear of it: by a beep, by a sound once, or not at all.

    Attributes:
        sound: the name of a sound that the switch has.
        recorded: whether the recording has the announcement in it.
    """

    beep: Beep | None = None
    sound: str | None = None
    recorded: bool = False

    @property
    def silent(self) -> bool:
        """Whether nothing is announced."""
        return self.beep is None and self.sound is None


@dataclass(frozen=True, slots=True)
class Permission:
    """What one user or one domain is recorded with. ``announcement``, ``recording_target``: None leaves it to whoever
    is asked next."""

    recording_type: RecordingType = RecordingType.ALL
    recording_profile: RecordingProfile = RecordingProfile.ALWAYS
    recording_control: RecordingControl = RecordingControl.ALLOW
    announcement: Announcement | None = None
    recording_target: RecordingTarget | None = None

    def as_dict(self) -> dict[str, str]:
        """What is recorded, under its documented names, as in the policy file and the REST answers."""
        return {
            "recordingType": self.recording_type.value,
            "recordingProfile": self.recording_profile.value,
        }


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a party is, as far as the switch knows. None: unknown."""

    user: str | None = None
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class Conference:
    """What a conference is called, and its profile in the switch's configuration; empty: unknown."""

    name: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a call when it is decided.

    Attributes:
        direction: from :func:`policy.trunks.direction_of`.
        caller: who calls.
        callee: who is called.
        offered: the media that the call offers.
        requested: what the caller chose: True to be recorded, False not to be, None when nothing was said.
        obstacle: why the switch cannot record this call (``bypass_media``, ``proxy_media``), None if it can.
        scarce: the disk is nearly full: what is left of it is for calls that have to be recorded.
        conference: the conference that it is, whose caller opened it; None for a call between parties.
    """

    direction: Direction
    caller: Identity
    callee: Identity
    offered: frozenset[Media]
    requested: bool | None = None
    obstacle: str | None = None
    scarce: bool = False
    conference: Conference | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a call is recorded, and why.

    Attributes:
        record: whether it is recorded.
        media: what is recorded; empty exactly when ``record`` is False.
        level: where it was decided.
        rule: the key that decided: ``recordIncomingPSTN``, ``user``, ``domain``, ``system``, ``conferences``
            or ``obstacle``.
        profile: the profile of the deciding permission; None where no permission decided.
        subject: the party for whom it was decided; None where a trunk decided.
        reason: one sentence for a person. It holds names that the administrator wrote, and never a digit.
        announcement: what the parties hear of the recording; None where they hear nothing.
        target: where the audio goes.
    """

    record: bool
    media: frozenset[Media]
    level: Level
    rule: str
    profile: RecordingProfile | None
    subject: Subject | None
    reason: str
    announcement: Announcement | None = None
    target: RecordingTarget = RecordingTarget.WAV


@dataclass(frozen=True, slots=True)
class TrunkNames:
    """The names that a trunk is known by, as the switch spells them."""

    endpoints: frozenset[str] = frozenset()
    contexts: frozenset[str] = frozenset()
    gateways: frozenset[str] = frozenset()
    profiles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ConferenceNames:
    """The conferences that may be recorded: by their names, or by their profiles in the switch's configuration."""

    names: frozenset[str] = frozenset()
    profiles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Person:
    """How a user is told of recordings. ``language``, ``time_zone``: None leaves them to the settings."""

    mail: str
    language: str | None = None
    time_zone: str | None = None


def domain_key(domain: str) -> str:
    """The one spelling under which a domain is kept: domains compare case-insensitively (RFC 4343)."""
    return domain.lower()


def user_key(user: str, domain: str) -> str:
    """The one spelling of ``user@domain``: the user part compares exactly (RFC 3261 section 19.1.4)."""
    return f"{user}@{domain_key(domain)}"


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy. Without any argument it is the one of an empty file.

    Attributes:
        record_incoming_pstn: ``recordIncomingPSTN``.
        record: the system default.
        subject: whose permission is looked at.
        recording_control: whether users without a permission may control recordings by phone.
        trunks: the names of the trunks.
        conferences: those that may be recorded; None: every one.
        domains: permissions of domains, by :func:`domain_key`.
        users: permissions of users, by :func:`user_key`, or by the bare user.
        announcement: what the parties of a recorded call hear of it, unless a permission says otherwise.
        people: who is told of recordings, by :func:`user_key`, or by the bare user.
        recording_target: where the audio goes, unless a permission says otherwise.
    """

    record_incoming_pstn: bool = False
    record: SystemDefault = SystemDefault.NONE
    subject: Subject = Subject.CALLER
    recording_control: RecordingControl = RecordingControl.ALLOW
    trunks: TrunkNames = field(default_factory=TrunkNames)
    conferences: ConferenceNames | None = None
    domains: Mapping[str, Permission] = field(default_factory=dict)
    users: Mapping[str, Permission] = field(default_factory=dict)
    announcement: Announcement = Announcement()
    people: Mapping[str, Person] = field(default_factory=dict)
    recording_target: RecordingTarget = RecordingTarget.WAV

    @property
    def needs_server(self) -> bool:
        """Whether some call is to go to a recording server."""
        permissions = (*self.domains.values(), *self.users.values())
        said = (self.recording_target, *(permission.recording_target for permission in permissions))
        return any(target is not None and target.on_server for target in said)
