"""What the repository as a whole owes its readers: no address of ours in it, honest locks, a licence, two commands."""

from __future__ import annotations

import gzip
import re
import subprocess
from pathlib import Path

import pytest

from tools import lock

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("run.txt", "dev.txt")


def words(*pieces: str) -> str:
    """A name put together from its pieces, so that this file does not hold it."""
    return "".join(pieces)


HOSTS = [
    words("py", "pi.org"), words("python", "hosted.org"), words("deb.", "debian.org"),
    words("security.", "debian.org"), words("snapshot.", "debian.org"), words("ftp.", "debian.org"),
    words("registry.", "npmjs"), words("proxy.", "golang.org"), words("archive.", "ubuntu.com"),
]
MACHINE_PATHS = [words("/wo", "rk/"), words("/ro", "ot/"), words("/ho", "me/"), words("/opt/", "pypi"),
                 words("/opt/", "wheels"), words("../sha", "red")]
FORBIDDEN_WORDS = [
    words(r"\bsess", r"ion\s+#?\d+\b"), words(r"\biss", r"ue\s+#?\d{1,3}\b"), words(r"(?<![\w#])#", r"\d{1,3}\b(?!;)"),
    words(r"\bcla", r"ude\b"), words(r"\banthro", r"pic\b"), words(r"\bchat", r"gpt\b"), words(r"\bllm", r"s?\b"),
    words(r"\bai[- ]", r"(generated|assisted|assistant)\b"), words(r"\bc", r"eo\b"),
]
UNFINISHED = [words("TO", "DO"), words("FIX", "ME"), words("NotImple", "mentedError"), words("X", "XX")]


def tracked() -> dict[str, bytes]:
    """The content of each tracked file that the work tree has; compressed captures are opened."""
    listing = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True,
                             check=True)
    files = {}
    for name in filter(None, listing.stdout.decode().split("\0")):
        path = ROOT / name
        if path.is_file():
            content = path.read_bytes()
            files[name] = gzip.decompress(content) if name.endswith(".gz") else content
    assert files, "git lists no file"
    return files


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return tracked()


@pytest.fixture(scope="module")
def texts(files: dict[str, bytes]) -> dict[str, str]:
    """Those of the files that are text."""
    return {name: content.decode(errors="replace") for name, content in files.items() if b"\0" not in content}


def lines_with(pattern: str, texts: dict[str, str], flags: int = 0) -> list[str]:
    found = []
    for name, text in texts.items():
        found += [f"{name}:{number}" for number, line in enumerate(text.splitlines(), 1)
                  if re.search(pattern, line, flags)]
    return found


@pytest.mark.parametrize("host", HOSTS)
def test_no_file_names_a_registry_or_a_mirror(host: str, files: dict[str, bytes]) -> None:
    assert [name for name, content in files.items() if host.encode() in content.lower()] == []


@pytest.mark.parametrize("path", MACHINE_PATHS)
def test_no_file_names_a_folder_of_the_machine_it_was_written_on(path: str, texts: dict[str, str]) -> None:
    assert lines_with(rf"(?<![\w.-]){re.escape(path)}", texts) == []


@pytest.mark.parametrize("pattern", FORBIDDEN_WORDS)
def test_no_file_speaks_of_how_it_came_about(pattern: str, texts: dict[str, str]) -> None:
    written = {name: text for name, text in texts.items() if not name.startswith(("requirements/", "tests/fixtures/"))}
    assert lines_with(pattern, written, re.IGNORECASE) == []


@pytest.mark.parametrize("word", UNFINISHED)
def test_no_file_is_left_unfinished(word: str, texts: dict[str, str]) -> None:
    assert lines_with(rf"\b{word}\b", {name: text for name, text in texts.items() if name.endswith(".py")}) == []


def requirement_blocks(name: str) -> list[str]:
    """Each requirement of a lock with its continuation lines, joined."""
    text = (ROOT / "requirements" / name).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_requirement_is_one_version_with_hashes(name: str) -> None:
    form = re.compile(r"[a-z0-9.-]+==[^\s;]+( ;[^#]*?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*")
    assert [line.split()[0] for line in requirement_blocks(name) if not form.fullmatch(line)] == []


@pytest.mark.parametrize("name", LOCKS)
def test_no_lock_says_where_packages_come_from(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host| @ ", text)


def test_the_locks_fulfil_what_the_project_asks_for() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    assert lock.stale(project, {name: (ROOT / "requirements" / name).read_text() for name in LOCKS}) == []


PROJECT = """
[project]
dependencies = ["numpy>=2"]
[dependency-groups]
dev = ["pytest>=9"]
"""


@pytest.mark.parametrize(("run", "dev", "fault"), [
    ("numpy==1.9\n", "numpy==1.9\npytest==9.1\n", "requirements/run.txt has no version that fulfils numpy>=2"),
    ("numpy==2.1\n", "numpy==2.1\n", "requirements/dev.txt has no version that fulfils pytest>=9"),
    ("numpy==2.1\n", "numpy==2.2\npytest==9.1\n", "numpy is pinned differently in run.txt and dev.txt"),
], ids=["too old", "missing", "differing"])
def test_a_lock_that_has_gone_stale_is_named(run: str, dev: str, fault: str) -> None:
    assert fault in lock.stale(PROJECT, {"run.txt": run, "dev.txt": dev})


def test_the_licence_is_mit_and_names_its_holder() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert text.startswith("MIT License\n\nCopyright (c) 2026 The Phonograph authors\n")
    assert "Permission is hereby granted, free of charge" in text
    assert 'THE SOFTWARE IS PROVIDED "AS IS"' in text


def test_the_readme_opens_with_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    block = re.search(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    commands = [line.partition("#")[0].strip() for line in block[1].splitlines() if line.strip()]
    assert commands == ["make demo", "make test"]
    assert "\n## " not in text[: block.start()]
    assert text[: block.start()].count("\n") < 15
