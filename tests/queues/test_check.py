"""`phonograph check` says whether RabbitMQ lets us in."""

from __future__ import annotations

import asyncio
from pathlib import Path

from service import queue_check
from service.findings import Verdict
from service.queue_settings import RabbitSettings
from service.settings_file import load
from tests.certificates import Authority
from tests.rabbitmq import RabbitServer
from tests.workers import Site


async def test_a_broker_that_lets_us_in_is_well_and_a_wrong_password_is_not(site: Site) -> None:
    settings = load(site.file, {}).rabbitmq
    assert settings is not None
    assert (await queue_check.examine(settings)).verdict is Verdict.OK
    _write(settings.password_file, "wrong\n")
    finding = await queue_check.examine(settings)
    assert (finding.verdict, finding.said) == (
        Verdict.FAIL, "RabbitMQ at 127.0.0.1 cannot be used: ProbableAuthenticationError.")


async def test_over_tls_only_a_broker_of_the_named_authority_is_spoken_to(tmp_path: Path) -> None:
    ours, others = Authority.make(tmp_path / "ours"), Authority.make(tmp_path / "others")
    server = RabbitServer(tmp_path / "rabbitmq", authority=ours)
    await asyncio.to_thread(server.start)
    try:
        _write(tmp_path / "password", f"{server.password}\n")
        for authority, verdict in ((ours, Verdict.OK), (others, Verdict.FAIL)):
            finding = await queue_check.examine(RabbitSettings(
                host="localhost", port=server.tls_port, tls=True, ca_file=authority.certificate, user=server.user,
                virtual_host="test1", password_file=tmp_path / "password"))
            assert finding.verdict is verdict, finding
    finally:
        await asyncio.to_thread(server.stop)


def _write(file: Path, text: str) -> None:
    file.write_text(text)
