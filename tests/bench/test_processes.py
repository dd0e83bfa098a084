"""Reading processor time from /proc."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from bench.processes import cpu_seconds, machine_seconds, ticks

SECOND = os.sysconf("SC_CLK_TCK")


def stat(name: str, *, used: tuple[int, int, int, int]) -> str:
    """A line of /proc/PID/stat: utime, stime, cutime, cstime are its fields 14 to 17 (proc(5))."""
    before = ["S", "1", "7", "7", "0", "-1", "4194560", "900", "0", "0", "0"]
    return " ".join(["7", f"({name})", *before, *map(str, used), "20", "0", "9", "0", "100"]) + "\n"


def process(root: Path, pid: int, line: str, *, children: str = "") -> None:
    task = root / str(pid) / "task" / str(pid)
    task.mkdir(parents=True)
    (root / str(pid) / "stat").write_text(line)
    (task / "children").write_text(children)


@pytest.mark.parametrize("name", ["asterisk", "ld linux", "odd) S 1 (name", ""])
def test_own_and_ended_childrens_time_is_found_behind_any_name(name: str) -> None:
    assert ticks(stat(name, used=(10, 20, 300, 4000))) == 4330


def test_a_process_counts_with_its_living_descendants(tmp_path: Path) -> None:
    process(tmp_path, 7, stat("parent", used=(SECOND, 0, 0, 0)), children="8 9 ")
    process(tmp_path, 8, stat("child", used=(0, 2 * SECOND, 0, 0)), children="10 ")
    process(tmp_path, 9, stat("child", used=(0, 0, 4 * SECOND, 0)))
    process(tmp_path, 10, stat("grandchild", used=(0, 0, 0, 8 * SECOND)))
    assert cpu_seconds(7, tmp_path) == pytest.approx(15.0)


def test_a_thread_that_ends_meanwhile_takes_nothing_away(tmp_path: Path) -> None:
    process(tmp_path, 7, stat("parent", used=(SECOND, 0, 0, 0)), children="8 ")
    process(tmp_path, 8, stat("child", used=(0, 2 * SECOND, 0, 0)))
    (tmp_path / "7" / "task" / "11").mkdir()
    assert cpu_seconds(7, tmp_path) == pytest.approx(3.0)


def test_a_process_that_is_gone_counts_nothing(tmp_path: Path) -> None:
    assert cpu_seconds(7, tmp_path) == 0.0


def test_the_machine_s_time_leaves_idling_out(tmp_path: Path) -> None:
    whole = [SECOND * seconds for seconds in (1, 2, 4, 1000, 1000, 8, 16, 1000, 0, 0)]
    (tmp_path / "stat").write_text(f"cpu  {' '.join(map(str, whole))}\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    assert machine_seconds(tmp_path / "stat") == pytest.approx(31.0)


def test_this_process_uses_time_by_working() -> None:
    before = cpu_seconds(os.getpid())
    begun = time.process_time()
    while time.process_time() - begun < 0.05:
        pass
    assert cpu_seconds(os.getpid()) > before
