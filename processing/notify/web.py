"""How channels speak HTTP: to addresses that an administrator wrote and no others, and with faults for what fails."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from faults import ReceiverUnreachable


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """What a TLS connection is verified with: the machine's authorities, or those of that file alone.

    Raises:
        OSError, ssl.SSLError: the file cannot be read, or is none of PEM.
    """
    return ssl.create_default_context(cafile=str(ca_file) if ca_file is not None else None)


def host_of(url: str) -> str:
    """The host of a URL, for messages: its path may be a secret."""
    return urlsplit(url).hostname or "?"


def session(context: ssl.SSLContext, *, at_once: int) -> aiohttp.ClientSession:
    """A session without cookies, proxies of the environment, or a look at what the bodies are compressed with. Made in
    the loop that uses it."""
    # Names are looked up by the loop, so that a dead name server holds up nobody.
    connector = aiohttp.TCPConnector(ssl=context, limit=at_once, resolver=aiohttp.ThreadedResolver())
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False,
                                 headers={"User-Agent": "Phonograph"})


@asynccontextmanager
async def asking(client: aiohttp.ClientSession, method: str, url: str, *, seconds: float,
                 **given: Any) -> AsyncIterator[aiohttp.ClientResponse]:
    """One request; a redirect is an answer like any other, and is not followed.

    Args:
        seconds: for the whole of it, the answer's body included.

    Raises:
        ReceiverUnreachable: no connection, a certificate that is not trusted, or no answer in time.
    """
    try:
        async with client.request(method, url, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=seconds),
                                  **given) as answer:
            yield answer
    except TimeoutError as error:
        raise ReceiverUnreachable(f"{host_of(url)} did not answer within {seconds:g} seconds.") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ReceiverUnreachable(f"{host_of(url)} cannot be reached: {_why(error)}.") from error


def _why(error: Exception) -> str:
    """What kind of failure it is; the library's own text may quote the URL."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return "its certificate is not trusted"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not known"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
