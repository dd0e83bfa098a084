"""``phonograph run``: the service, in the foreground."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import TYPE_CHECKING

import click

from console.options import Common, common, first_fault

if TYPE_CHECKING:
    from service.desk import Desk


@click.command("run", epilog="SIGTERM ends it; what is being recorded goes on, and the next start takes it over. "
                             "SIGHUP loads the policy again.")
@common
def command(common: Common) -> None:
    """Run the service until SIGTERM."""
    from console import api, http
    from service import logs, reports
    from service.run import run

    settings = common.settings()
    logs.set_up(settings.log_level, settings.log_path)

    async def serve(desk: Desk) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(api.serve(desk, settings.socket))
            group.create_task(http.serve(desk, settings))

    if settings.sentry_dsn is not None:
        reports.set_up(settings.sentry_dsn.get_secret_value(), version("phonograph"))
    try:
        asyncio.run(run(settings, serve))
    except BaseExceptionGroup as group:
        fault = first_fault(group)
        if fault is None:
            raise
        raise fault from group
