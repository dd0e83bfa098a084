"""Files into a real S3 server, and back."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from faults import DestinationExists, NotFound, StorageRefused, StorageUnreachable
from tests.processing.stores.objects import PART, nothing, source, store
from tests.seaweed import SeaweedServer

NAME = "2026/call.wav"


def test_a_small_file_is_stored_whole_with_its_checksum(seaweed: SeaweedServer, bucket: str, tmp_path: Path) -> None:
    made, target = source(tmp_path), store(seaweed, bucket, prefix="calls/")
    target.put(made.path, NAME, **made.meant(), checkpoint=nothing)
    there = seaweed.client().get_object(Bucket=bucket, Key=f"calls/{NAME}", ChecksumMode="ENABLED")
    assert there["Body"].read() == made.path.read_bytes()
    assert there["Metadata"] == {"sha256": made.sha256}
    assert there["ChecksumSHA256"] != ""
    assert made.path.exists()


def test_a_large_file_is_stored_in_parts(seaweed: SeaweedServer, bucket: str, tmp_path: Path) -> None:
    made, target = source(tmp_path, 2 * PART + 77), store(seaweed, bucket)
    points: list[str] = []
    target.put(made.path, NAME, **made.meant(), checkpoint=points.append)
    assert points == ["looked", "begun", "part 1", "part 2", "part 3", "uploaded", "read back"]
    there = seaweed.client().get_object(Bucket=bucket, Key=NAME)
    assert hashlib.sha256(there["Body"].read()).hexdigest() == made.sha256
    assert there["Metadata"] == {"sha256": made.sha256}


def test_an_empty_file_is_stored(seaweed: SeaweedServer, bucket: str, tmp_path: Path) -> None:
    made, target = source(tmp_path, 0), store(seaweed, bucket)
    target.put(made.path, NAME, **made.meant(), checkpoint=nothing)
    target.verify(NAME, **made.meant())


@pytest.mark.parametrize("size", [10_000, PART + 1])
def test_storing_again_reads_what_is_there_and_sends_nothing(seaweed: SeaweedServer, bucket: str, tmp_path: Path,
                                                             size: int) -> None:
    made, target = source(tmp_path, size), store(seaweed, bucket)
    target.put(made.path, NAME, **made.meant(), checkpoint=nothing)
    points: list[str] = []
    target.put(made.path, NAME, **made.meant(), checkpoint=points.append)
    assert points == ["looked", "read back"]


@pytest.mark.parametrize("size", [10_000, PART + 1])
def test_another_object_of_that_name_stays(seaweed: SeaweedServer, bucket: str, tmp_path: Path, size: int) -> None:
    made, target = source(tmp_path, size), store(seaweed, bucket)
    seaweed.client().put_object(Bucket=bucket, Key=NAME, Body=b"somebody else's")
    with pytest.raises(DestinationExists):
        target.put(made.path, NAME, **made.meant(), checkpoint=nothing)
    assert seaweed.client().get_object(Bucket=bucket, Key=NAME)["Body"].read() == b"somebody else's"


@pytest.mark.parametrize(("size", "moment"), [(10_000, "looked"), (PART + 1, "part 1")])
def test_an_object_that_comes_while_we_upload_stays_too(seaweed: SeaweedServer, bucket: str, tmp_path: Path, size: int,
                                                        moment: str) -> None:
    made, target = source(tmp_path, size), store(seaweed, bucket)

    def meanwhile(point: str) -> None:
        if point == moment:
            seaweed.client().put_object(Bucket=bucket, Key=NAME, Body=b"somebody else's")

    with pytest.raises(DestinationExists):
        target.put(made.path, NAME, **made.meant(), checkpoint=meanwhile)
    assert seaweed.client().get_object(Bucket=bucket, Key=NAME)["Body"].read() == b"somebody else's"
    assert not seaweed.client().list_multipart_uploads(Bucket=bucket).get("Uploads")


@pytest.mark.parametrize("size", [10_000, PART + 1])
def test_what_is_not_what_its_checksum_says_is_refused_by_the_server(seaweed: SeaweedServer, bucket: str,
                                                                     tmp_path: Path, size: int) -> None:
    made, target = source(tmp_path, size), store(seaweed, bucket)
    with pytest.raises(StorageRefused):
        target.put(made.path, NAME, bytes=size, sha256="0" * 64, checkpoint=nothing)
    with pytest.raises(StorageRefused, match="is gone"):
        target.verify(NAME, **made.meant())


@pytest.mark.parametrize("size", [10_000, PART + 1])
def test_an_object_that_is_damaged_after_the_upload_is_no_success(seaweed: SeaweedServer, bucket: str, tmp_path: Path,
                                                                  size: int) -> None:
    made, target = source(tmp_path, size), store(seaweed, bucket)

    def damage(point: str) -> None:
        if point == "uploaded":
            content = bytearray(made.path.read_bytes())
            content[size // 2] ^= 1
            seaweed.client().put_object(Bucket=bucket, Key=NAME, Body=bytes(content), Metadata={"sha256": made.sha256})

    with pytest.raises(StorageRefused, match="not what was sent"):
        target.put(made.path, NAME, **made.meant(), checkpoint=damage)
    assert made.path.exists()
    target.put(made.path, NAME, **made.meant(), checkpoint=nothing)
    target.verify(NAME, **made.meant())


def test_a_damaged_copy_does_not_pass_for_the_file(seaweed: SeaweedServer, bucket: str, tmp_path: Path) -> None:
    made, target = source(tmp_path), store(seaweed, bucket)
    target.put(made.path, NAME, **made.meant(), checkpoint=nothing)
    seaweed.client().put_object(Bucket=bucket, Key=NAME, Body=b"damaged", Metadata={"sha256": made.sha256})
    with pytest.raises(StorageRefused):
        target.verify(NAME, **made.meant())


def test_what_is_stored_can_be_opened_and_read(seaweed: SeaweedServer, bucket: str, tmp_path: Path) -> None:
    made, target = source(tmp_path, 3_000_000), store(seaweed, bucket)
    target.put(made.path, NAME, **made.meant(), checkpoint=nothing)
    with target.open(NAME) as file:
        assert file.read(10) == made.path.read_bytes()[:10]
        assert file.read() == made.path.read_bytes()[10:]


def test_what_is_not_there_is_not_found(seaweed: SeaweedServer, bucket: str) -> None:
    target = store(seaweed, bucket)
    with pytest.raises(NotFound):
        target.open(NAME)


def test_deleted_is_gone_and_deleting_again_is_fine(seaweed: SeaweedServer, bucket: str, tmp_path: Path) -> None:
    made, target = source(tmp_path), store(seaweed, bucket)
    target.put(made.path, NAME, **made.meant(), checkpoint=nothing)
    target.delete(NAME)
    target.delete(NAME)
    with pytest.raises(StorageRefused, match="is gone"):
        target.verify(NAME, **made.meant())


def test_a_bucket_that_is_not_there_is_refused_by_name(seaweed: SeaweedServer, tmp_path: Path) -> None:
    made = source(tmp_path)
    with pytest.raises(StorageRefused, match="NoSuchBucket") as refused:
        store(seaweed, "no-such-bucket").put(made.path, NAME, **made.meant(), checkpoint=nothing)
    assert refused.value.details["status"] == 404


@pytest.mark.parametrize("size", [10_000, PART + 1])
def test_who_may_only_read_is_refused(seaweed: SeaweedServer, bucket: str, tmp_path: Path, size: int) -> None:
    made = source(tmp_path, size)
    target = store(seaweed, bucket, key=(seaweed.reader_key, seaweed.reader_secret))
    with pytest.raises(StorageRefused, match="AccessDenied"):
        target.put(made.path, NAME, **made.meant(), checkpoint=nothing)


@pytest.mark.parametrize("wrong", ["key", "secret"])
def test_wrong_keys_are_refused_and_told_to_nobody(seaweed: SeaweedServer, bucket: str, tmp_path: Path,
                                                   wrong: str) -> None:
    made = source(tmp_path)
    key = ("nobody", seaweed.secret_key) if wrong == "key" else (seaweed.access_key, "nothing")
    with pytest.raises(StorageRefused) as refused:
        store(seaweed, bucket, key=key).put(made.path, NAME, **made.meant(), checkpoint=nothing)
    told = json.dumps(refused.value.as_dict())
    assert seaweed.access_key not in told
    assert seaweed.secret_key not in told


def test_an_unfinished_upload_of_an_earlier_life_is_ended(seaweed: SeaweedServer, bucket: str, tmp_path: Path) -> None:
    made, target, plain = source(tmp_path, PART + 1), store(seaweed, bucket), seaweed.client()
    left = plain.create_multipart_upload(Bucket=bucket, Key=NAME)["UploadId"]
    plain.upload_part(Bucket=bucket, Key=NAME, UploadId=left, PartNumber=1, Body=b"a part")
    other = plain.create_multipart_upload(Bucket=bucket, Key=f"{NAME}-other")["UploadId"]
    target.put(made.path, NAME, **made.meant(), checkpoint=nothing)
    uploads = plain.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [one["UploadId"] for one in uploads] == [other]


@pytest.mark.parametrize("size", [10_000, PART + 1])
def test_encryption_by_the_server_is_asked_for(seaweed: SeaweedServer, bucket: str, tmp_path: Path, size: int) -> None:
    made = source(tmp_path, size, seed=77)  # nobody else's: what the others put there lies there as it is
    target = store(seaweed, bucket, encryption="AES256")
    target.put(made.path, NAME, **made.meant(), checkpoint=nothing)
    assert seaweed.client().head_object(Bucket=bucket, Key=NAME)["ServerSideEncryption"] == "AES256"
    assert not any(made.path.read_bytes()[:1_000] in volume.read_bytes() for volume in seaweed.volumes)


def test_without_encryption_the_bytes_lie_there_as_they_are(seaweed: SeaweedServer, bucket: str,
                                                            tmp_path: Path) -> None:
    made = source(tmp_path)
    store(seaweed, bucket).put(made.path, NAME, **made.meant(), checkpoint=nothing)
    assert any(made.path.read_bytes()[:1_000] in volume.read_bytes() for volume in seaweed.volumes)


def test_a_byte_that_rots_on_the_servers_disk_is_found(seaweed: SeaweedServer, bucket: str, tmp_path: Path) -> None:
    made, target = source(tmp_path, seed=7), store(seaweed, bucket, timeout=3.0)
    target.put(made.path, NAME, **made.meant(), checkpoint=nothing)
    (volume,) = (volume for volume in seaweed.volumes if made.path.read_bytes()[:1_000] in volume.read_bytes())
    at = volume.read_bytes().index(made.path.read_bytes()[:1_000])
    with volume.open("r+b") as file:
        file.seek(at)
        file.write(bytes([made.path.read_bytes()[0] ^ 1]))
    with pytest.raises((StorageRefused, StorageUnreachable)):
        target.verify(NAME, **made.meant())
