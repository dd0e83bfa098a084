"""``phonograph notices``: who was told of which recording; the failed list; telling somebody again."""

from __future__ import annotations

from typing import Any

import click

from console import text
from console.options import Common, common

_STATUS = ["waiting", "running", "done", "failed"]


@click.group("notices")
@common
def command(_common: Common) -> None:
    """Who was told of which recording."""


@command.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many at most.")
@click.option("--status", type=click.Choice(_STATUS), help="Only those in this status.")
@click.option("--failed", is_flag=True, help="Only the failed list: the same as --status failed.")
@click.option("--channel", help="Only those of this channel, such as mail or webhook:NAME.")
@click.option("--recording", help="Only those of this recording.")
@common
def list_(common: Common, limit: int, status: str | None, failed: bool, channel: str | None,
          recording: str | None) -> None:
    """List the notices, newest first."""
    answer = common.ask("GET", "/notices", limit=limit, status="failed" if failed else status, channel=channel,
                        recording=recording)
    if common.as_json:
        text.say_json(answer)
        return
    text.say(text.table(("notice", "made", "channel", "recording", "tells of", "status", "attempts", "how it went"), [
        [one["notice"], text.when(one["created"]), one["channel"], one["recording"], one["state"], one["status"],
         one["attempts"], _how(one)] for one in answer["notices"]]))


@command.command("show")
@click.argument("notice")
@common
def show(common: Common, notice: str) -> None:
    """Show everything about one notice."""
    answer = common.ask("GET", f"/notices/{text.part(notice)}")
    if common.as_json:
        text.say_json(answer)
        return
    rows: list[tuple[str, object]] = [
        ("notice", answer["notice"]), ("channel", answer["channel"]), ("recording", answer["recording"]),
        ("tells of", answer["state"]), ("status", answer["status"]), ("attempts", answer["attempts"]),
        ("made", text.when(answer["created"])), ("how", _how(answer))]
    if answer["status"] == "waiting":
        rows.append(("due", text.when(answer["run_at"])))
    if answer["fault"] is not None:
        rows.append(("do", answer["fault"]["remedy"]))
    for name, value in rows:
        text.say(f"{name:<10} {text.safe(value)}")


@command.command("retry")
@click.argument("notice")
@common
def retry(common: Common, notice: str) -> None:
    """Tell somebody again, whom it could not be told."""
    answer = common.ask("POST", f"/notices/{text.part(notice)}/retry")
    text.say_json(answer) if common.as_json else text.say("It waits for its turn again.")


def _how(one: dict[str, Any]) -> str:
    return str(one["fault"]["message"]) if one["fault"] is not None else one["note"] or "-"
