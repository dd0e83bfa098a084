"""``phonograph recordings``: list them, show one, print where its file is, try a failed one again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from console import text
from console.options import Common, common
from faults import NotFound

_STATES = ["armed", "recording", "paused", "ended", "empty", "processing", "ready", "incomplete", "failed",
           "expired"]


@click.group("recordings")
@common
def command(_common: Common) -> None:
    """The recordings and their files."""


@command.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many at most.")
@click.option("--state", type=click.Choice(_STATES), help="Only those in this state.")
@common
def list_(common: Common, limit: int, state: str | None) -> None:
    """List the recordings, newest first."""
    answer = common.ask("GET", "/recordings", limit=limit, state=state)
    if common.as_json:
        text.say_json(answer)
        return
    text.say(text.table(("began", "caller", "callee", "length", "state", "recording"), [
        [text.when(one["started"] or one["created"]), one["caller"] or "-", one["callee"] or "-",
         text.seconds(one["seconds"]), one["state"], one["id"]] for one in answer["recordings"]]))


@command.command("now")
@common
def now(common: Common) -> None:
    """List what is being recorded at this moment."""
    answer = common.ask("GET", "/running")
    if common.as_json:
        text.say_json(answer)
        return
    text.say(text.table(("began", "switch", "caller", "state", "tapped", "goes to", "error", "recording"), [
        [text.when(one["started"] or one["created"]), one["switch"], one["caller"] or one["conference"] or "-",
         one["state"], ", ".join(one["sources"]) or "-", _goes_to(one["goes_to"]), one["error"] or "-",
         one["recording"]]
        for one in answer["recordings"]]))


@command.command("show")
@click.argument("recording")
@common
def show(common: Common, recording: str) -> None:
    """Show everything about one recording."""
    answer = common.ask("GET", f"/recordings/{text.part(recording)}")
    if common.as_json:
        text.say_json(answer)
        return
    for line in _lines(answer):
        text.say(line)


@command.command("path")
@click.argument("recording")
@click.option("--kind", default="mixed", show_default=True, help="Which file: mixed, stereo, party-1 ..., manifest.")
@common
def path(common: Common, recording: str, kind: str) -> None:
    """Print where a recording's file is."""
    answer = common.ask("GET", f"/recordings/{text.part(recording)}")
    places = {one["kind"]: one["place"] for one in answer["artefacts"] if one["deleted"] is None}
    # A recording that was made before the ledger noted each file.
    found = places.get(kind) if answer["artefacts"] else answer["files"].get(kind)
    if found is None:
        raise _no_file(answer, kind)
    text.say_json({kind: found}) if common.as_json else text.say(text.safe(found))


@command.command("get")
@click.argument("recording")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--kind", help="Only this file: mixed, stereo, party-1 ..., manifest. Without it, all of them.")
@common
def get(common: Common, recording: str, folder: Path, kind: str | None) -> None:
    """Fetch a recording's files into FOLDER, wherever they are kept, and verify them."""
    from console.fetch import fetch

    answer = common.ask("GET", f"/recordings/{text.part(recording)}")
    wanted = {one["kind"]: one for one in answer["artefacts"] if one["deleted"] is None and kind in (None, one["kind"])}
    if not wanted:
        raise _no_file(answer, kind or "finished")
    fetched = fetch(common.settings().socket, recording, list(wanted.values()), folder, quiet=common.as_json)
    if common.as_json:
        text.say_json({"files": {kind: str(path) for kind, path in fetched.items()}})
    else:
        for path in fetched.values():
            text.say(text.safe(path))


@command.command("retry")
@click.argument("recording")
@common
def retry(common: Common, recording: str) -> None:
    """Begin the work on a failed recording again."""
    answer = common.ask("POST", f"/recordings/{text.part(recording)}/retry")
    text.say_json(answer) if common.as_json else text.say("It waits for its turn again.")


def _no_file(one: dict[str, Any], kind: str) -> NotFound:
    servers = dict.fromkeys(session["server"] for session in one["sessions"] if session["up"] is not None)
    where = f", and went to {' and '.join(servers)}" if servers else ""
    return NotFound(f"That recording has no {kind} file: it is {one['state']}{where}.", recording=one["id"])


def _goes_to(goes: dict[str, Any]) -> str:
    """Which server has it and since when, and whether files have it, and why."""
    server = f"{goes['server']} since {text.when(goes['since'])}" if goes["server"] else ""
    file = "file" if goes["file"] else ""
    if goes["wanted"] and not goes["server"]:
        file = f"{file or 'nothing'} ({goes['why'] or 'no recording server has taken it yet'})"
    return " and ".join(filter(None, [server, file])) or "-"


def _where(file: dict[str, Any]) -> str:
    if file["deleted"] is not None:
        return f"{file['place']} (deleted {text.when(file['deleted'])})"
    return f"{file['place']} (confirmed by its store)" if file["confirmed"] is not None else str(file["place"])


def _lines(one: dict[str, Any]) -> list[str]:
    rows: list[tuple[str, object]] = [
        ("recording", one["id"]), ("call", one["call"]), ("switch", one["switch"]),
        ("from", one["caller"] or "-"), ("to", one["callee"] or "-"), ("state", one["state"]),
        ("why", one["reason"] or "-"), ("began", text.when(one["started"])), ("ended", text.when(one["ended"])),
        ("length", text.seconds(one["seconds"]))]
    if one["target"] not in (None, "wav"):
        rows.append(("target", one["target"]))
    if one["goes_to"]["wanted"] and one["ended"] is None:
        rows.append(("goes to", _goes_to(one["goes_to"])))
    # A recording that was made before the ledger noted each file has only their names.
    rows += [(file["kind"], _where(file)) for file in one["artefacts"]] or one["files"].items()
    lines = [f"{name:<10} {text.safe(value)}" for name, value in rows]
    job = one["job"]
    if job is not None and job["fault"] is not None:
        lines.append(f"{'job':<10} {text.safe(job['state'])} at {text.safe(job['step'] or 'its begin')}, "
                     f"attempt {job['attempts']}: {text.safe(job['fault']['message'])}")
    lines += [f"{'session':<10} {text.safe(session['server'])} {session['state']}, "
              f"{text.when(session['up'])} to {text.when(session['ended'])}"
              f"{': ' + text.safe(session['cause']) if session['cause'] else ''}" for session in one["sessions"]]
    lines += [f"{'segment':<10} {text.safe(segment['id'])} {segment['state']}, "
              f"{text.when(segment['started'])} to {text.when(segment['ended'])}"
              f"{', mixed' if segment['mixed'] else ''}"
              f"{', for a recording server' if segment['sink'] == 'server' else ''}"
              f"{', ended by force' if segment['forced'] else ''}" for segment in one["segments"]]
    return lines + [f"{'state':<10} {text.when(step['at'])} {step['state']}" for step in one["history"]]
