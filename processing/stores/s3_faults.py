"""What an S3 server answers, as our faults. Only its code and status are told: a message could quote a key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError, SSLError
from urllib3.exceptions import HTTPError

from faults import Fault, NotFound, StorageRefused, StorageUnreachable

_FULL = 507
_OFTEN = 429
# What passes by itself, though its status says 400: the connection was too slow, or the clock differs for a moment.
_PASSING = frozenset({"RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "ThrottlingException",
                      "Throttling", "OperationAborted", "ConditionalRequestConflict", "NoSuchUpload"})


def status(error: ClientError) -> int:
    """The status of HTTP."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code(error: ClientError) -> str:
    """S3's own word for it, such as ``NoSuchBucket``; an answer without a body has only its status."""
    return str(error.response.get("Error", {}).get("Code", "")) or str(status(error))


def is_missing(error: ClientError) -> bool:
    """Whether there is no such object. A bucket that is not there is something else, as far as the server says so."""
    return code(error) in {"NoSuchKey", "404", "NotFound"}


def found_taken(fault: Fault) -> bool:
    """Whether a fault is that ``If-None-Match`` found an object of that name."""
    return isinstance(fault.__cause__, ClientError) and code(fault.__cause__) in {"PreconditionFailed", "412"}


@contextmanager
def told(store: str, name: str = "") -> Iterator[None]:
    """Let what boto3 raises in the block be a fault of ours.

    Raises:
        NotFound: no object has that name.
        StorageUnreachable: no answer, or one that says "later".
        StorageRefused: the server says no.
    """
    try:
        yield
    except ClientError as error:
        raise _answered(store, name, error) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise StorageRefused(f"There are no keys for the store {store}.", store=store) from error
    except SSLError as error:
        raise StorageRefused(f"The certificate of the store {store} is not accepted.", store=store) from error
    except (BotoCoreError, HTTPError, OSError) as error:
        raise StorageUnreachable(f"The store {store} does not answer ({type(error).__name__}).", store=store,
                                 file=name or None) from error


def _answered(store: str, name: str, error: ClientError) -> Fault:
    if is_missing(error) and name:
        return NotFound(f"The store {store} has no file {name}.", store=store, file=name)
    number, word = status(error), code(error)
    details = {"store": store, "status": number, "code": word, "file": name or None}
    if word in _PASSING or number == _OFTEN or (number >= 500 and number not in {501, _FULL}):
        return StorageUnreachable(f"The store {store} cannot serve us now: {word} ({number}).", **details)
    return StorageRefused(f"The store {store} refused: {word} ({number}).", **details)
