"""Digest: the examples of the RFCs' own arithmetic, what is chosen, and what stays secret."""

from __future__ import annotations

import re
from hashlib import md5, sha256

import pytest

from siprec_app.authentication import Credentials, Digest, stale
from siprec_app.message import Fields, Response

LOGIN = Credentials("recorder", "s3cret")


def challenge(*values: str, name: str = "WWW-Authenticate", status: int = 401) -> Response:
    return Response(Fields([(name, value) for value in values]), status=status)


def digest(credentials: Credentials | None = LOGIN) -> Digest:
    return Digest(credentials, lambda: "drawn")


def answered(given: Digest, method: str = "INVITE", uri: str = "sip:srs@host") -> dict[str, str]:
    (name, value), = given.answers(method, uri)
    assert name == "Authorization"
    assert value.startswith("Digest ")
    return {key: quoted or plain for key, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,"]+))', value)}


def hashed(kind: str, *words: str) -> str:
    return (md5 if kind == "MD5" else sha256)(":".join(words).encode()).hexdigest()


@pytest.mark.parametrize("kind", ["MD5", "SHA-256"])
def test_with_a_quality_of_protection(kind: str) -> None:
    given = digest()
    assert given.learn(challenge(f'Digest realm="r, x", nonce="n", algorithm={kind}, qop="auth-int,auth", opaque="o"'))
    said = answered(given)
    expected = hashed(kind, hashed(kind, "recorder", "r, x", "s3cret"), "n", "00000001", "drawn", "auth",
                      hashed(kind, "INVITE", "sip:srs@host"))
    assert said["response"] == expected
    assert {key: said[key] for key in ("realm", "qop", "nc", "cnonce", "opaque", "algorithm", "uri")} == {
        "realm": "r, x", "qop": "auth", "nc": "00000001", "cnonce": "drawn", "opaque": "o", "algorithm": kind,
        "uri": "sip:srs@host"}


def test_without_one_as_before_rfc_2617() -> None:
    given = digest()
    assert given.learn(challenge('Digest realm="r", nonce="n"'))
    said = answered(given)
    assert said["response"] == hashed("MD5", hashed("MD5", "recorder", "r", "s3cret"), "n",
                                      hashed("MD5", "INVITE", "sip:srs@host"))
    assert "nc" not in said


def test_a_nonce_is_counted_and_a_new_one_begins_anew() -> None:
    given = digest()
    given.learn(challenge('Digest realm="r", nonce="n", qop="auth"'))
    assert [answered(given)["nc"], answered(given, "BYE")["nc"]] == ["00000001", "00000002"]
    given.learn(challenge('Digest realm="r", nonce="m", qop="auth", stale=TRUE'))
    said = answered(given)
    assert (said["nonce"], said["nc"]) == ("m", "00000001")


def test_of_several_the_topmost_that_we_have() -> None:
    given = digest()
    assert given.learn(challenge('Digest realm="r", nonce="1", algorithm=SHA-512-256',
                                 'Digest realm="r", nonce="2", algorithm=SHA-256, qop="auth"',
                                 'Digest realm="r", nonce="3", algorithm=MD5, qop="auth"'))
    assert answered(given)["nonce"] == "2"


def test_a_proxy_and_a_server_are_both_answered() -> None:
    given = digest()
    given.learn(challenge('Digest realm="p", nonce="1"', name="Proxy-Authenticate", status=407))
    given.learn(challenge('Digest realm="s", nonce="2"'))
    assert [name for name, _ in given.answers("INVITE", "sip:x")] == ["Proxy-Authorization", "Authorization"]


@pytest.mark.parametrize("value", [
    "Basic realm=x", 'Digest realm="r"', 'Digest realm="r", nonce="n", algorithm=MD4',
    'Digest realm="r", nonce="n", qop="auth-int"', 'Digest realm="r", nonce="n", algorithm=MD5-sess', "", "Digest",
    "=,=",
], ids=["basic", "no nonce", "algorithm", "protection", "session", "empty", "bare", "junk"])
def test_what_cannot_be_answered(value: str) -> None:
    given = digest()
    assert not given.learn(challenge(value))
    assert given.answers("INVITE", "sip:x") == []


def test_without_credentials_nothing_can_be_answered() -> None:
    assert not digest(None).learn(challenge('Digest realm="r", nonce="n"'))


def test_realms_without_end_are_not_all_kept() -> None:
    given = digest()
    given.learn(challenge(*[f'Digest realm="{number}", nonce="n"' for number in range(50)]))
    assert len(given.answers("INVITE", "sip:x")) == 8
    assert given.learn(challenge('Digest realm="3", nonce="fresh"'))


def test_stale() -> None:
    assert stale(challenge('Digest realm="r", nonce="n", stale=true'))
    assert stale(challenge('Digest nonce="n", stale="TRUE"', name="Proxy-Authenticate"))
    assert not stale(challenge('Digest realm="stale=true", nonce="n", stale=false'))


def test_what_a_server_says_cannot_leave_its_quotes() -> None:
    given = digest()
    given.learn(challenge('Digest realm="a\\" , b=\\"c", nonce="n"'))
    (_, value), = given.answers("INVITE", "sip:x")
    assert 'realm="a\\" , b=\\"c"' in value


def test_a_password_is_in_no_repr() -> None:
    given = digest()
    given.learn(challenge('Digest realm="r", nonce="n"'))
    assert "s3cret" not in repr(LOGIN) + repr(given) + str(given.answers("INVITE", "sip:x"))
