"""The real service with receivers that hang, refuse, or have a dead name server: jobs, questions and the end of the
service do not wait for them, and each of their notices is in the failed list."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import pytest
import yaml
from aiohttp import web as aio
from standardwebhooks import Webhook as Witness

from ledger import calls, jobs
from processing.notify.sender import Rules
from service import notices
from service.clock import SystemClock
from tests.certificates import Authority
from tests.console.running import cli
from tests.mailserver import PASSWORD, USER, MailServer
from tests.mattermost import CHANNEL, mattermost
from tests.processing.notify.telling import Asked, Probe, silent_server, web_server, well
from tests.processing.scene import BEGAN, Scene
from tests.servers import free_port

SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"

DEAD_NAME_SERVER = textwrap.dedent("""
    import socket, time
    real = socket.getaddrinfo
    def hanging(host, *more, **given):
        if isinstance(host, str) and host.endswith(".invalid"):
            time.sleep(3600)
        return real(host, *more, **given)
    socket.getaddrinfo = hanging
""")


async def taken(_asked: Asked) -> aio.StreamResponse:
    return aio.Response(status=204)


class Service:
    """A `phonograph run` beside a switch that is not there, on the ledger of a scene."""

    def __init__(self, folder: Path, notices: dict[str, Any], *, people: str = "") -> None:
        self.folder = folder
        self.scene = Scene(folder, seconds=0.5)
        self.scene.spool.mkdir()
        (folder / "policy.yaml").write_text(f"record: audio\n{people}")
        (folder / "secret").write_text(f"{SECRET}\n")
        (folder / "names").mkdir()
        (folder / "names" / "sitecustomize.py").write_text(DEAD_NAME_SERVER)
        self.file = folder / "phonograph.yaml"
        self.file.write_text(yaml.safe_dump({
            "ledger": "ledger.db", "socket": "s", "journal_path": "journal", "work_path": "work",
            "destination_path": "recordings", "log_path": "log",
            "notices": {"link_template": "https://recordings.example/{recording}", **notices},
            "switches": {"pbx": {"user": "u", "password": "p", "url": "http://127.0.0.1:1", "spool": "spool"}}}))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        with (self.folder / "out").open("w") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "console.main", "run", "-c", str(self.file), stdout=output, stderr=output,
                env={**os.environ, "PYTHONPATH": str(self.folder / "names")})
        try:
            await self.until(lambda: process.returncode is not None or self._answers())
            assert process.returncode is None, (self.folder / "out").read_text()
            yield
            process.terminate()
            assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    def _answers(self) -> bool:
        return (self.folder / "s").exists() and cli(self.file, "calls").exit_code == 0

    async def record(self) -> None:
        """A call has ended; the service works on its recording."""
        self.scene.record()
        ledger = self.scene.ledger()
        with ledger.transaction() as connection:
            calls.save(connection, [self.scene.call], BEGAN)
            jobs.enqueue(connection, self.scene.recording, BEGAN)
        ledger.close()
        await self.ask("reconcile")

    async def ask(self, *words: str) -> Any:
        """What a command answers."""
        said = await asyncio.to_thread(cli, self.file, "--json", *words)
        return json.loads(said.stdout)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Another process has no event to await."""
        async with asyncio.timeout(90):
            while not await asyncio.to_thread(is_so):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    def notices(self, *words: str) -> list[dict[str, Any]]:
        """The notices, as the command lists them."""
        listed: list[dict[str, Any]] = json.loads(cli(self.file, "--json", "notices", "list", *words).stdout)["notices"]
        return listed

    def state(self) -> str:
        return str(json.loads(cli(self.file, "--json", "recordings", "show", self.scene.recording).stdout)["state"])


def hook(url: str, **more: Any) -> dict[str, Any]:
    return {"url": url, "secret_file": "secret", "timeout": 2, **more}


async def test_whatever_receivers_do_the_recording_is_finished_and_each_is_in_the_failed_list(tmp_path: Path) -> None:
    dead = free_port(socket.SOCK_STREAM)
    async with silent_server() as silent, web_server(taken) as crm:
        service = Service(tmp_path, {"attempts": 1, "webhooks": {
            "crm": hook(crm.url), "silent": hook(f"http://127.0.0.1:{silent}/"),
            "dead": hook(f"http://127.0.0.1:{dead}/"),
            **{f"nowhere-{number}": hook(f"http://host-{number}.invalid/") for number in range(4)}}})
        async with service.running():
            await service.record()
            await service.until(lambda: service.state() == "ready")
            await service.until(lambda: len(crm.asked) == 3)
            await service.until(lambda: len(service.notices("--failed", "--limit", "1000")) == 18)
            failed = await asyncio.to_thread(service.notices, "--failed", "--limit", "1000")
            assert {one["fault"]["id"] for one in failed} == {"notice.unreachable"}
            assert not (await service.ask("reconcile"))["discrepancies"]

            async with web_server_at(dead) as back:
                (number, *_) = [one["notice"] for one in failed if one["channel"] == "webhook:dead"]
                assert (await service.ask("notices", "retry", str(number))) == {"waiting": True}
                await service.until(lambda: len(back) == 1)
                await service.until(lambda: cli(service.file, "notices", "show", str(number)).stdout.count("done") == 1)
    told = [Witness(SECRET).verify(asked.body, dict(asked.headers))["type"] for asked in sorted(
        crm.asked, key=lambda asked: int(json.loads(asked.body)["data"]["change"]))]
    assert told == ["recording.ended", "recording.processing", "recording.ready"]


@asynccontextmanager
async def web_server_at(port: int) -> AsyncIterator[list[str]]:
    """A web server on that port, and what it was asked."""
    asked: list[str] = []

    async def take(request: aio.Request) -> aio.Response:
        asked.append(request.path)
        return aio.Response()

    app = aio.Application()
    app.router.add_post("/", take)
    runner = aio.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await aio.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield asked
    finally:
        await runner.cleanup()


async def test_a_finished_recording_reaches_its_owner_the_channel_and_the_programs(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path / "authority")
    async with MailServer(authority) as mail, mattermost() as chat, web_server(taken) as crm:
        service = Service(tmp_path, {
            "webhooks": {"crm": hook(crm.url, states=["ready"])},
            "mail": {"host": "localhost", "port": mail.port, "user": USER, "password_file": "password",
                     "ca_file": "authority/authority.pem", "sender": "recordings@voice.example"},
            "mattermost": {"url": chat.url, "token_file": "token", "channel": CHANNEL, "files": ["mixed"]}},
            people="people: {alice@voice.example: {mail: alice@mail.example, language: de, timeZone: Europe/Berlin}}\n")
        (tmp_path / "password").write_text(PASSWORD)
        (tmp_path / "token").write_text(chat.token)
        async with service.running():
            await service.record()
            await service.until(lambda: bool(mail.mails and chat.posts and crm.asked))
            await service.until(lambda: {one["status"] for one in service.notices()} == {"done"})
    assert mail.mails[0].recipients == ["alice@mail.example"]
    assert "Aufnahme Ihres Gesprächs" in mail.mails[0].message["Subject"]
    assert f"https://recordings.example/{service.scene.recording}" in mail.mails[0].message.get_content()
    ((name, content),) = chat.files.values()
    assert (tmp_path / "recordings" / name).read_bytes() == content
    written = b"".join((tmp_path / name).read_bytes() for name in ("log", "ledger.db"))
    for secret in (SECRET, PASSWORD, chat.token):
        assert secret.encode() not in written


async def test_a_service_whose_secret_is_none_does_not_start_and_says_which(tmp_path: Path) -> None:
    service = Service(tmp_path, {"webhooks": {"crm": hook("http://127.0.0.1:1/")}})
    (tmp_path / "secret").write_text("hunter2\n")
    ended = await asyncio.to_thread(subprocess.run, [sys.executable, "-m", "console.main", "run", "-c",
                                                     str(service.file)], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "begins with whsec_" in ended.stderr
    assert "hunter2" not in ended.stderr + (tmp_path / "log").read_text()


async def test_what_breaks_in_the_thread_of_the_notices_is_begun_again(tmp_path: Path,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Probe):
        """Cannot get ready the first time."""

        begun = 0

        async def __aenter__(self) -> Self:
            self.begun += 1
            if self.begun == 1:
                raise ZeroDivisionError
            return self

    monkeypatch.setattr(notices, "_AGAIN_AFTER_S", 0.05)
    scene, probe = Scene(tmp_path, seconds=0.5), Broken(well)
    ledger = scene.ledger()
    telling = notices.Notices(ledger, [probe], Rules(attempts=1, link_template=None), owner="o", clock=SystemClock(),
                              jitter=lambda: 0.0)
    task = asyncio.create_task(telling.run())
    async with asyncio.timeout(20):
        while probe.begun < 2:  # noqa: ASYNC110 - it is in another thread
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    ledger.close()
