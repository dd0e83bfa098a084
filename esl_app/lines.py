"""What we say to FreeSWITCH over the event socket, as bytes.

Nothing that a caller can choose reaches a line unescaped: what could end a line, end a word, or begin an
expansion is refused with a fault, never repaired, and the fault does not repeat it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from faults import SwitchOperationFailed

# Control characters end lines or C strings; lone surrogates have no UTF-8.
_UNSENDABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# Quoting, escapes, file parameters, variables and expansions in FreeSWITCH's argument strings.
_MEANINGFUL = re.compile(r"""['"\\{}\[\]<>$;`]""")
_COMMAND = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_EVENT = re.compile(r"[A-Z][A-Z0-9_]*")
_SUBCLASS = re.compile(r"[A-Za-z0-9_.:-]+")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VALUE = re.compile(r"[A-Za-z0-9_.:/@+-]*")


@dataclass(frozen=True, slots=True)
class Media:
    """What FreeSWITCH is to play, with parameters for it: ``{name=value,..}path``."""

    path: str
    parameters: Mapping[str, str]


Word = str | Mapping[str, str] | Media


def is_word(text: str) -> bool:
    """Whether a command can carry that text as one of its words."""
    return not (_UNSENDABLE.search(text) or _MEANINGFUL.search(text))


def auth(password: str) -> bytes:
    """``auth``: the first thing that an inbound connection says."""
    return _line(f"auth {_sendable(password, 'auth')}")


def command(name: str, *words: Word) -> bytes:
    """A command without a body: ``exit``, ``connect``, ``myevents``, ``linger``, ``noevents`` ...

    A word with a space is put into single quotes; a mapping becomes ``{name=value,..}``, and stands before the path of
    a ``Media``.

    Raises:
        SwitchOperationFailed: a word cannot be sent as one word.
    """
    return _line(_words(name, words))


def api(name: str, *words: Word) -> bytes:
    """An API command; the connection waits for its ``ApiResponse``. Words and faults as in ``command``."""
    return _line("api " + _words(name, words))


def bgapi(name: str, *words: Word, job: str) -> bytes:
    """An API command whose answer is a ``BACKGROUND_JOB`` event of that ``job`` id. Otherwise as ``api``."""
    return _line("bgapi " + _words(name, words), {"Job-UUID": job})


def subscribe(names: Iterable[str], subclasses: Iterable[str] = ()) -> bytes:
    """``event plain``: the events that we want, and the subclasses of ``CUSTOM``.

    ``CUSTOM`` stands last, since the switch takes all that follows it for subclasses.

    Raises:
        SwitchOperationFailed: something is not a name.
    """
    wanted = [_matching(_EVENT, name, "event") for name in names]
    custom = [_matching(_SUBCLASS, subclass, "event") for subclass in subclasses]
    return _line(" ".join(["event plain", *wanted, *(["CUSTOM", *custom] if custom else [])]))


def sendevent(name: str, headers: Mapping[str, str], body: str = "") -> bytes:
    """``sendevent``: fire an event. For a custom one, ``Event-Subclass`` is among the headers.

    Raises:
        SwitchOperationFailed: a name is not a name, or a value would end its line.
    """
    return _line(f"sendevent {_matching(_EVENT, name, 'sendevent')}", headers, body)


def sendmsg(uuid: str, headers: Mapping[str, str], body: str = "") -> bytes:
    """``sendmsg``: control a channel (``call-command`` and what belongs to it are the headers).

    ``execute-app-arg`` is expanded by the switch: never put a caller's text there. Faults as ``sendevent``.
    """
    return _line(f"sendmsg {_word(uuid, 'sendmsg')}", headers, body)


def _line(first: str, headers: Mapping[str, str] | None = None, body: str = "") -> bytes:
    lines = [first]
    for name, value in (headers or {}).items():
        if name.lower() == "content-length":
            raise SwitchOperationFailed("A length is counted here, not given.", command=first.split(" ")[0])
        lines.append(f"{_matching(_HEADER, name, 'header')}: {_sendable(value, 'header')}")
    content = _body(body)
    if content:
        lines.append(f"content-length: {len(content)}")
    return "\n".join(lines).encode() + b"\n\n" + content


def _body(text: str) -> bytes:
    try:
        content = text.encode()
    except UnicodeEncodeError as error:
        raise SwitchOperationFailed("A body cannot be sent as UTF-8.") from error
    if b"\0" in content:
        raise SwitchOperationFailed("A body with a NUL would be cut off there.")
    return content


def _words(name: str, words: Iterable[Word]) -> str:
    _matching(_COMMAND, name, "command")
    return " ".join([name, *(_argument(word, name) for word in words)])


def _argument(word: Word, command_name: str) -> str:
    if isinstance(word, str):
        return _word(word, command_name)
    if isinstance(word, Media):
        return _quoted(_variables(word.parameters, command_name) + _plain(word.path, command_name))
    return _variables(word, command_name)


def _word(text: str, command_name: str) -> str:
    return _quoted(_plain(text, command_name))


def _plain(text: str, command_name: str) -> str:
    if _MEANINGFUL.search(_sendable(text, command_name)):
        raise SwitchOperationFailed(
            "An argument has a character with a meaning for FreeSWITCH; it was not sent.", command=command_name)
    return text


def _quoted(text: str) -> str:
    return text if text and " " not in text else f"'{text}'"


def _variables(values: Mapping[str, str], command_name: str) -> str:
    pairs = [f"{_matching(_VARIABLE, name, command_name)}={_matching(_VALUE, value, command_name)}"
             for name, value in values.items()]
    return "{" + ",".join(pairs) + "}"


def _matching(pattern: re.Pattern[str], text: str, command_name: str) -> str:
    if not pattern.fullmatch(text):
        raise SwitchOperationFailed(
            "A name or value has a character that it must not have; it was not sent.", command=command_name)
    return text


def _sendable(text: str, command_name: str) -> str:
    if _UNSENDABLE.search(text):
        raise SwitchOperationFailed(
            "An argument has a line break or control character; it was not sent.", command=command_name)
    return text
