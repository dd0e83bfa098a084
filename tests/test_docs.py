"""What the pages say has to be so: links lead somewhere, named tests exist, examples parse, commands are commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

import faults
from console.main import main
from policy.load import parse as parse_policy
from service import settings_file
from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*-conf/*.md"))
               if path.is_file())

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(r"(?:[\w.-]+/)+[\w-]+\.(?:py|md|conf|yaml|toml|txt)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text())


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """The fenced blocks of a page in one of the languages."""
    for match in _FENCE.finditer(page.read_text()):
        if match[1] in languages:
            yield match[2]


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings can be linked to."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(prose(page))}


def commands(page: Path) -> Iterator[tuple[str, bool]]:
    """Each command line of ours in a page, and whether it stands in a block, where it has to be whole."""
    for line in "\n".join(blocks(page, "", "sh")).splitlines():
        if found := re.match(r"(?:sudo -u \w+ )?(?:/\S+/)?(phonograph( .*)?)$", line):
            yield found[1], True
    for code in _CODE.findall(prose(page)):
        if code.startswith("phonograph "):
            yield code, False


def complaint(line: str, *, whole: bool) -> str:
    """What the command line says against a command of the pages, or nothing. Nothing is run.

    Args:
        whole: its arguments have to be there too; else the command's name is enough.
    """
    _, *words = shlex.split(line, comments=True)
    try:
        context = main.make_context("phonograph", words)
        while isinstance(context.command, click.Group) and (rest := [*context._protected_args, *context.args]):
            name, command, rest = context.command.resolve_command(context, rest)
            assert command is not None
            context = command.make_context(name, rest, parent=context)
    except click.MissingParameter as error:
        return error.format_message() if whole else ""
    except click.UsageError as error:
        return error.format_message()
    if whole and isinstance(context.command, click.Group) and not context.command.invoke_without_command:
        return "a command is missing"
    return ""


def dead_links(page: Path) -> list[str]:
    dead = []
    for target in _LINK.findall(prose(page)):
        path, _, anchor = target.partition("#")
        if "://" in path or target == "+":  # [section](+) is Asterisk's way to add to a section
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            dead.append(target)
    return dead


def dead_names(page: Path) -> list[str]:
    """Files and tests of this repository that a page names in code and that are not there."""
    dead = []
    for code in _CODE.findall(prose(page)):
        path, _, test = code.partition("::")
        if not _FILE.fullmatch(path) or not (ROOT / path.partition("/")[0]).is_dir():
            continue
        file = ROOT / path
        if not file.is_file() or (test and f"def {test}(" not in file.read_text()):
            dead.append(code)
    return dead


def refused(text: str) -> bool:
    """Whether a YAML example is a settings or policy file that would be refused, or neither of the two."""
    content = yaml.safe_load(text)
    if not isinstance(content, dict):
        return True
    if content.keys() <= set(Settings.model_fields):
        settings_file.parse(text, "example", {})
    else:
        parse_policy(text, "example")
    return False


def strange_lines(block: str) -> list[str]:
    """Lines of an Asterisk example that are not in the file of asterisk-conf/ that its first line names. Passwords are
    in none."""
    first, *lines = block.splitlines()
    name = first.removeprefix("; ").strip()
    known = {line.strip() for line in (ROOT / "asterisk-conf" / name).read_text().splitlines()}
    return [line for line in lines if line.strip() and not line.startswith(";") and line.strip() not in known
            and not line.startswith("password =")]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    assert dead_links(page) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_named_file_and_test_is_there(page: Path) -> None:
    assert dead_names(page) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_yaml_example_is_a_settings_or_a_policy_file(page: Path) -> None:
    assert [block for block in blocks(page, "yaml") if refused(block)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_asterisk_example_is_what_the_tested_asterisk_runs_with(page: Path) -> None:
    assert [line for block in blocks(page, "ini") for line in strange_lines(block)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_is_in_the_makefile(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = [*_CODE.findall(prose(page)), *"\n".join(blocks(page, "", "sh")).splitlines()]
    assert {match[1] for line in code if (match := re.match(r"make ([\w-]+)", line))} - targets == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_line_is_one_that_phonograph_takes(page: Path) -> None:
    assert {line: said for line, whole in commands(page) if (said := complaint(line, whole=whole))} == {}


@pytest.mark.parametrize("line", [
    "phonograph dance", "phonograph calls --loudly", "phonograph explain", "phonograph policy",
    "phonograph recordings sing", "phonograph recordings list --state happy",
])
def test_a_command_line_that_phonograph_does_not_take_is_seen(line: str) -> None:
    assert complaint(line, whole=True)


def test_every_command_that_a_fault_advises_is_one_that_phonograph_takes() -> None:
    advice = [code for kind in vars(faults).values() if isinstance(kind, type) and issubclass(kind, faults.Fault)
              for code in _CODE.findall(kind.remedy) if code.startswith("phonograph ")]
    assert {line: said for line in advice if (said := complaint(line, whole=False))} == {}


def test_the_index_lists_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    listed = {(index.parent / target.partition("#")[0]).resolve() for target in _LINK.findall(index.read_text())}
    pages = {page for page in (ROOT / "docs").glob("*.md") if page != index}
    assert sorted(map(name_of, pages - listed)) == []
