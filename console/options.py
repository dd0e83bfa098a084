"""What every command has: ``-c FILE`` and ``--json``, before or after the command's name, and faults as plain text."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from console import client, text
from faults import Fault

if TYPE_CHECKING:
    from service.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT = Path("/etc/phonograph/phonograph.yaml")


@dataclass
class Common:
    """What was given on the command line."""

    file: Path = DEFAULT
    as_json: bool = False

    def settings(self) -> Settings:
        """The settings.

        Raises:
            SettingsInvalid: they are wrong, or not there.
        """
        from service.settings_file import load  # late: `--help` needs none of it

        return load(self.file, os.environ)

    def ask(self, method: str, path: str, **parameters: str | float | None) -> Any:
        """What the running service answers; parameters that are None are left out.

        Raises:
            Fault: it does not run, or refused.
        """
        given = {key: value for key, value in parameters.items() if value is not None}
        return client.ask(self.settings().socket, method, path, given)


def common(command: F) -> F:
    """Give a command the common options, and its function the :class:`Common` as its first argument."""
    @click.option("-c", "--config", "settings_file", type=click.Path(path_type=Path), expose_value=False,
                  callback=_file, help=f"The settings file (default: {DEFAULT}).")
    @click.option("--json", "as_json", is_flag=True, expose_value=False, callback=_json,
                  help="Answer in JSON, for programs.")
    @click.pass_context
    @functools.wraps(command)
    def with_common(context: click.Context, *arguments: Any, **options: Any) -> Any:
        own: Common = context.ensure_object(Common)
        try:
            return command(own, *arguments, **options)
        except Fault as fault:
            tell(fault, as_json=own.as_json)
            sys.exit(1)

    return with_common  # type: ignore[return-value]


def tell(fault: Fault, *, as_json: bool) -> None:
    """Say what went wrong, what that means for the recording, and what to do: on standard error."""
    if as_json:
        text.say_json({"fault": fault.as_dict()})
        return
    lines = [text.safe(line) for line in fault.message.splitlines()]
    click.echo("\n".join([f"phonograph: {lines[0] if lines else fault.id}", *lines[1:],
                          f"  recording: {fault.recording}", f"  what to do: {fault.remedy}", f"  [{fault.id}]"]),
               err=True)


def first_fault(group: BaseExceptionGroup[BaseException]) -> Fault | None:
    """The fault that ended a service, out of what its tasks raised together."""
    found = group.subgroup(Fault)
    while isinstance(found, BaseExceptionGroup):
        first = found.exceptions[0]
        if isinstance(first, Fault):
            return first
        found = first if isinstance(first, BaseExceptionGroup) else None
    return None


def _file(context: click.Context, _option: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Common).file = value


def _json(context: click.Context, _option: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Common).as_json = True
