"""The policy file: YAML text in, a :class:`Policy` out, or everything that is wrong with it.

docs/policy.md is the administrator's page of what is read here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from enum import StrEnum
from typing import TypeVar

from faults import PolicyInvalid
from policy.document import Document, Path, Problem, Value, read, refusal
from policy.people import is_address, is_language, is_zone
from policy.types import (
    Announcement,
    Beep,
    ConferenceNames,
    Permission,
    Person,
    Policy,
    RecordingControl,
    RecordingProfile,
    RecordingTarget,
    RecordingType,
    Subject,
    SystemDefault,
    TrunkNames,
    domain_key,
    user_key,
)

_Word = TypeVar("_Word", bound=StrEnum)

# Folders and a name, as Asterisk's sounds have them: nothing that leaves its folders or is a URL.
_SOUND = re.compile(r"[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,4}")


def parse(text: str, name: str) -> Policy:
    """Read a policy.

    Args:
        text: the whole file.
        name: what the file is called in messages.

    Raises:
        PolicyInvalid: with every problem in its message, one a line, and ``file``, ``line``, ``key`` and
            ``allowed`` of the first in its details.
    """
    document = read(text, name, PolicyInvalid)
    reader = _Reader(document)
    policy = reader.policy()
    if reader.problems:
        raise refusal(PolicyInvalid, name, reader.problems)
    return policy


class _Reader:
    """Takes a document apart. What is wrong is noted, and its default stands in so that reading goes on."""

    def __init__(self, document: Document) -> None:
        self.problems: list[Problem] = []
        self._document = document

    def policy(self) -> Policy:
        top = self._document.value
        self._known(top, (), ("recordIncomingPSTN", "record", "subject", "recordingControl", "recordingTarget",
                              "trunks", "conferences", "domains", "users", "announcement", "people"))
        return Policy(
            record_incoming_pstn=self._flag(top, (), "recordIncomingPSTN", False),
            record=self._word(top, (), "record", SystemDefault.NONE),
            subject=self._word(top, (), "subject", Subject.CALLER),
            recording_control=self._word(top, (), "recordingControl", RecordingControl.ALLOW),
            trunks=self._trunks(self._section(top, "trunks")),
            conferences=self._conferences(top),
            domains=self._permissions(self._section(top, "domains"), "domains"),
            users=self._permissions(self._section(top, "users"), "users"),
            announcement=self._announcement(top, ()) or Announcement(),
            people=self._people(self._section(top, "people")),
            recording_target=self._word(top, (), "recordingTarget", RecordingTarget.WAV),
        )

    def _section(self, top: dict[str, Value], key: str) -> dict[str, Value]:
        """A mapping at the top. One whose entries are all commented out is empty, and that is no mistake."""
        value = top.get(key)
        return {} if value is None else self._mapping(value, (key,))

    def _trunks(self, section: dict[str, Value]) -> TrunkNames:
        kinds = ("endpoints", "contexts", "gateways", "profiles")
        self._known(section, ("trunks",), kinds)
        return TrunkNames(*(self._names(section.get(kind), ("trunks", kind)) for kind in kinds))

    def _conferences(self, top: dict[str, Value]) -> ConferenceNames | None:
        if top.get("conferences") is None:
            return None
        section = self._section(top, "conferences")
        kinds = ("names", "profiles")
        self._known(section, ("conferences",), kinds)
        return ConferenceNames(*(self._names(section.get(kind), ("conferences", kind)) for kind in kinds))

    def _names(self, value: Value, path: Path) -> frozenset[str]:
        names: set[str] = set()
        if value is None:
            return frozenset()
        if not isinstance(value, list):
            self._wrong(path, "must be a list of names, in [brackets]")
            return frozenset()
        for index, item in enumerate(value):
            at = (*path, index)
            if not isinstance(item, str):
                self._wrong(at, f"{self._quoted(at, item)} is not read as a name: put it in quotes")
            elif not _is_name(item):
                self._wrong(at, f"{item!r} is not a name: it is empty or has a space or control sign in it")
            elif item in names:
                self._wrong(at, f"a duplicate: {item!r} is already in this list")
            else:
                names.add(item)
        return frozenset(names)

    def _permissions(self, section: dict[str, Value], kind: str) -> dict[str, Permission]:
        spell = _domain_spelling if kind == "domains" else _user_spelling
        permissions: dict[str, Permission] = {}
        spelled: dict[str, Path] = {}
        for written, value in section.items():
            path = (kind, written)
            key = spell(written)
            permission = self._permission(value, path)
            if key is None:
                form = "a domain" if kind == "domains" else "`user@domain` or `user`"
                self._wrong_key(path, f"is not {form}")
            elif key in spelled:
                line = self._document.key_line(spelled[key])
                said = f"a duplicate: domains are the same in any case, and this one is on line {line}"
                self._wrong_key(path, said)
            else:
                spelled[key] = path
                permissions[key] = permission
        return permissions

    def _people(self, section: dict[str, Value]) -> dict[str, Person]:
        people: dict[str, Person] = {}
        for written, value in section.items():
            path: Path = ("people", written)
            key = _user_spelling(written)
            fields = self._mapping(value, path)
            self._known(fields, path, ("mail", "language", "timeZone"))
            mail = self._fitting(fields, path, "mail", is_address, "one mail address")
            if key is None:
                self._wrong_key(path, "is not `user@domain` or `user`")
            elif key in people:
                self._wrong_key(path, "a duplicate: domains are the same in any case")
            elif mail is None and isinstance(value, dict) and "mail" not in fields:
                self._wrong_key(path, "has no address in it", ("mail",))
            else:
                people[key] = Person(
                    mail or "", self._fitting(fields, path, "language", is_language, "a language such as de or en"),
                    self._fitting(fields, path, "timeZone", is_zone, "an IANA time zone such as Europe/Berlin"))
        return people

    def _fitting(self, fields: dict[str, Value], path: Path, key: str, fits: Callable[[str], bool],
                 said: str) -> str | None:
        """A text that has to look like something; None where it is not there."""
        value = fields.get(key)
        if value is None or (isinstance(value, str) and fits(value)):
            return value if isinstance(value, str) else None
        self._wrong((*path, key), f"{self._quoted((*path, key), value)} is not {said}")
        return None

    def _permission(self, value: Value, path: Path) -> Permission:
        entry = self._mapping(value, path)
        self._known(entry, path, ("recording",))
        if isinstance(value, dict) and "recording" not in entry:
            self._wrong_key(path, "has no permission in it", ("recording",))
        recording = (*path, "recording")
        fields = self._mapping(entry["recording"], recording) if "recording" in entry else {}
        self._known(fields, recording, ("recordingType", "recordingProfile", "recordingControl", "recordingTarget",
                                         "announcement"))
        return Permission(
            self._word(fields, recording, "recordingType", RecordingType.ALL),
            self._word(fields, recording, "recordingProfile", RecordingProfile.ALWAYS),
            self._word(fields, recording, "recordingControl", RecordingControl.ALLOW),
            self._announcement(fields, recording),
            self._word(fields, recording, "recordingTarget", RecordingTarget.WAV)
            if "recordingTarget" in fields else None,
        )

    def _announcement(self, mapping: dict[str, Value], path: Path) -> Announcement | None:
        """What ``announcement`` says: a word, or a mapping that says more; None where the key is not there."""
        if "announcement" not in mapping:
            return None
        value, at = mapping["announcement"], (*path, "announcement")
        if value == "none":
            return Announcement()
        if value == "beep":
            return Announcement(beep=Beep())
        if not isinstance(value, dict):
            self._no_value(at, value, ("none", "beep", "a mapping with beep or sound"))
            return None
        self._known(value, at, ("beep", "sound", "recorded"))
        if ("beep" in value) == ("sound" in value):
            self._wrong_key(at, "must have one of these two", ("beep", "sound"))
        beep = self._beep(value["beep"], (*at, "beep")) if "beep" in value else None
        sound = self._sound(value["sound"], (*at, "sound")) if "sound" in value else None
        return Announcement(beep, sound, self._flag(value, at, "recorded", False))

    def _beep(self, value: Value, path: Path) -> Beep:
        fields = {} if value is None else self._mapping(value, path)
        self._known(fields, path, ("hertz", "seconds", "every"))
        usual = Beep()
        beep = Beep(round(self._number(fields, path, "hertz", usual.hertz, 300, 3400)),
                    self._number(fields, path, "seconds", usual.seconds, 0.1, 5),
                    self._number(fields, path, "every", usual.every, 1, 3600))
        if beep.every <= beep.seconds:
            self._wrong_key(path, "a beep must end before the next one begins: every is not longer than seconds")
        return beep

    def _sound(self, value: Value, path: Path) -> str:
        if isinstance(value, str) and _SOUND.fullmatch(value):
            return value
        self._wrong(path, f"{self._quoted(path, value)} is no name of a sound: folders and a name of letters, digits, "
                          "- and _, without a leading / and without an ending like .wav")
        return ""

    def _number(self, mapping: dict[str, Value], path: Path, key: str, default: float, least: float,
                most: float) -> float:
        value = mapping.get(key, default)
        if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
            return value
        self._no_value((*path, key), value, (f"{least:g} to {most:g}",))
        return default

    def _mapping(self, value: Value, path: Path) -> dict[str, Value]:
        if isinstance(value, dict):
            return value
        self._wrong(path, "must be a mapping of keys to values")
        return {}

    def _known(self, mapping: dict[str, Value], path: Path, known: Collection[str]) -> None:
        for key in mapping:
            if key not in known:
                self._wrong_key((*path, key), "is an unknown key", known)

    def _flag(self, mapping: dict[str, Value], path: Path, key: str, default: bool) -> bool:
        value = mapping.get(key, default)
        if isinstance(value, bool):
            return value
        at = (*path, key)
        self._wrong(at, f"{self._quoted(at, value)} is not a value for this key", ("true", "false"))
        return default

    def _word(self, mapping: dict[str, Value], path: Path, key: str, default: _Word) -> _Word:
        value = mapping.get(key, default.value)
        allowed = [word.value for word in type(default)]
        if isinstance(value, str) and value in allowed:
            return type(default)(value)
        self._no_value((*path, key), value, allowed)
        return default

    def _no_value(self, path: Path, value: Value, allowed: Collection[str]) -> None:
        """A value that its key does not take; of YAML's words for true and false it is told what they are read as."""
        said = f"{self._quoted(path, value)} is not a value for this key"
        if isinstance(value, bool):
            truth = str(value).lower()
            said = f"YAML reads {self._quoted(path, value)} as {truth}, which is not a value for this key"
        self._wrong(path, said, allowed)

    def _quoted(self, path: Path, value: Value) -> str:
        """A wrong value for a message: as it stands in the file, cut short."""
        if isinstance(value, list | dict):
            return "a list" if isinstance(value, list) else "a mapping"
        written = self._document.written(path)
        if not written:
            return "nothing" if value is None else "an empty text"
        return repr(written if len(written) <= 40 else f"{written[:40]}...")

    def _wrong(self, path: Path, said: str, allowed: Collection[str] = ()) -> None:
        self.problems.append(self._document.problem(path, said, allowed))

    def _wrong_key(self, path: Path, said: str, allowed: Collection[str] = ()) -> None:
        self.problems.append(self._document.key_problem(path, said, allowed))


def _is_name(text: str) -> bool:
    return text != "" and text.isprintable() and " " not in text


def _domain_spelling(written: str) -> str | None:
    return domain_key(written) if _is_name(written) and "@" not in written else None


def _user_spelling(written: str) -> str | None:
    """The key of a user as :class:`Policy` keeps it; None if it is none. The last @ parts user and domain."""
    if not _is_name(written):
        return None
    user, at, domain = written.rpartition("@")
    if not at:
        return written
    return user_key(user, domain) if user and domain else None
