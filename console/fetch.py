"""Fetching finished files from the running service, verified before they get their names."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import click

from console import text
from console.client import refusal
from faults import DestinationExists, ServiceFault, ServiceNotRunning, StorageRefused

_BLOCK = 1 << 18
_SILENT_S = 120.0


def fetch(socket: Path, recording: str, files: Sequence[Mapping[str, Any]], folder: Path, *,
          quiet: bool) -> dict[str, Path]:
    """Fetch files into a folder, which is made if need be. A file that is there already, and is the same, stays.

    Args:
        files: as the API shows them.
        quiet: show no progress.

    Returns:
        Where each of them is, by kind.

    Raises:
        DestinationExists: another file has such a name.
        StorageRefused: what came is not what was stored; nothing of that file stays.
        ServiceNotRunning: nobody listens. Fault: the service's own.
    """
    fetched: dict[str, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            target = folder / Path(file["name"]).name
            with click.progressbar(length=int(file["bytes"]), label=text.safe(target.name), hidden=quiet,
                                   file=sys.stderr) as bar:
                _fetch(socket, recording, file, target, bar.update)
            fetched[str(file["kind"])] = target
    except OSError as error:
        raise ServiceFault(f"The folder {folder} cannot be written: {error.strerror}.", folder=folder) from error
    return fetched


def _fetch(socket: Path, recording: str, file: Mapping[str, Any], target: Path,
           progress: Callable[[int], None]) -> None:
    if target.exists():
        _compare(target, file)
        progress(file["bytes"])
        return
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    digest = hashlib.sha256()

    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            def take(block: bytes) -> None:
                opened.write(block)
                digest.update(block)
                progress(len(block))

            asyncio.run(_into(take, socket, recording, file["kind"]))
            opened.flush()
            os.fsync(opened.fileno())
        if digest.hexdigest() != file["sha256"]:
            raise StorageRefused(f"What came of {target.name} is not what was stored.", file=target)
        try:
            os.link(part, target)
        except FileExistsError:
            _compare(target, file)
    finally:
        part.unlink(missing_ok=True)


async def _into(take: Callable[[bytes], None], socket: Path, recording: str, kind: str) -> None:
    path = f"/recordings/{text.part(recording)}/files/{text.part(kind)}"
    try:
        async with (aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket)), timeout=aiohttp.ClientTimeout(
                        total=None, sock_read=_SILENT_S)) as session,
                    session.get(f"http://phonograph{path}") as response):
            if response.status >= 400:
                raise refusal(response.status, await response.json(content_type=None))
            async for block in response.content.iter_chunked(_BLOCK):
                take(block)
    except aiohttp.ClientConnectionError as error:
        raise ServiceNotRunning(f"No service answers on {socket}.", socket=socket) from error
    except (aiohttp.ClientPayloadError, TimeoutError) as error:
        raise StorageRefused(f"The {kind} file broke off.", recording=recording) from error


def _compare(target: Path, file: Mapping[str, Any]) -> None:
    with target.open("rb") as opened:
        if hashlib.file_digest(opened, "sha256").hexdigest() != file["sha256"]:
            raise DestinationExists(f"Another file is named {target}.", file=target)
