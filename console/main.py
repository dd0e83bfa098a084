"""The command ``phonograph``: one file of this folder for each noun, and one for what is asked about a call."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

from console.options import common

_NOUNS = ("run", "worker", "check", "policy", "calls", "recordings", "jobs", "notices", "reconcile", "explain",
          "replay")
_VERBS = ("pause", "resume", "start", "stop")
_COMMANDS: Mapping[str, tuple[str, str]] = {
    **{noun: (f"console.{noun}", "command") for noun in _NOUNS},
    **{verb: ("console.control", verb) for verb in _VERBS},
}


class _Commands(click.Group):
    """Imports a command when it is asked for: the others' libraries cost nothing then."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        found: click.Command = getattr(importlib.import_module(module), name)
        return found


@click.command(cls=_Commands, epilog="Exit status: 0 well; 1 it failed, or the answer is no; 2 a wrong command line.")
@click.version_option(package_name="phonograph")
@common
def main(_common: object) -> None:
    """Call recording for Asterisk and FreeSWITCH."""


if __name__ == "__main__":
    main()
