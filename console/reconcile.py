"""``phonograph reconcile``: what should be there against what is."""

from __future__ import annotations

import sys

import click

from console import text
from console.options import Common, common


@click.command("reconcile", epilog="Exit status: 0 all is there, 1 something is not.")
@click.option("--days", type=click.FloatRange(0, 3660, min_open=True), default=1.0, show_default=True,
              help="How far to look back.")
@common
def command(common: Common, days: float) -> None:
    """List calls that should have a recording and have none, files that no recording knows, and files that are gone.

    Nothing is changed.
    """
    answer = common.ask("POST", "/reconcile", days=days)
    found = answer["discrepancies"]
    if common.as_json:
        text.say_json(answer)
    elif found:
        text.say(text.table(("kind", "what", "why"), [[one["kind"], one["what"], one["said"]] for one in found]))
    else:
        text.say("every call that should be recorded is, and every file has its place")
    sys.exit(1 if found else 0)
