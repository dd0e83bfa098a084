"""Logs and error reports: one shape for everything, and nothing in them that should not leave."""

from __future__ import annotations

import io
import json
import logging
import stat
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk
import structlog

from service import logs, reports
from service.settings import LogLevel


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The log, as a pipe gets it; afterwards logging is as it was."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    logs.set_up(LogLevel.INFO, None, stream)
    yield stream
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    for handler in before:
        root.addHandler(handler)
    root.setLevel(level)
    structlog.reset_defaults()


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_record_of_ours_is_one_json_object(log: io.StringIO) -> None:
    structlog.get_logger("driver").info("tap attached", call="c", seconds=0.015)
    (line,) = lines(log)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "tap attached", "call": "c", "seconds": 0.015, "level": "info", "logger": "driver"}


def test_other_libraries_speak_in_the_same_shape(log: io.StringIO) -> None:
    logging.getLogger("some.library").warning("dropped %s", "4930123456")
    (line,) = lines(log)
    assert (line["event"], line["logger"], line["level"]) == ("dropped *******456", "some.library", "warning")


def test_numbers_are_masked_in_values_messages_and_tracebacks(log: io.StringIO) -> None:
    try:
        raise ValueError("no 4930123456")
    except ValueError:
        structlog.get_logger("x").exception("call from %s", "4930123456", caller="4930123456", password="hunter2")
    assert "4930123456" not in log.getvalue()
    assert "hunter2" not in log.getvalue()
    assert "ValueError" in log.getvalue()


def test_what_is_below_the_level_is_left_out(log: io.StringIO) -> None:
    structlog.get_logger("x").debug("nothing")
    assert log.getvalue() == ""


@pytest.mark.usefixtures("log")
def test_a_log_file_is_its_owners_alone(tmp_path: Path) -> None:
    logs.set_up(LogLevel.INFO, tmp_path / "x.log")
    structlog.get_logger("x").info("hello")
    assert stat.S_IMODE((tmp_path / "x.log").stat().st_mode) == 0o600
    assert json.loads((tmp_path / "x.log").read_text())["event"] == "hello"


class _Sentry(BaseHTTPRequestHandler):
    """Takes error reports on loopback, and keeps them in the server."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = zlib.decompress(body, 31)
        self.server.reports.append(body.decode())  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def sentry() -> Iterator[HTTPServer]:
    """A double of Sentry."""
    server = HTTPServer(("127.0.0.1", 0), _Sentry)
    server.reports = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("log")
def test_a_report_is_sent_and_holds_no_number_secret_or_variable(sentry: HTTPServer) -> None:
    reports.set_up(f"http://key@127.0.0.1:{sentry.server_port}/1", "1.0")
    card = "4111111111111111"
    try:
        raise RuntimeError(f"could not pass on {card} with password=hunter2")
    except RuntimeError:
        structlog.get_logger("x").exception("a step broke", caller="4930123456")
    sentry_sdk.flush(timeout=10)
    sentry_sdk.get_client().close()
    told = "".join(sentry.reports)  # type: ignore[attr-defined]
    assert "RuntimeError" in told
    for secret in (card, "4930123456", "hunter2"):
        assert secret not in told
    assert '"vars"' not in told
    assert "server_name" not in told
