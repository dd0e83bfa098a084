"""``phonograph replay``: a call's journal through the engine of this version."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from console import text
from console.options import Common, common


@click.command("replay", epilog="Exit status: 0 the same came out, 1 something else did.")
@click.argument("file", type=click.Path(path_type=Path))
@common
def command(common: Common, file: Path) -> None:
    """Run a call's journal through the engine, and say where it does something else than it did then.

    No service and no settings are needed. The journals are in `journal_path`, one file a call.
    """
    from service.journal_files import read
    from service.replay import replay

    result = replay(read(file))
    outcome = result.result.outcome if result.result is not None else None
    if common.as_json:
        text.say_json({"call": result.call, "steps": result.entries, "cut": result.cut,
                       "outcome": outcome.value if outcome is not None else None,
                       "differences": list(result.differences)})
    else:
        text.say(f"call {text.safe(result.call)}: {result.entries} steps, "
                 f"outcome {outcome.value if outcome is not None else 'open'}")
        if result.cut:
            text.say("the journal had reached its bound: only its beginning was compared")
        for difference in result.differences:
            text.say(text.safe(difference))
        if not result.differences:
            text.say("the same came out")
    sys.exit(1 if result.differences else 0)
