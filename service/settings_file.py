"""From a settings file and the environment to :class:`Settings`, or everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from faults import SettingsInvalid
from policy.document import Document, Problem, read, refusal, shown
from policy.document import Path as KeyPath
from service.secret_files import first_line
from service.setting_types import section_of
from service.settings import Settings
from service.switch_settings import AsteriskSettings, FreeSwitchSettings

_SWITCHES: Mapping[str, type[BaseModel]] = {"asterisk": AsteriskSettings, "freeswitch": FreeSwitchSettings}
DEFAULT_FILE = Path("/etc/phonograph/phonograph.yaml")
PREFIX = "PHONOGRAPH__"
_MAPPING = "must be a mapping of keys to values"
_SAID = {"missing": "is missing", "extra_forbidden": "is an unknown key", "model_type": _MAPPING, "dict_type": _MAPPING,
         "too_short": "must not be empty"}


def load(path: Path, environment: Mapping[str, str]) -> Settings:
    """Read the settings, with the paths and passwords that they name.

    Args:
        path: the settings file.
        environment: the process's environment; ``PHONOGRAPH__SWITCHES__MAIN__PASSWORD`` overrides
            ``switches.main.password``.

    Raises:
        SettingsInvalid: with every problem in its message, one a line, and ``file``, ``line``, ``key`` and ``allowed``
            of the first in its details.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsInvalid(f"The settings file {path} cannot be read: {why}.", file=str(path)) from error
    settings = parse(text, str(path), environment)
    return _resolved(settings, path.absolute().parent)


def parse(text: str, name: str, environment: Mapping[str, str]) -> Settings:
    """Read the text of a settings file; no file is opened and paths stay as they are written.

    Raises:
        SettingsInvalid: as :func:`load`.
    """
    document = read(text, name, SettingsInvalid)
    overrides = {key: value for key, value in environment.items() if key.startswith(PREFIX)}
    values: dict[str, Any] = document.value
    for key, value in sorted(overrides.items()):
        values = _with(values, _steps(key), value)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise _refusal(document, overrides, error.errors(include_url=False)) from None


def _steps(variable: str) -> list[str]:
    return variable.removeprefix(PREFIX).lower().split("__")


def _with(values: Mapping[str, Any], steps: list[str], value: str) -> dict[str, Any]:
    first, *rest = steps
    if not rest:
        return {**values, first: value}
    inner = values.get(first)
    return {**values, first: _with(inner if isinstance(inner, dict) else {}, rest, value)}


def _refusal(document: Document, overrides: Mapping[str, str], errors: list[ErrorDetails]) -> SettingsInvalid:
    """The fault for everything that is wrong, in the file and in the environment."""
    in_file, in_environment = [], []
    for details in errors:
        path, kind = _place(details)
        said, allowed = _said(details, path, kind)
        variable = next((key for key in overrides if _steps(key) == [str(step) for step in path]), None)
        if variable is not None:
            in_environment.append(f"{variable} in the environment: {said}"
                                  + (f"; allowed: {', '.join(allowed)}" if allowed else ""))
        elif details["type"] == "missing":
            in_file.append(Problem(document.key_line(path[:-1]), shown(path), said, allowed))
        elif details["type"] == "extra_forbidden":
            in_file.append(document.key_problem(path, said, allowed))
        else:
            in_file.append(document.problem(path, said, allowed))
    if not in_file:
        return SettingsInvalid("\n".join(in_environment), key=in_environment[0].partition(" ")[0])
    fault = refusal(SettingsInvalid, document.name, in_file)
    return SettingsInvalid("\n".join([fault.message, *in_environment]), **fault.details)


def _place(details: ErrorDetails) -> tuple[KeyPath, str]:
    """Where it is wrong, as it is written, and the kind of switch that is described there."""
    path: KeyPath = details["loc"]
    if details["type"] == "union_tag_invalid":
        return (*path, "kind"), ""
    if len(path) > 2 and path[0] == "switches":
        return (*path[:2], *path[3:]), str(path[2])
    return path, ""


def _said(details: ErrorDetails, path: KeyPath, switch: str) -> tuple[str, tuple[str, ...]]:
    kind = details["type"]
    if kind == "extra_forbidden":
        return _SAID[kind], _siblings(path, switch)
    if kind == "union_tag_invalid":
        return "is not a value for this key", tuple(_SWITCHES)
    if kind in _SAID:
        return _SAID[kind], ()
    context = details.get("ctx", {})
    if kind in {"enum", "literal_error"}:
        words = str(context["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
        return "is not a value for this key", tuple(words)
    if kind == "value_error":
        return str(context["error"]), ()
    if kind == "string_pattern_mismatch":
        return f"does not look as it should: {context['pattern']}", ()
    message = details["msg"]
    return message[0].lower() + message[1:], ()


def _siblings(path: KeyPath, switch: str) -> tuple[str, ...]:
    """The keys that are known where the unknown one stands."""
    if path[0] == "switches" and len(path) > 1:
        return tuple(_SWITCHES[switch].model_fields)
    section: type[BaseModel] | None = Settings
    for key in path[:-1]:
        # A key that is no field is the name of one of several.
        if section is not None and str(key) in section.model_fields:
            section = section_of(section.model_fields[str(key)].annotation)
    return tuple(section.model_fields) if section is not None else ()


def _resolved(settings: Settings, folder: Path) -> Settings:
    """The settings with absolute paths, and with the passwords read from their files."""
    ledger = settings.ledger if "://" in settings.ledger else str(folder / settings.ledger)
    switches = {}
    for name, switch in settings.switches.items():
        password, file = switch.password, switch.password_file
        if file is not None:
            password = SecretStr(first_line(folder / file, f"switches.{name}.password_file"))
        switches[name] = _absolute(switch, folder).model_copy(update={"password": password})
    return _absolute(settings, folder).model_copy(update={"ledger": ledger, "switches": switches})


_Section = TypeVar("_Section", bound=BaseModel)


def _absolute(section: _Section, folder: Path) -> _Section:
    """A section, and all within it, with absolute paths."""
    return section.model_copy(update={name: _made_absolute(value, folder) for name, value in section})


def _made_absolute(value: Any, folder: Path) -> Any:
    if isinstance(value, Path):
        return folder / value
    if isinstance(value, BaseModel):
        return _absolute(value, folder)
    if isinstance(value, dict):
        return {key: _made_absolute(item, folder) for key, item in value.items()}
    return value
