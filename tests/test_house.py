"""The house's rules: who may import whom, what the pure rooms may not touch, how long a file may be."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import faults

ROOT = Path(__file__).resolve().parent.parent

FLOORS = (
    ("faults",),
    ("policy", "media"),
    ("recorder",),
    ("link",),
    ("ari_app", "esl_app", "siprec_app"),
    ("ledger",),
    ("processing",),
    ("service",),
    ("console",),
)
"""Imports run towards the top of this list; rooms on one line do not know each other."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
BESIDE = frozenset({"tests", "demo", "bench", "tools"})
"""Python folders that are not the product: they may import it, it never imports them."""

PURE_ROOMS = frozenset({"faults", "policy", "media", "recorder"})
PURE_FILES = frozenset({"protocol.py", "translate.py", "commands.py", "messages.py", "lines.py", "legs.py",
                        "answers.py", "authentication.py", "bodies.py", "dialogs.py", "fields.py", "framing.py",
                        "message.py", "transactions.py"})
"""In every app; a folder called ``protocol`` counts as well."""

IMPURE_MODULES = frozenset({
    "asyncio", "threading", "multiprocessing", "concurrent", "subprocess", "selectors", "signal",
    "socket", "ssl", "http", "aiohttp", "fastapi", "uvicorn", "sentry_sdk",
    "sqlite3", "sqlalchemy", "alembic",
    "os", "pathlib", "shutil", "tempfile", "glob", "fcntl", "mmap",
    "time", "random", "secrets",
})
IMPURE_NAMES = frozenset({
    ("uuid", "uuid1"), ("uuid", "uuid4"), ("uuid", "getnode"), ("urllib", "request"), ("io", "open"),
    ("numpy", "random"), ("numpy", "memmap"), ("numpy", "fromfile"), ("numpy", "load"), ("numpy", "save"),
})
CLOCK_READS = frozenset({"now", "utcnow", "today", "fromtimestamp"})
"""Methods of datetime and date that read the clock, or the machine's own time zone."""

LONGEST = 450


def product_files() -> list[Path]:
    return sorted(path for room in FLOOR for path in (ROOT / room).rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_pure(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return parts[0] in PURE_ROOMS or parts[-1] in PURE_FILES or "protocol" in parts[1:-1]


def imports(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[int, str, str]]:
    """Line, module and name (empty for a whole module) of each import, those inside functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, module, alias.name


def forbidden_imports(source: str, room: str, package: tuple[str, ...]) -> list[str]:
    """The imports that run down the list of floors, or out of the product."""
    found = []
    for line, module, _name in imports(ast.parse(source), package):
        target = module.partition(".")[0]
        if target in BESIDE:
            found.append(f"{line}: the product imports {target}")
        elif target in FLOOR and target != room and FLOOR[target] >= FLOOR[room]:
            found.append(f"{line}: {room} imports {target}")
    return found


def impurities(source: str) -> list[str]:
    """What a pure file must not have: a module of the outside world, a clock, a drawn id, an opened path."""
    tree = ast.parse(source)
    found = []
    known: dict[str, str] = {}
    for line, module, name in imports(tree, ()):
        top = module.partition(".")[0]
        if top in IMPURE_MODULES or module == "urllib.request" or (top, name) in IMPURE_NAMES:
            found.append(f"{line}: imports {module} {name}".rstrip())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {alias.asname or alias.name: alias.name for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"open", "input"}:
            found.append(f"{node.lineno}: calls {node.func.id}()")
        elif isinstance(node, ast.Attribute):
            whole = ast.unparse(node.value)
            if (known.get(whole, whole), node.attr) in IMPURE_NAMES:
                found.append(f"{node.lineno}: uses {whole}.{node.attr}")
            elif node.attr in CLOCK_READS and whole.rpartition(".")[2] in {"datetime", "date"}:
                found.append(f"{node.lineno}: calls {whole}.{node.attr}")
    return found


def test_imports_run_only_towards_the_upper_floors() -> None:
    found = []
    for path in product_files():
        package = path.relative_to(ROOT).parent.parts
        found += [f"{named(path)}:{fault}" for fault in forbidden_imports(path.read_text(), package[0], package)]
    assert found == []


@pytest.mark.parametrize(("source", "room"), [
    ("import ledger", "ari_app"),
    ("from ledger.tables import Call", "recorder"),
    ("import media", "policy"),
    ("from esl_app.protocol import Parser", "ari_app"),
    ("def later():\n    import console.main", "service"),
    ("from tests.phone import Phone", "service"),
])
def test_an_import_that_runs_down_is_seen(source: str, room: str) -> None:
    assert len(forbidden_imports(source, room, (room,))) == 1


def test_imports_towards_the_top_and_within_a_room_are_allowed() -> None:
    source = "import faults\nfrom recorder.events import Tick\nfrom .protocol import Parser\nimport json"
    assert forbidden_imports(source, "esl_app", ("esl_app",)) == []


def test_pjsip_stays_in_a_process_of_its_own() -> None:
    """Its licence is the GPL: what imports it imports nothing of ours."""
    found = {}
    for path in (path for room in (*FLOOR, *BESIDE) for path in (ROOT / room).rglob("*.py")):
        modules = {module.partition(".")[0] for _line, module, _name in imports(ast.parse(path.read_text()), ())}
        if "pjsua2" in modules:
            found[named(path)] = modules & (set(FLOOR) | BESIDE)
    assert found == {"tests/recording_server_process.py": set()}


def test_pure_rooms_touch_nothing_outside_their_arguments() -> None:
    found = [f"{named(path)}:{fault}" for path in product_files() if is_pure(path)
             for fault in impurities(path.read_text())]
    assert found == []


@pytest.mark.parametrize("source", [
    "import asyncio",
    "from socket import AF_INET",
    "import os.path",
    "from pathlib import Path",
    "import time",
    "from uuid import uuid4",
    "import uuid\nuuid.uuid4()",
    "import uuid as ids\nids.uuid1()",
    "import datetime\ndatetime.datetime.now(datetime.UTC)",
    "from datetime import datetime\ndatetime.now()",
    "from datetime import date\ndate.today()",
    "open('calls.wav')",
    "import numpy as np\nnp.random.default_rng()",
    "import urllib.request",
])
def test_each_way_to_the_outside_is_seen(source: str) -> None:
    assert len(impurities(source)) == 1


@pytest.mark.parametrize("source", [
    "import uuid\nuuid.uuid5(uuid.NAMESPACE_URL, 'call')",
    "from datetime import datetime\ndatetime.fromisoformat('2026-01-01T00:00:00Z')",
    "import io\nio.BytesIO()",
    "from urllib.parse import quote",
    "gate.open()",
])
def test_what_only_looks_like_the_outside_is_allowed(source: str) -> None:
    assert impurities(source) == []


def test_every_file_is_read_in_one_sitting() -> None:
    folders = [*FLOOR, *BESIDE]
    long = {named(path): lines for folder in folders for path in (ROOT / folder).rglob("*.py")
            if "generated" not in path.parts and (lines := len(path.read_text().splitlines())) > LONGEST}
    assert long == {}


def test_every_python_folder_is_a_room_of_the_plan() -> None:
    found = {path.relative_to(ROOT).parts[0] for path in ROOT.glob("[!.]*/**/*.py")}
    assert found - set(FLOOR) - BESIDE == set()


def test_modules_have_plain_lower_case_names_and_their_folders_are_packages() -> None:
    odd = [named(path) for path in product_files()
           if not re.fullmatch(r"_?[a-z0-9_]+|__init__|__main__", path.stem)
           or not ((path.parent / "__init__.py").exists() or "migrations" in path.parts)]
    assert odd == []


def test_the_product_ships_exactly_the_rooms_that_are_built() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    shipped = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(shipped) == sorted(room for room in FLOOR if (ROOT / room / "__init__.py").exists())


def all_faults() -> list[type[faults.Fault]]:
    found = [faults.Fault]
    for kind in found:
        found += kind.__subclasses__()
    return [kind for kind in found if kind.__module__.partition(".")[0] == "faults"]


def parent(kind: type[faults.Fault]) -> type[faults.Fault] | None:
    return next((base for base in kind.__bases__ if issubclass(base, faults.Fault)), None)


def drawn() -> list[tuple[str, str, str]]:
    """(class, the class that it hangs from, the words beside it) of the tree in the docstring of faults."""
    assert faults.__doc__ is not None
    branches: list[str] = []
    rows = []
    for line in faults.__doc__.splitlines():
        match = re.fullmatch(r" {4}((?:│   |    )*)(?:[├└]── )?(\w+)(?: {2,}(\S.*))?", line)
        if match is None or not ("──" in line or match[2] == "Fault"):
            continue
        depth = len(match[1]) // 4 + ("──" in line)
        branches[depth:] = [match[2]]
        rows.append((match[2], branches[depth - 1] if depth else "", match[3] or ""))
    return rows


def test_the_drawing_of_the_faults_is_the_tree() -> None:
    assert sorted((name, parent) for name, parent, _words in drawn()) == sorted(
        (kind.__name__, above.__name__ if (above := parent(kind)) else "") for kind in all_faults())


def test_the_drawing_gives_each_fault_its_id() -> None:
    leaves = {kind.__name__: kind.id for kind in all_faults() if not kind.__subclasses__()}
    assert {name: words for name, _parent, words in drawn() if name in leaves} == leaves


def test_every_fault_is_imported_from_faults_itself() -> None:
    assert {kind.__name__ for kind in all_faults()} <= set(faults.__all__)


def test_every_fault_has_an_id_of_its_own_under_its_group() -> None:
    kinds = all_faults()
    assert len({kind.id for kind in kinds}) == len(kinds)
    outside = [kind.__name__ for kind in kinds
               if (above := parent(kind)) is not None and above is not faults.Fault
               and not kind.id.startswith(f"{above.id}.")]
    assert outside == []


def test_every_fault_says_what_became_of_the_recording_and_what_to_do() -> None:
    mute = [kind.__name__ for kind in all_faults() if not (kind.recording.strip() and kind.remedy.strip())]
    assert mute == []


def test_no_room_but_faults_grows_the_tree() -> None:
    names = {kind.__name__ for kind in all_faults()}
    elsewhere = []
    for path in product_files():
        if path.parts[len(ROOT.parts)] == "faults":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
                elsewhere += [f"{named(path)}:{node.lineno}: {node.name}"] if bases & names else []
    assert elsewhere == []
