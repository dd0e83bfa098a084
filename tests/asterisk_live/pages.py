"""What the pages tell an administrator to type, taken out of their text, so that a test can do it."""

import re
from collections.abc import Iterator

import yaml

from tests.phonograph import Json
from tests.servers import PROJECT

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CONSOLE = re.compile(r'asterisk -rx "([^"\n]+)"|`(module (?:re)?load [\w.]+)`')
_OURS = re.compile(r"^phonograph .+$", re.MULTILINE)


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    return [text for kind, text in _FENCE.findall(_text(name)) if kind == language]


def documents(name: str) -> list[Json]:
    """The YAML examples of a page, read."""
    return [yaml.safe_load(text) for text in blocks(name, "yaml")]


def on_the_console(name: str) -> list[str]:
    """The commands for Asterisk's console that stand anywhere in a page, each once, in its order."""
    return list(dict.fromkeys(first or then for first, then in _CONSOLE.findall(_text(name))))


def on_the_command_line(name: str) -> list[str]:
    """The commands of ours in a page's blocks, without the word ``phonograph``."""
    return [line.removeprefix("phonograph ") for block in blocks(name, "sh") for line in _OURS.findall(block)]


def conf(name: str, file: str) -> str:
    """The example in a page for one configuration file of Asterisk, which its first line names."""
    (found,) = (text for text in blocks(name, "ini") if text.startswith(f"; {file}\n"))
    return found


def pages() -> Iterator[str]:
    """The names of all pages."""
    yield from sorted(path.name for path in (PROJECT / "docs").glob("*.md"))


def _text(name: str) -> str:
    return (PROJECT / "docs" / name).read_text()
