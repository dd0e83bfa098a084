"""``phonograph reconcile``: what should be there against what is, and mending what can be mended."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import click

from console import text
from console.options import Common, common


@click.command("reconcile", epilog="Exit status: 0 all is there, 1 something is not, or was not before it was mended.")
@click.option("--days", type=click.FloatRange(0, 3660, min_open=True), default=1.0, show_default=True,
              help="How far to look back.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD",
              help="One day instead, by the `time_zone` of the settings.")
@click.option("--mend", is_flag=True, help="Mend what can be mended. No file is overwritten or deleted.")
@common
def command(common: Common, days: float, day: datetime | None, mend: bool) -> None:
    """Say how many calls had to be recorded and were, and list what is not as it should be.

    Calls without a recording, recordings that nobody finishes, files that are gone, files that no recording has.
    Without --mend nothing is changed.
    """
    since, until = _span(common, days, day)
    answer = common.ask("POST", "/reconcile", since=since, until=until, mend="yes" if mend else None)
    if common.as_json:
        text.say_json(answer)
    else:
        for line in _lines(answer, mend=mend):
            text.say(line)
    sys.exit(1 if answer["discrepancies"] else 0)


def _span(common: Common, days: float, day: datetime | None) -> tuple[float, float]:
    if day is None:
        now = time.time()
        return now - days * 86_400, now
    from zoneinfo import ZoneInfo  # late: `--help` needs none of it

    from service.expected import day as of_day

    return of_day(day.date(), ZoneInfo(common.settings().time_zone))


def _lines(answer: Mapping[str, Any], *, mend: bool) -> Iterable[str]:
    numbers, found, mended = answer["expected"], answer["discrepancies"], answer["mended"]
    yield (f"{numbers['calls']} calls; {numbers['to_be_recorded']} had to be recorded and are over, "
           f"{numbers['recorded']} were, {numbers['missed']} were missed")
    yield (f"recordings: {numbers['ready']} ready, {numbers['incomplete']} incomplete, {numbers['failed']} failed, "
           f"{numbers['expired']} expired, {numbers['in_work']} in work")
    if numbers["uncarried"]:
        yield f"{numbers['uncarried']} recordings were for a while taken by no recording server"
    for reason, number in numbers["missed_because"].items():
        yield f"missed {number} times: {text.safe(reason)}"
    if not found:
        yield "every call that should be recorded is, and every file has its place"
        return
    yield ""
    yield text.table(("kind", "what", "why"), [[one["kind"], one["what"], _why(one)] for one in found])
    for line in mended:
        yield f"mended {text.safe(line)}"
    can = sum(one["remedy"] is not None for one in found)
    if can and not mend:
        yield f"{can} of them can be mended: `phonograph reconcile --mend`"


def _why(one: Mapping[str, Any]) -> str:
    return f"{one['said']} With --mend {one['remedy']}." if one["remedy"] is not None else str(one["said"])
