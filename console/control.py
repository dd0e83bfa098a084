"""``phonograph pause``, ``resume``, ``start`` and ``stop``: requests about a call that goes on, as its operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from console import text
from console.options import Common, common


def _target(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.argument("target", metavar="CALL|CHANNEL")(function)


def _reason(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--reason", default="", help="Why; it is written down, without digits.")(function)


def _owner(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--owner", default="operator", show_default=True,
                        help="Whose pause it is; others' stay as they are.")(function)


def _server(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--server", metavar="NAME", default="",
                        help="One recording server of the settings; without it everything is meant.")(function)


@click.command("pause")
@_target
@_owner
@_reason
@_server
@click.option("--longest", type=click.FloatRange(0, min_open=True), help="It ends by itself after so many seconds.")
@click.option("--then", type=click.Choice(["resume", "stop"]), default="resume", show_default=True,
              help="What follows the longest time.")
@common
def pause(common: Common, target: str, owner: str, reason: str, server: str, longest: float | None, then: str) -> None:
    """Pause the recording of a call that goes on; answered when the switch has confirmed it.

    With --server nothing goes to that recording server meanwhile, and the rest goes on.

    The call is named by its id, or by the channel of one of its parties (PJSIP/alice-0000001a).
    """
    _ask(common, target, "pause", owner=owner, reason=reason, longest=longest, then=then, server=server)


@click.command("resume")
@_target
@_owner
@_server
@common
def resume(common: Common, target: str, owner: str, server: str) -> None:
    """Give a pause back. The recording goes on once nobody holds one any more."""
    _ask(common, target, "resume", owner=owner, server=server)


@click.command("start")
@_target
@_reason
@_server
@common
def start(common: Common, target: str, reason: str, server: str) -> None:
    """Start the recording of a call that goes on, if policy allows it.

    With --server it goes to that recording server as well, also when it is being recorded already.
    """
    _ask(common, target, "start", reason=reason, server=server)


@click.command("stop")
@_target
@_reason
@_server
@common
def stop(common: Common, target: str, reason: str, server: str) -> None:
    """Stop the recording of a call that goes on.

    With --server it goes on, and that recording server, named before with `start --server`, gets no more of it.
    """
    _ask(common, target, "stop", reason=reason, server=server)


def _ask(common: Common, target: str, verb: str, **parameters: str | float | None) -> None:
    answer = common.ask("POST", f"/calls/{text.part(target)}/{verb}", **parameters)
    text.say_json(answer) if common.as_json else text.say(text.safe(answer["message"]))
