"""What people are told, in their language and time zone. A language is a file in ``languages/``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

import yaml

from recorder.model import Leg

FOLDER = Path(__file__).parent / "languages"
FIELDS = frozenset({"began", "length", "other", "recording", "link", "reasons"})
_FIELD = re.compile(r"\{(\w+)\}")
_TIDY = re.compile(r"\n{3,}")
_USER = re.compile(r"[^A-Za-z0-9+*#@._-]")
_NUMBER = re.compile(r"[^0-9+*#]")
_LONGEST = 64


def languages() -> list[str]:
    """The languages that there are, by their tags."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def shown(leg: Leg) -> str:
    """A party: our user, else the number. Who is outside chooses that: whatever is not of a number is left out, so that
    it can be neither a sentence nor the address of a web site."""
    if leg.trunk or not leg.party.user:
        return _NUMBER.sub("", leg.party.number)[:_LONGEST]
    return _USER.sub("", leg.party.user)[:_LONGEST]


@dataclass(frozen=True, slots=True)
class Wording:
    """The texts of one language, by the state that they tell of."""

    tag: str
    time: str
    duration: str
    unknown: str
    subjects: Mapping[str, str]
    texts: Mapping[str, str]

    @classmethod
    def load(cls, tag: str) -> Self:
        """Read a language; ``pt-BR`` is looked for as ``pt`` too.

        Raises:
            KeyError: there is none of that tag.
        """
        for name in (tag, tag.partition("-")[0]):
            if name in languages():
                read = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
                return cls(name, read["time"], read["length"], read["unknown"], read["subjects"], read["texts"])
        raise KeyError(tag)

    def when(self, at: float | None, zone: ZoneInfo) -> str:
        """A time as people of that language and zone write it."""
        return self.unknown if at is None else datetime.fromtimestamp(at, zone).strftime(self.time)

    def length(self, seconds: float | None) -> str:
        """A length; empty where it is not known."""
        if seconds is None:
            return ""
        minutes, rest = divmod(round(seconds), 60)
        return filled(self.duration, {"minutes": str(minutes), "seconds": str(rest)})

    def subject(self, state: str, began: str) -> str:
        """One line; it holds nothing but our words and a time."""
        return filled(self.subjects[state], {"began": began})

    def text(self, state: str, values: Mapping[str, str]) -> str:
        """The text. A line with a field that is empty is left out."""
        lines = [filled(line, values) for line in self.texts[state].splitlines()
                 if all(values.get(field) for field in _FIELD.findall(line))]
        return _TIDY.sub("\n\n", "\n".join(lines)).rstrip() + "\n"


def filled(template: str, values: Mapping[str, str]) -> str:
    """A template with its fields; a value is put in as it is, whatever braces it holds."""
    return _FIELD.sub(lambda field: values[field.group(1)], template)
