"""Error reports to Sentry, when a DSN is set: scrubbed, without local variables, breadcrumbs or personal data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import sentry_sdk

from service import redact

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

# Sentry's own keys that hold an id or a time of its own making.
_OWN = frozenset({"event_id", "timestamp", "release", "platform", "sdk", "contexts", "level", "modules"})


def set_up(dsn: str, release: str) -> None:
    """Report what is logged as an error, and what nobody caught, to ``dsn``."""
    sentry_sdk.init(
        dsn=dsn, release=release, include_local_variables=False, max_breadcrumbs=0,
        max_request_body_size="never", auto_enabling_integrations=False, auto_session_tracking=False,
        before_send=scrubbed)


def scrubbed(event: Event, _hint: Hint) -> Event:
    """The report as it may leave: everything that Sentry did not make itself is redacted."""
    report = cast("dict[str, Any]", event)
    for key in [key for key in report if key not in _OWN]:
        report[key] = redact.plain(report[key], key)
    report.pop("server_name", None)
    report.pop("request", None)
    report.pop("user", None)
    return event
