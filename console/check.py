"""``phonograph check``: is everything as recording needs it; a line each."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from console import text
from console.options import Common, common
from faults import SettingsInvalid

if TYPE_CHECKING:
    from service.findings import Finding
    from service.settings import Settings


@click.command("check", epilog="Exit status: 0 nothing fails, 1 something does.")
@common
def command(common: Common) -> None:
    """Check the settings, the policy, the folders, the stores, the switches and their spools. Nothing is changed."""
    from service.findings import Verdict, bad, well

    findings: list[Finding] = []
    try:
        settings = common.settings()
    except SettingsInvalid as fault:
        findings.append(bad("settings", fault))
    else:
        findings.append(well("settings", f"{common.file} is well-formed"))
        findings += asyncio.run(_findings(settings))
    if common.as_json:
        text.say_json({"findings": [finding.as_dict() for finding in findings]})
    else:
        for line in _lines(findings):
            text.say(line)
    sys.exit(1 if any(finding.verdict is Verdict.FAIL for finding in findings) else 0)


async def _findings(settings: Settings) -> list[Finding]:
    from service import checks, queue_check, siprec_check, storage_check, wire
    from service.clock import SystemClock

    clock = SystemClock()
    found = [*checks.examine(settings, clock.at()),
             *await asyncio.to_thread(lambda: list(storage_check.examine(settings)))]
    if settings.rabbitmq is not None:
        found.append(await queue_check.examine(settings.rabbitmq))
    found += [finding async for finding in siprec_check.examine(settings.siprec, clock)]
    for name, switch in settings.switches.items():
        found += [finding async for finding in wire.examine(name, switch, servers=bool(settings.siprec.servers))]
    return found


def _lines(findings: Iterable[Finding]) -> Iterable[str]:
    for finding in findings:
        first, *more = finding.said.splitlines() or [""]
        yield f"{finding.verdict.value:<5} {text.safe(finding.subject)}: {text.safe(first)}"
        for line in (*more, *([f"-> {finding.remedy}"] if finding.remedy else [])):
            yield f"      {text.safe(line)}"
