"""``phonograph calls``: the calls with their decisions."""

from __future__ import annotations

from typing import Any

import click

from console import text
from console.options import Common, common


@click.command("calls")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many at most.")
@click.option("--party", help="Only calls of this user, user@domain, or number.")
@click.option("--state", type=click.Choice(["setup", "answered", "ended", "closed"]), help="Only calls in this state.")
@click.option("--outcome", type=click.Choice(["recorded", "not_wanted", "unanswered", "missed"]),
              help="Only calls that ended so.")
@common
def command(common: Common, limit: int, party: str | None, state: str | None, outcome: str | None) -> None:
    """List the calls, newest first: who, decided by which rule, and what became of it."""
    answer = common.ask("GET", "/calls", limit=limit, party=party, state=state, outcome=outcome)
    if common.as_json:
        text.say_json(answer)
        return
    text.say(text.table(("began", "caller", "callee", "direction", "rule", "state", "outcome", "call"),
                        [_row(call) for call in answer["calls"]]))


def _row(call: dict[str, Any]) -> list[str]:
    return [text.when(call["created"]), call["caller"] or "-", call["callee"] or "-", call["direction"] or "-",
            call["rule"] or "-", "paused" if call["paused"] and call["state"] == "answered" else call["state"],
            call["outcome"] or "-", call["id"]]
