"""What both switches can do, as far as a run has shown it: one table at its end, a row a scenario, a column a switch.

A scenario is a test of the fixture `exchange` (``tests/scenarios``). What was left out, by a marker or because the
machine has no such switch, shows as not run.
"""

from __future__ import annotations

import pytest

from tests.freeswitch import FreeSwitchFault, find_installation

__all__ = ["SWITCHES", "Parity"]

SWITCHES = ("asterisk", "freeswitch")

_SWITCH, _SCENARIO = "switch", "scenario"
_NOT_RUN = "not run"
_WORST = ("failed", "passed", _NOT_RUN)
"""Of a test's set-up, call and end the first of these that one of them had counts."""


class Parity:
    """A plugin of pytest. Under xdist the workers name the scenarios, and the one who prints hears of them in their
    reports."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, str]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Each scenario carries its name and its switch into its reports."""
        for item in items:
            if isinstance(item, pytest.Function) and (named := _named(item)) is not None:
                item.user_properties += [(_SCENARIO, named[0]), (_SWITCH, named[1])]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One of a test's three parts is over."""
        told = dict(report.user_properties)
        if _SCENARIO not in told:
            return
        outcomes = self._found.setdefault(str(told[_SCENARIO]), {})
        switch = str(told[_SWITCH])
        outcome = {"passed": "passed" if report.when == "call" else _NOT_RUN, "failed": "failed"}.get(
            report.outcome, _NOT_RUN)
        outcomes[switch] = min(outcome, outcomes.get(switch, _NOT_RUN), key=_WORST.index)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The table, above pytest's closing line."""
        if not self._found:
            return
        terminalreporter.write_sep("=", "what was seen of each scenario, switch by switch")
        for line in self._lines():
            terminalreporter.write_line(line)

    def _lines(self) -> list[str]:
        rows = {name: [outcomes.get(switch, _NOT_RUN) for switch in SWITCHES]
                for name, outcomes in sorted(self._found.items())}
        width = max(map(len, rows))
        lines = ["  ".join([name.ljust(width), *(cell.ljust(10) for cell in cells)]).rstrip()
                 for name, cells in {"": list(SWITCHES), **rows}.items()]
        if any(cells[SWITCHES.index("freeswitch")] == _NOT_RUN for cells in rows.values()):
            try:
                find_installation()
            except FreeSwitchFault as missing:
                lines.append(f"not run on freeswitch: {missing}")
        return lines


def _named(item: pytest.Function) -> tuple[str, str] | None:
    """A scenario's name and its switch: ``recording: a call in over the trunk [PCMA]``."""
    given = getattr(item, "callspec", None)
    if given is None or (switch := given.params.get("exchange")) not in SWITCHES:
        return None
    others = "-".join(part for part in given.id.split("-") if part != switch)
    words = item.originalname.removeprefix("test_").replace("_", " ")
    name = f"{item.path.stem.removeprefix('test_')}: {words}{f' [{others}]' if others else ''}"
    return name, str(switch)
