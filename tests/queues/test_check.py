"""`phonograph check` says whether RabbitMQ lets us in."""

from __future__ import annotations

from pathlib import Path

from service import queue_check
from service.findings import Verdict
from service.settings_file import load
from tests.workers import Site


async def test_a_broker_that_lets_us_in_is_well_and_a_wrong_password_is_not(site: Site) -> None:
    settings = load(site.file, {}).rabbitmq
    assert settings is not None
    assert (await queue_check.examine(settings)).verdict is Verdict.OK
    _write(settings.password_file, "wrong\n")
    finding = await queue_check.examine(settings)
    assert (finding.verdict, finding.said) == (
        Verdict.FAIL, "RabbitMQ at 127.0.0.1 cannot be used: ProbableAuthenticationError.")


def _write(file: Path, text: str) -> None:
    file.write_text(text)
