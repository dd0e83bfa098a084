"""Names of finished files: the ``fileformat`` template, checked when it is loaded.

Nothing that a caller chooses can make a path: the values of the fields are numbers, our own ids, and a conference's
name with everything but ASCII letters, digits, ``.``, ``_`` and ``-`` replaced.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from faults import NameTemplateInvalid

FIELDS = {"year": 4, "month": 2, "day": 2, "hours": 2, "minutes": 2, "seconds": 2, "uuid": 36, "confbridgeid": 64}
"""The fields, and how many characters the value of each has at most."""

# Room below the 255 bytes of a file name for a suffix such as ``-stereo.wav``.
PART_LONGEST_BYTES = 200

_FIELD = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f\\:*?"<>|{}\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]')


@dataclass(frozen=True, slots=True)
class NameTemplate:
    """A checked template. ``zone`` is the time zone of its times."""

    text: str
    zone: ZoneInfo

    @classmethod
    def load(cls, text: str, zone: ZoneInfo) -> Self:
        """Check a template.

        Raises:
            NameTemplateInvalid: it has an unknown field, a character that no name should have, or a part that is
                empty, hidden, too long, or leaves the folder.
        """
        for field in _FIELD.findall(text):
            if field not in FIELDS:
                raise NameTemplateInvalid(f"There is no field {{{{{field}}}}}; there are {', '.join(FIELDS)}.",
                                          field=field)
        bare = _FIELD.sub("0", text)
        if found := _FORBIDDEN.search(bare):
            raise NameTemplateInvalid(f"The character {found.group()!r} cannot be in a name.", template=text)
        longest = _FIELD.sub(lambda field: "0" * FIELDS[field.group(1)], text).split("/")
        for part, largest in zip(bare.split("/"), longest, strict=True):
            if not part.strip():
                raise NameTemplateInvalid("A part of the name is empty: it may not begin or end with /.", template=text)
            if part != part.strip() or part.startswith((".", "-")) or part.endswith("."):
                raise NameTemplateInvalid(f"The part {part!r} begins or ends with a space or a dot, or begins with -.",
                                          template=text)
            if len(largest.encode()) > PART_LONGEST_BYTES:
                raise NameTemplateInvalid(f"A part of the name can become longer than {PART_LONGEST_BYTES} bytes.",
                                          template=text)
        return cls(text, zone)

    def render(self, *, at: float, uuid: str, confbridgeid: str) -> str:
        """The name, without a suffix; ``/`` parts folders.

        Args:
            at: when the recording began, in seconds since the Unix epoch (UTC).
            uuid: the recording's id.
            confbridgeid: the conference's name; empty for a call between two parties.
        """
        time = datetime.fromtimestamp(at, self.zone)
        values = {"year": f"{time.year:04}", "month": f"{time.month:02}", "day": f"{time.day:02}",
                  "hours": f"{time.hour:02}", "minutes": f"{time.minute:02}", "seconds": f"{time.second:02}",
                  "uuid": _harmless(uuid, FIELDS["uuid"]),
                  "confbridgeid": _harmless(confbridgeid, FIELDS["confbridgeid"])}
        return _FIELD.sub(lambda field: values[field.group(1)], self.text)


def _harmless(value: str, longest: int) -> str:
    """The value as a part of a name: never empty, hidden, or a way to another folder."""
    return _UNSAFE.sub("_", value)[:longest].strip(".-") or "none"
