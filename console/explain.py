"""``phonograph explain``: the story of one call."""

from __future__ import annotations

import click

from console import text
from console.options import Common, common
from console.story import story
from faults import NotFound


@click.command("explain")
@click.argument("call")
@common
def command(common: Common, call: str) -> None:
    """Tell what happened in a call, who was recorded and why, in plain sentences."""
    whole = common.ask("GET", f"/calls/{text.part(call)}")
    try:
        entries = common.ask("GET", f"/calls/{text.part(call)}/journal")["entries"]
    except NotFound:
        entries = []
    told = story(whole, entries)
    if common.as_json:
        text.say_json({"call": whole, "story": [{"at": at, "said": said} for at, said in told]})
        return
    for at, said in told:
        text.say(f"{text.clock(at) if at is not None else '            '}  {text.safe(said)}")
