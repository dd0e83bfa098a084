"""Webhooks: a receiver that knows the secret can prove who sent it; nothing that a receiver answers does any harm."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web as aio
from standardwebhooks import Webhook as Witness
from standardwebhooks import WebhookVerificationError

from faults import ReceiverDeclined, ReceiverRefused, ReceiverUnreachable
from processing.notify import signing
from processing.notify.notice import Notice
from processing.notify.web import trust
from processing.notify.webhook import Webhook
from tests.certificates import Authority
from tests.processing.notify.telling import EVERY, Asked, nothing, notice_of, silent_server, web_server
from tests.processing.scene import Scene

OLD, NEW = (f"whsec_{base64.b64encode(bytes([number]) * 32).decode()}" for number in (1, 2))

Answer = Callable[[Asked], Awaitable[aio.StreamResponse]]


@pytest.fixture(scope="module")
def notice(tmp_path_factory: pytest.TempPathFactory) -> Notice:
    return notice_of(Scene(tmp_path_factory.mktemp("scene"), seconds=0.5))


def answering(status: int, **headers: str) -> Answer:
    async def answer(_asked: Asked) -> aio.StreamResponse:
        return aio.Response(status=status, headers=headers)

    return answer


def channel(url: str, *secrets: str, context: ssl.SSLContext | None = None, seconds: float = 5.0,
            clock: Callable[[], float] | None = None) -> Webhook:
    return Webhook("crm", url, [signing.secret(one) for one in secrets or (NEW,)], states=EVERY,
                   context=context or trust(None), seconds=seconds, clock=clock or time.time)


async def test_a_receiver_proves_by_the_standards_own_library_who_sent_it(notice: Notice) -> None:
    async with web_server(answering(204)) as server, channel(f"{server.url}/hook") as hook:
        assert await hook.send(notice, nothing()) == "answered 204"
    (asked,) = server.asked
    told = Witness(NEW).verify(asked.body, dict(asked.headers))
    assert told["data"]["recording"] == notice.kept.recording.id
    assert asked.headers["Content-Type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Witness(OLD).verify(asked.body, dict(asked.headers))
    with pytest.raises(WebhookVerificationError):
        Witness(NEW).verify(asked.body.replace(b"ready", b"reddy"), dict(asked.headers))


async def test_while_a_secret_is_exchanged_both_prove_it(notice: Notice) -> None:
    async with web_server(answering(200)) as server, channel(server.url, OLD, NEW) as hook:
        await hook.send(notice, nothing())
    for secret in (OLD, NEW):
        Witness(secret).verify(server.asked[0].body, dict(server.asked[0].headers))


async def test_each_attempt_has_the_same_id_and_a_time_of_its_own(notice: Notice) -> None:
    times = iter([1_700_000_000.9, 1_700_000_060.0])
    async with web_server(answering(200)) as server, channel(server.url, clock=lambda: next(times)) as hook:
        await hook.send(notice, nothing())
        await hook.send(notice, nothing())
    assert [asked.headers["webhook-timestamp"] for asked in server.asked] == ["1700000000", "1700000060"]
    assert len({asked.headers["webhook-id"] for asked in server.asked}) == 1
    assert len({asked.headers["webhook-signature"] for asked in server.asked}) == 2


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(status: int, notice: Notice) -> None:
    async with (web_server(answering(200)) as inside,
                web_server(answering(status, Location=inside.url)) as server, channel(server.url) as hook):
        with pytest.raises(ReceiverRefused):
            await hook.send(notice, nothing())
    assert inside.asked == []


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
async def test_whatever_is_no_yes_is_tried_again(status: int, notice: Notice) -> None:
    async with web_server(answering(status)) as server, channel(server.url) as hook:
        with pytest.raises(ReceiverRefused, match=str(status)):
            await hook.send(notice, nothing())


async def test_gone_is_not_tried_again(notice: Notice) -> None:
    async with web_server(answering(410)) as server, channel(server.url) as hook:
        with pytest.raises(ReceiverDeclined):
            await hook.send(notice, nothing())


async def test_an_answer_without_end_is_not_read(notice: Notice) -> None:
    ended = asyncio.Event()

    async def endless(asked: Asked) -> aio.StreamResponse:
        response = aio.StreamResponse()
        await response.prepare(asked.request)
        try:
            while True:
                await response.write(b"x" * 65_536)
        except (ConnectionError, asyncio.CancelledError):
            ended.set()
            raise

    async with web_server(endless) as server, channel(server.url) as hook:
        assert await hook.send(notice, nothing()) == "answered 200"
        async with asyncio.timeout(10):
            await ended.wait()


async def test_a_receiver_that_takes_the_connection_and_says_nothing_is_left(notice: Notice) -> None:
    async with silent_server() as port, channel(f"http://127.0.0.1:{port}/with-a-token", seconds=0.3) as hook:
        with pytest.raises(ReceiverUnreachable, match=r"did not answer within 0\.3 seconds") as raised:
            await hook.send(notice, nothing())
    assert "token" not in str(raised.value.as_dict())


@pytest.mark.parametrize(("url", "said"), [
    ("http://127.0.0.1:9/secret-path", "127.0.0.1 cannot be reached"),
    ("http://nobody.invalid/secret-path", "its name is not known"),
])
async def test_what_cannot_be_reached_is_named_by_its_host_alone(url: str, said: str, notice: Notice) -> None:
    async with channel(url) as hook:
        with pytest.raises(ReceiverUnreachable, match=said) as raised:
            await hook.send(notice, nothing())
    assert "secret-path" not in str(raised.value.as_dict())


async def test_a_certificate_of_ones_own_authority_is_trusted_where_its_file_is_named(notice: Notice,
                                                                                      tmp_path: Path) -> None:
    authority = Authority.make(tmp_path / "authority")
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(*authority.sign("localhost"))
    async with web_server(answering(200), context=serving) as server:
        async with channel(server.url, context=trust(authority.certificate)) as hook:
            assert await hook.send(notice, nothing()) == "answered 200"
        async with channel(server.url) as hook:
            with pytest.raises(ReceiverUnreachable, match="its certificate is not trusted"):
                await hook.send(notice, nothing())
        async with channel(server.url.replace("localhost", "127.0.0.1"), context=trust(authority.certificate)) as hook:
            with pytest.raises(ReceiverUnreachable, match="its certificate is not trusted"):
                await hook.send(notice, nothing())
    assert len(server.asked) == 1


async def test_the_body_is_signed_as_it_is_sent_whatever_is_in_it(notice: Notice) -> None:
    strange = replace(notice, link="https://recordings.example/\u00fc\u4e2d?a=b&c=%20")
    async with web_server(answering(200)) as server, channel(server.url) as hook:
        await hook.send(strange, nothing())
    Witness(NEW).verify(server.asked[0].body, dict(server.asked[0].headers))
    assert json.loads(server.asked[0].body)["data"]["link"] == strange.link


@pytest.mark.parametrize(("text", "said"), [
    ("c2VjcmV0", "begins with whsec_"), ("whsec_???", "not base64"),
    (f"whsec_{base64.b64encode(b'short').decode()}", "24 to 64 bytes, this one has 5"),
    (f"whsec_{base64.b64encode(bytes(65)).decode()}", "24 to 64 bytes, this one has 65"),
])
def test_a_secret_that_is_none_is_refused_without_being_quoted(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as raised:
        signing.secret(text)
    assert text not in str(raised.value)
