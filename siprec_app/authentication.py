"""Digest authentication of our requests (RFC 3261 section 22, RFC 7616, RFC 8760): MD5 and SHA-256, with ``auth`` or
without any ``qop``.

A password is in no ``repr``, so it reaches no log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from siprec_app import fields
from siprec_app.fields import Challenge
from siprec_app.message import Response

ALGORITHMS: Mapping[str, Callable[[bytes], str]] = {
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "sha-256": lambda data: hashlib.sha256(data).hexdigest(),
}
MOST_REALMS = 8
"""Realms whose challenges are kept; each proxy on the way may have one of its own (RFC 3261 section 22.3)."""

_FIELDS = (("WWW-Authenticate", "Authorization"), ("Proxy-Authenticate", "Proxy-Authorization"))


@dataclass(frozen=True, slots=True)
class Credentials:
    """What we are known by at a server."""

    user: str
    password: str = field(repr=False)


@dataclass(slots=True)
class _Nonce:
    challenge: Challenge
    count: int = 0


class Digest:
    """The challenges of one server, and our answers to them.

    Args:
        draw: makes a client nonce: unforeseeable, of letters and digits.
    """

    def __init__(self, credentials: Credentials | None, draw: Callable[[], str]) -> None:
        self._credentials = credentials
        self._draw = draw
        self._known: dict[tuple[str, str], _Nonce] = {}

    def learn(self, response: Response) -> bool:
        """Keep the challenges of a 401 or 407. False when there is none that we can answer."""
        usable = False
        for asks, answers in _FIELDS if self._credentials else ():
            realms: set[str] = set()
            for challenge in _challenges(response, asks):
                realm = challenge.parameters.get("realm", "")
                # RFC 8760 section 2.4: of several for one realm the topmost that we know.
                room = (answers, realm) in self._known or len(self._known) < MOST_REALMS
                if _usable(challenge) and realm not in realms and room:
                    realms.add(realm)
                    self._known[answers, realm] = _Nonce(challenge)
                    usable = True
        return usable

    def answers(self, method: str, uri: str) -> list[tuple[str, str]]:
        """Fields with our credentials for a request with this URI, one for each realm that has asked."""
        return [(name, self._answer(nonce, method, uri)) for (name, _), nonce in self._known.items()]

    def _answer(self, nonce: _Nonce, method: str, uri: str) -> str:
        assert self._credentials is not None
        given = nonce.challenge.parameters
        algorithm = given.get("algorithm") or "MD5"
        digest = ALGORITHMS[algorithm.lower()]

        def hashed(*words: str) -> str:
            return digest(":".join(words).encode())

        secret = hashed(self._credentials.user, given.get("realm", ""), self._credentials.password)
        quoted = {"username": self._credentials.user, "realm": given.get("realm", ""), "nonce": given["nonce"],
                  "uri": uri}
        plain = {"algorithm": algorithm} if "algorithm" in given else {}
        if "qop" in given:
            nonce.count += 1  # RFC 7616 section 3.4: how often we have used the nonce
            plain |= {"qop": "auth", "nc": f"{nonce.count:08x}"}
            quoted["cnonce"] = self._draw()
            quoted["response"] = hashed(secret, given["nonce"], plain["nc"], quoted["cnonce"], "auth",
                                        hashed(method, uri))
        else:
            quoted["response"] = hashed(secret, given["nonce"], hashed(method, uri))
        if "opaque" in given:
            quoted["opaque"] = given["opaque"]
        return "Digest " + ", ".join([*(f"{name}={fields.quoted(value)}" for name, value in quoted.items()),
                                      *(f"{name}={value}" for name, value in plain.items())])


def stale(response: Response) -> bool:
    """Whether a challenge says that only its nonce had become too old (RFC 7616 section 3.3)."""
    return any(challenge.parameters.get("stale", "").lower() == "true"
               for asks, _ in _FIELDS for challenge in _challenges(response, asks))


def _challenges(response: Response, name: str) -> list[Challenge]:
    return [challenge for value in response.fields.all(name) for challenge in fields.challenges(value)]


def _usable(challenge: Challenge) -> bool:
    given = challenge.parameters
    return (challenge.scheme == "digest" and "nonce" in given
            and (given.get("algorithm") or "MD5").lower() in ALGORITHMS
            and ("qop" not in given or "auth" in (word.strip().lower() for word in given["qop"].split(","))))
