"""``phonograph worker``: finishes recordings, as a process of its own."""

from __future__ import annotations

import asyncio
from importlib.metadata import version

import click

from console.options import Common, common, first_fault


@click.command("worker", epilog="SIGTERM ends it after the steps that run; others go on with what is left.")
@click.option("--at-once", type=click.IntRange(1, 64), default=1, show_default=True,
              help="How many recordings are worked on at a time.")
@common
def command(common: Common, at_once: int) -> None:
    """Finish recordings that the queue tells of, until SIGTERM."""
    from service import logs, reports
    from service.worker import run

    settings = common.settings()
    logs.set_up(settings.log_level, settings.log_path)
    if settings.sentry_dsn is not None:
        reports.set_up(settings.sentry_dsn.get_secret_value(), version("phonograph"))
    try:
        asyncio.run(run(settings, at_once))
    except BaseExceptionGroup as group:
        fault = first_fault(group)
        if fault is None:
            raise
        raise fault from group
