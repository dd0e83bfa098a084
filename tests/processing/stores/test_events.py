"""What stores post when an object was made: Amazon's event message as MinIO sends it, and SeaweedFS's own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.stores.events import Told, parse


def minio(key: str = "2026%2Fcall.wav", name: str = "s3:ObjectCreated:Put", **more: Any) -> dict[str, Any]:
    """As MinIO's documentation of its webhook target has it."""
    return {"EventName": name, "Key": f"calls/{key}", "Records": [{
        "eventVersion": "2.0", "eventSource": "minio:s3", "eventName": name, "s3": {
            "s3SchemaVersion": "1.0", "bucket": {"name": "calls", "arn": "arn:aws:s3:::calls"},
            "object": {"key": key, "size": 50, "eTag": "f02699bd2dc47b1764fa902c19feb767", **more}}}]}


def seaweed(key: str = "/buckets/calls/2026/call.wav", event: str = "create", **more: Any) -> dict[str, Any]:
    """As SeaweedFS 4.48 was seen to post it."""
    return {"event_type": event, "key": key, "message": {"new_entry": {
        "name": "call.wav", "attributes": {"file_size": 50, "mtime": 1795961012}, **more},
        "delete_chunks": True, "new_parent_path": "/buckets/calls/2026", "signatures": [-1186553475]}}


def told(message: Any) -> Any:
    return parse(json.dumps(message).encode())


@pytest.mark.parametrize("message", [
    minio(), minio(name="ObjectCreated:CompleteMultipartUpload"), seaweed(), seaweed(event="update")])
def test_an_object_that_was_made(message: dict[str, Any]) -> None:
    assert list(told(message)) == [Told(bucket="calls", key="2026/call.wav", made=True, size=50)]


def test_a_key_is_decoded_as_in_a_query_string() -> None:
    assert told(minio("a+b%2B%C3%BC.wav"))[0].key == "a b+ü.wav"
    assert told(seaweed("/buckets/calls/a+b%2B.wav"))[0].key == "a+b%2B.wav"


@pytest.mark.parametrize("message", [
    minio(name="s3:ObjectRemoved:Delete"), seaweed(event="delete"), seaweed(is_directory=True)])
def test_what_was_not_made_or_is_a_folder(message: dict[str, Any]) -> None:
    assert not told(message)[0].made


@pytest.mark.parametrize("key", ["/buckets", "/buckets/.system/owners/x", "/etc/x", ""])
def test_what_the_server_keeps_for_itself_is_in_no_bucket(key: str) -> None:
    assert told(seaweed(key))[0].bucket == ""


@pytest.mark.parametrize("message", [
    {}, [], 3, None, "text", {"Records": []}, {"Records": [3]}, {"Records": {}}, {"Records": [{"s3": {}}]},
    {"event_type": "create"}, {"event_type": "create", "key": 3, "message": {}},
    {"event_type": "create", "key": "/buckets/a/b", "message": {"new_entry": 3}},
    {"Records": [{"eventName": "x", "s3": {"bucket": {"name": 3}, "object": {"key": "a"}}}]},
    {"Records": [{"eventName": "x", "s3": {"bucket": {"name": "a"}, "object": {"key": 3}}}]},
    {"Records": [{"eventName": 3, "s3": {"bucket": {"name": "a"}, "object": {"key": "a"}}}]},
    minio("%ff"),
])
def test_what_is_in_neither_dialect_is_said_to_be(message: Any) -> None:
    with pytest.raises(ValueError):
        told(message)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_said_to_be(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)


_json = st.recursive(st.none() | st.booleans() | st.integers() | st.text(),
                     lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                         st.sampled_from(["Records", "s3", "bucket", "object", "name", "key", "eventName", "event_type",
                                          "message", "new_entry", "attributes", "file_size"]), inner, max_size=5))


@given(_json)
def test_nothing_else_than_a_value_error_comes_of_any_document(message: Any) -> None:
    try:
        told(message)
    except ValueError:
        return
