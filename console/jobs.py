"""``phonograph jobs``: the work after the hangup: what waits, what runs, what failed and what to do about it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click

from console import text
from console.options import Common, common
from faults import NotFound

_STATES = ["waiting", "running", "done", "failed"]
_PAGE = 1000


@click.group("jobs")
@common
def command(_common: Common) -> None:
    """The work on recordings after the hangup."""


@command.command("list")
@click.option("--limit", type=click.IntRange(1, _PAGE), default=50, show_default=True, help="How many at most.")
@click.option("--state", type=click.Choice(_STATES), help="Only those in this state; otherwise all that are not done.")
@click.option("--fault", metavar="ID", help="Only those whose last fault has this id, such as `processing.storage`.")
@common
def list_(common: Common, limit: int, state: str | None, fault: str | None) -> None:
    """List the jobs, those due first coming first."""
    answer = common.ask("GET", "/jobs", limit=limit, state=state, fault=fault)
    if common.as_json:
        text.say_json(answer)
        return
    text.say(text.table(("due", "state", "step", "attempts", "node", "recording", "fault"), [
        [text.when(one["run_at"]), one["state"], one["step"] or "-", str(one["attempts"]), one["node"] or "-",
         one["recording"], _fault(one)] for one in answer["jobs"]]))
    text.say(", ".join(f"{answer['counts'][state]} {state}" for state in _STATES))


@command.command("show")
@click.argument("recording")
@common
def show(common: Common, recording: str) -> None:
    """Show the job of one recording: where it stands, and what to do if it failed."""
    answer = common.ask("GET", f"/jobs/{text.part(recording)}")
    if common.as_json:
        text.say_json(answer)
        return
    for name, value in _rows(answer):
        text.say(f"{name:<10} {text.safe(value)}")


@command.command("retry")
@click.argument("recording", required=False)
@click.option("--fault", metavar="ID", help="All failed jobs whose last fault has this id.")
@common
def retry(common: Common, recording: str | None, fault: str | None) -> None:
    """Take a job off the failed list, or all that failed for one reason."""
    if (recording is None) == (fault is None):
        raise click.UsageError("Give either a recording or --fault ID.")
    if recording is not None:
        common.ask("POST", f"/recordings/{text.part(recording)}/retry")
        text.say_json({"waiting": 1}) if common.as_json else text.say("It waits for its turn again.")
        return
    begun, total = 0, len(_page(common, fault))
    with click.progressbar(length=total, label="jobs", file=sys.stderr) as bar:
        for one in _failed(common, fault):
            begun += _retried(common, one)
            bar.update(1)
    text.say_json({"waiting": begun}) if common.as_json else text.say(f"{begun} wait for their turn again.")


def _failed(common: Common, fault: str | None) -> Iterator[str]:
    """The recordings on the failed list for that reason, each once, whatever comes back to it meanwhile."""
    seen: set[str] = set()
    while fresh := [one for one in _page(common, fault) if one not in seen]:
        seen.update(fresh)
        yield from fresh


def _page(common: Common, fault: str | None) -> list[str]:
    return [one["recording"] for one in common.ask("GET", "/jobs", state="failed", fault=fault, limit=_PAGE)["jobs"]]


def _retried(common: Common, recording: str) -> bool:
    try:
        common.ask("POST", f"/recordings/{text.part(recording)}/retry")
    except NotFound:
        return False  # somebody else was quicker
    return True


def _fault(one: dict[str, Any]) -> str:
    return text.safe(one["fault"]["id"]) if one["fault"] is not None else "-"


def _rows(one: dict[str, Any]) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [
        ("recording", one["recording"]), ("state", one["state"]), ("step", one["step"] or "its begin"),
        ("attempts", one["attempts"]), ("node", one["node"] or "any"), ("begun", text.when(one["created"])),
        ("due", text.when(one["run_at"]))]
    if one["owner"] is not None:
        rows += [("worker", one["owner"]), ("holds it", f"until {text.when(one['lease_until'])}")]
    if one["fault"] is not None:
        fault = one["fault"]
        rows += [("fault", fault["id"]), ("said", fault["message"]), ("recording", fault["recording"]),
                 ("what to do", fault["remedy"])]
    return rows
