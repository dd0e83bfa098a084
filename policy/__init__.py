"""Who is recorded, and why: typed rules, a strict reader of the policy file, and one pure decision."""

from policy.decide import decide
from policy.document import Document, Path, Problem, Value, read, refusal, shown
from policy.load import parse
from policy.permissions import may_control
from policy.trunks import direction_of, is_trunk
from policy.types import (
    Announcement,
    Beep,
    Conference,
    ConferenceNames,
    Decision,
    Direction,
    Facts,
    Identity,
    Level,
    Media,
    Permission,
    Policy,
    RecordingControl,
    RecordingProfile,
    RecordingType,
    Subject,
    SystemDefault,
    TrunkNames,
    domain_key,
    user_key,
)

__all__ = [
    "Announcement",
    "Beep",
    "Conference",
    "ConferenceNames",
    "Decision",
    "Direction",
    "Document",
    "Facts",
    "Identity",
    "Level",
    "Media",
    "Path",
    "Permission",
    "Policy",
    "Problem",
    "RecordingControl",
    "RecordingProfile",
    "RecordingType",
    "Subject",
    "SystemDefault",
    "TrunkNames",
    "Value",
    "decide",
    "direction_of",
    "domain_key",
    "is_trunk",
    "may_control",
    "parse",
    "read",
    "refusal",
    "shown",
    "user_key",
]
