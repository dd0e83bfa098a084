"""The tests' own PostgreSQL and RabbitMQ: what they keep over a crash, and that they leave nothing behind."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from tests.postgres import PostgresServer
from tests.rabbitmq import RabbitServer


async def test_a_rabbitmq_is_back_after_it_was_killed_and_nothing_of_it_stays_when_it_ends(tmp_path: Path) -> None:
    server = RabbitServer(tmp_path)
    await asyncio.to_thread(server.start)
    try:
        server.kill()
        await asyncio.to_thread(server.start)
        assert server.running
    finally:
        await asyncio.to_thread(server.stop)
    assert not _programs_below(tmp_path)
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", server.mapper_port)):
        pass


def test_a_postgresql_leaves_no_process_and_no_folder() -> None:
    with PostgresServer() as server:
        server.database()
    assert not server.folder.exists()
    assert not _programs_below(server.folder)


def _programs_below(folder: Path) -> list[str]:
    """The processes whose command line or environment names a folder."""
    named = os.fsencode(folder)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            if any(named in (process / what).read_bytes() for what in ("cmdline", "environ")):
                found.append(process.name)
        except OSError:
            continue
    return found
