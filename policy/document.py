"""A strict YAML reader that knows where everything stands. The policy and the settings are read with it.

It takes the plain part of YAML: one document of mappings with text keys, lists, and scalars. Anchors,
aliases, merges and tags are refused: they are how a small file becomes a huge one, and how a key gets a value
that nobody sees there. No message of the reader holds a value: a settings file has passwords.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from faults import ConfigurationFault

Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"
Path: TypeAlias = tuple[str | int, ...]

_DEEPEST = 32  # levels; the composer recurses, and no file of ours has more than six

_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"
_BOOL = "tag:yaml.org,2002:bool"
_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
_READ_AS = {_NULL: "nothing", _BOOL: "true or false", _INT: "a number", _FLOAT: "a number"}

# The line breaks that the YAML library counts (YAML 1.1, section 4.1.4).
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file. ``line`` counts from 1, ``key`` is empty for the file as a whole."""

    line: int
    key: str
    said: str
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    key_line: int
    line: int
    written: str | None


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and on which lines.

    A path is the keys and list indexes from the top: ``("a", 0, "b")``.
    """

    name: str
    # Neither is shown when a document is printed: a settings file has passwords.
    value: dict[str, Value] = field(repr=False)
    _places: Mapping[Path, _Place] = field(repr=False)

    def line(self, path: Path) -> int:
        """The line, from 1, where the value at `path` begins; of the nearest one above if there is none."""
        return self._place(path).line

    def key_line(self, path: Path) -> int:
        """The line, from 1, of the key at `path` (an item's own line in a list); else as :meth:`line`."""
        return self._place(path).key_line

    def written(self, path: Path) -> str | None:
        """The scalar at `path` as it stands in the file (``off`` where the value is False), or None."""
        place = self._places.get(path)
        return None if place is None else place.written

    def problem(self, path: Path, said: str, allowed: Iterable[str] = ()) -> Problem:
        """A problem of the value at `path`."""
        return Problem(self.line(path), shown(path), said, tuple(allowed))

    def key_problem(self, path: Path, said: str, allowed: Iterable[str] = ()) -> Problem:
        """A problem of the key at `path`."""
        return Problem(self.key_line(path), shown(path), said, tuple(allowed))

    def _place(self, path: Path) -> _Place:
        while path not in self._places:
            path = path[:-1]
        return self._places[path]


def shown(path: Path) -> str:
    """A path for a person: ``users.'bob@x'.recording``, ``trunks.endpoints[0]``. Odd keys are quoted."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            plain = step if re.fullmatch(r"[A-Za-z0-9_-]+", step) else repr(step)
            text += f".{plain}" if text else plain
    return text


def refusal(fault: type[ConfigurationFault], name: str, problems: Iterable[Problem]) -> ConfigurationFault:
    """The fault for a file with at least one problem.

    The message has every problem on a line of its own, in the file's order; the details are the first one's.
    """
    ordered = sorted(problems, key=lambda problem: problem.line)
    lines = []
    for problem in ordered:
        key = f"{problem.key}: " if problem.key else ""
        allowed = f"; allowed: {', '.join(problem.allowed)}" if problem.allowed else ""
        lines.append(f"{name}:{problem.line}: {key}{problem.said}{allowed}")
    first = ordered[0]
    return fault(
        "\n".join(lines),
        file=name,
        line=first.line,
        key=first.key or None,
        allowed=", ".join(first.allowed) or None,
    )


def read(text: str, name: str, fault: type[ConfigurationFault]) -> Document:
    """Read a YAML file's text.

    Args:
        text: the whole file. An empty one is an empty mapping.
        name: what the file is called in messages.
        fault: the class of the fault that is raised.

    Raises:
        ConfigurationFault: of class `fault`, with ``file``, ``line`` and ``key`` in its details, if the text
            does not parse, repeats a key, or uses a part of YAML that is refused.
    """
    problems: list[Problem] = []
    places: dict[Path, _Place] = {(): _Place(1, 1, None)}
    try:
        root = _compose(text)
    except _Refused as refused:
        raise refusal(fault, name, [refused.problem]) from None
    value: Value = None
    if root is not None:
        value = _Construction(places, problems).value(root, (), 1)
    if value is None and not problems:
        value = {}
    if not isinstance(value, dict):
        problems.append(Problem(places[()].line, "", "must be a mapping of keys to values"))
    if problems:
        raise refusal(fault, name, problems)
    assert isinstance(value, dict)
    return Document(name, value, places)


class _Refused(Exception):  # never leaves this file
    def __init__(self, line: int, said: str) -> None:
        super().__init__(said)
        self.problem = Problem(line, "", said)


class _Loader(yaml.SafeLoader):
    """Composes nodes, and stops at the first anchor, alias or tag."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise _Refused(line, "aliases (*name) are refused: write the value out")
        if getattr(event, "anchor", None) is not None:
            raise _Refused(line, "anchors (&name) are refused: write the value out")
        if getattr(event, "tag", None) is not None:
            raise _Refused(line, "tags (!name) are refused: write a plain value")
        if self.depth == _DEEPEST:
            raise _Refused(line, f"more than {_DEEPEST} levels inside each other")
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def _compose(text: str) -> yaml.Node | None:
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = len(_LINE_BREAK.findall(text, 0, error.position)) + 1
        raise _Refused(line, "has a character that YAML does not allow") from None
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _Refused(mark.line + 1 if mark else 1, _in_words(error)) from None
    except (yaml.YAMLError, ValueError, OverflowError):
        # The library lets Python's own errors through for escapes and directives beyond their range.
        raise _Refused(loader.line + 1, "is not YAML: an escape or number is out of range") from None
    finally:
        loader.dispose()


def _in_words(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or error.context or "cannot be parsed"
    if "but found another document" in problem:
        return "more than one document in the file: only one is allowed"
    if "'\\t'" in problem:
        return "a tab: YAML is indented with spaces only"
    return f"is not YAML: {problem}"


class _Construction:
    """Makes plain values of nodes, noting the place of each, and collecting what is wrong."""

    def __init__(self, places: dict[Path, _Place], problems: list[Problem]) -> None:
        self._places = places
        self._problems = problems
        self._scalars = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, path: Path, key_line: int) -> Value:
        line = node.start_mark.line + 1
        written = node.value if isinstance(node, yaml.ScalarNode) else None
        self._places[path] = _Place(key_line, line, written)
        if isinstance(node, yaml.MappingNode):
            return {key: self.value(item, (*path, key), at) for key, at, item in self._keys(node, path)}
        if isinstance(node, yaml.SequenceNode):
            items = enumerate(node.value)
            return [self.value(item, (*path, index), item.start_mark.line + 1) for index, item in items]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node, path, line)

    def _keys(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, int, yaml.Node]]:
        first: dict[str, int] = {}
        for key, item in node.value:
            line = key.start_mark.line + 1
            wrong = self._wrong_with(key, first)
            if wrong is None:
                first[key.value] = line
                yield key.value, line, item
            else:
                at = (*path, key.value) if isinstance(key, yaml.ScalarNode) else path
                self._problems.append(Problem(line, shown(at), wrong))

    def _wrong_with(self, key: yaml.Node, first: Mapping[str, int]) -> str | None:
        if not isinstance(key, yaml.ScalarNode):
            return "a key must be text, not a list or a mapping"
        if key.tag == _MERGE:
            return "merges (<<) are refused: write the keys out"
        if key.tag in _READ_AS:
            return f"YAML reads this key as {_READ_AS[key.tag]}, not as text: put it in quotes"
        if key.value in first:
            return f"a duplicate: the key is already on line {first[key.value]}"
        return None

    def _scalar(self, node: yaml.ScalarNode, path: Path, line: int) -> Value:
        # Times of day and dates stay as they are written: YAML 1.1 would make 1:30 the number 90.
        if ":" in node.value:
            return str(node.value)
        try:
            if node.tag == _NULL:
                return None
            if node.tag == _BOOL:
                return bool(self._scalars.construct_yaml_bool(node))
            if node.tag == _INT:
                return int(self._scalars.construct_yaml_int(node))
            if node.tag == _FLOAT:
                return float(self._scalars.construct_yaml_float(node))
        except (ValueError, OverflowError):
            self._problems.append(Problem(line, shown(path), "looks like a number and is none"))
        return str(node.value)
