"""One log for everything in the process: ours, uvicorn's, aiohttp's, alembic's. Everything is redacted.

A terminal gets lines for people, a file or a pipe gets one JSON object a line.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import structlog

from service import redact
from service.settings import LogLevel

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

# Every request on the local socket, and every connection that aiohttp makes, is no news.
_QUIET = ("uvicorn", "uvicorn.error", "uvicorn.access", "aiohttp.access", "asyncio", "alembic", "boto3", "botocore",
          "gnupg", "urllib3", "sentry_sdk")


def set_up(level: LogLevel, path: Path | None, stream: TextIO | None = None) -> None:
    """Send everything to ``path`` (mode 0600, reopened when it is moved away), or to ``stream`` (standard error)."""
    handler: logging.Handler
    if path is not None:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        handler = _LogFile(path, encoding="utf-8")
    else:
        handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    terminal = path is None and (stream if stream is not None else sys.stderr).isatty()
    shared = list(_shared())
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_ending(terminal=terminal)]))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.value.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared,
                    structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(), wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False)


class _LogFile(logging.handlers.WatchedFileHandler):
    """Looks once a second, not at every record, whether the file was moved away."""

    _look_at = 0.0

    def reopenIfNeeded(self) -> None:  # noqa: N802 - logging's name
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + 1.0
            super().reopenIfNeeded()


def _shared() -> Iterable[Processor]:
    """What every record goes through before the formatter, whoever logged it."""
    yield structlog.contextvars.merge_contextvars
    yield structlog.stdlib.add_logger_name
    yield structlog.stdlib.add_log_level
    yield structlog.stdlib.PositionalArgumentsFormatter()
    yield structlog.processors.StackInfoRenderer()
    yield structlog.processors.format_exc_info
    yield _redacted
    yield structlog.processors.TimeStamper(fmt="iso", utc=True)


def _ending(*, terminal: bool) -> Iterable[Processor]:
    if terminal:
        return [structlog.dev.ConsoleRenderer(colors=True)]
    return [structlog.processors.JSONRenderer(ensure_ascii=False, default=str)]


def _redacted(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    known = {key: value for key, value in event.items() if not key.startswith("_")}
    private = {key: value for key, value in event.items() if key.startswith("_")}
    return {**cast("dict[str, Any]", redact.plain(known)), **private}
