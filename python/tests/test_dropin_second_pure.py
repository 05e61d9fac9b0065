"""Modules of DataShard that need no table: checksums, locks, storage, S3, Avro."""

from __future__ import annotations

import hashlib
import io
import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from datashard import disk_utils
from datashard._avro import read_container, write_container
from datashard._bounds import decode_bound, encode_bound
from datashard._errors import CorruptData
from datashard.iceberg_avro import MANIFEST_LIST_SCHEMA
from datashard.file_lock import FileLock, file_lock
from datashard.integrity import IntegrityChecker, add_checksum_to_metadata, verify_data_integrity
from datashard.lock_provider import S3LockProvider, S3PollingLockProvider
from datashard.s3_backend import S3RangeFile, S3StorageBackend
from datashard.s3_consistency import S3ConsistencyHandler
from datashard.storage_backend import LocalStorageBackend, create_storage_backend


class ClientError(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


def test_checksums_are_those_of_hashlib() -> None:
    assert IntegrityChecker.compute_checksum(b"abc") == hashlib.sha256(b"abc").hexdigest()
    assert IntegrityChecker.compute_checksum_from_stream(io.BytesIO(b"abc"), "md5") == hashlib.md5(b"abc").hexdigest()
    with pytest.raises(ValueError, match="Unsupported hash algorithm: nope"):
        IntegrityChecker.compute_checksum(b"", "nope")
    noted = add_checksum_to_metadata({}, b"abc")
    assert verify_data_integrity(b"abc", noted)
    assert not verify_data_integrity(b"abd", noted)


def test_a_full_disk_is_refused_by_what_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def disk(free: int) -> None:
        space = disk_utils.DiskSpace(free * 100, free * 99, free, 99.0)
        monkeypatch.setattr(disk_utils, "get_disk_space", lambda _: space)

    mebi = 1 << 20
    disk(64 * mebi)
    disk_utils.check_disk_space(str(tmp_path), 16 * mebi)
    with pytest.raises(OSError, match="Insufficient disk space"):
        disk_utils.check_disk_space(str(tmp_path), 16 * mebi + 1)
    disk(64 * mebi - 1)
    with pytest.raises(OSError, match="Insufficient disk space"):
        disk_utils.check_disk_space(str(tmp_path), 1)
    disk_utils.check_disk_space(str(tmp_path), 1, min_free_bytes=mebi)
    monkeypatch.setenv("DATASHARD_MIN_FREE_BYTES", str(mebi))
    disk_utils.check_disk_space(str(tmp_path), 1)
    monkeypatch.setenv("DATASHARD_MIN_FREE_BYTES", "much")
    with pytest.raises(OSError, match="Insufficient disk space"):
        disk_utils.check_disk_space(str(tmp_path), 1)


def test_a_lock_excludes_and_comes_back(tmp_path: Path) -> None:
    path = str(tmp_path / "a" / "lock")
    with file_lock(path):
        other = FileLock(path, timeout=0.05)
        assert other.acquire(blocking=False) is False
        with pytest.raises(TimeoutError, match="Failed to acquire lock"):
            other.acquire()
    assert other.acquire() and other.is_held()
    other.release()
    assert os.path.exists(path)


def test_a_child_does_not_hold_its_parents_lock(tmp_path: Path) -> None:
    lock = FileLock(str(tmp_path / "lock"))
    lock.acquire()
    child = os.fork()
    if child == 0:
        os._exit(0 if not lock.is_held() and not lock.acquire(blocking=False) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert FileLock(lock.lock_file).acquire(blocking=False) is False
    lock.release()


def test_no_path_leads_out(tmp_path: Path) -> None:
    base = tmp_path / "wh"
    base.mkdir()
    (tmp_path / "wh2").mkdir()
    (base / "link").symlink_to(tmp_path / "wh2")
    storage = LocalStorageBackend(str(base))
    for path in ("../wh2/x", "link/x", "a/../../wh2", ".."):
        with pytest.raises(ValueError, match="Path traversal"):
            storage.exists(path)
    assert storage._resolve_path("/etc/passwd") == str(base / "etc" / "passwd")


def test_files_are_written_whole_listed_and_removed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    storage = LocalStorageBackend(str(tmp_path / "link"))
    storage.write_json("data/a/b.json", {"x": 1})
    storage.write_file("data/c", b"one")
    storage.write_file("data/c", b"two")
    assert storage.read_json("/data/a/b.json") == {"x": 1}
    assert storage.read_file("data/c") == b"two"
    assert storage.list_files("data") == ["data/a/b.json", "data/c"]
    assert storage.list_files("absent") == []
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "real/data/c").stat().st_mode & 0o777 == 0o666 & ~mask
    storage.delete_file("data/c")
    storage.delete_file("data/c")
    assert not storage.exists("data/c")


def test_s3_needs_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATASHARD_STORAGE_TYPE", "S3")
    monkeypatch.delenv("DATASHARD_S3_BUCKET", raising=False)
    with pytest.raises(ValueError, match="DATASHARD_S3_BUCKET"):
        create_storage_backend("t")


def test_tries_stop_at_answers_that_last() -> None:
    handler = S3ConsistencyHandler(3, 0, retryable_exceptions=(ClientError,))
    calls: list[int] = []

    def denied() -> None:
        calls.append(1)
        raise ClientError("AccessDenied")

    with pytest.raises(ClientError):
        handler.retry_with_backoff(denied)
    assert len(calls) == 1

    def slow() -> int:
        calls.append(1)
        if len(calls) < 4:
            raise ClientError("SlowDown")
        return 7

    assert handler.retry_with_backoff(slow) == 7
    assert len(calls) == 4


class Store:
    """Objects with versions, as far as locks use them."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.ranges: list[str] = []
        self.count = 0

    def put_object(self, Bucket: str, Key: str, Body: bytes, **condition: str) -> dict[str, str]:  # noqa: N803
        found = self.objects.get(Key)
        if "IfNoneMatch" in condition and found is not None:
            raise ClientError("PreconditionFailed")
        if "IfMatch" in condition and (found is None or found[1] != condition["IfMatch"]):
            raise ClientError("PreconditionFailed")
        self.count += 1
        self.objects[Key] = (Body, str(self.count))
        return {"ETag": str(self.count)}

    def get_object(self, Bucket: str, Key: str, Range: str = "") -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects:
            raise ClientError("NoSuchKey")
        data, version = self.objects[Key]
        if Range:
            self.ranges.append(Range)
            first, last = Range.removeprefix("bytes=").split("-")
            size = len(data)
            if size == 0:
                raise ClientError("InvalidRange")
            data = data[int(first) : int(last) + 1] if first else data[-int(last) :]
            return {"Body": io.BytesIO(data), "ETag": version, "ContentRange": f"bytes x/{size}"}
        return {"Body": io.BytesIO(data), "ETag": version}

    def head_object(self, Bucket: str, Key: str) -> dict[str, int]:  # noqa: N803
        return {"ContentLength": len(self.get_object(Bucket, Key)["Body"].read())}

    def list_objects_v2(self, Bucket: str, Prefix: str, MaxKeys: int = 9) -> dict[str, Any]:  # noqa: N803
        found = [k for k in self.objects if k.startswith(Prefix)]
        return {"Contents": [{"Key": k, "LastModified": datetime.fromtimestamp(7)} for k in found]}

    def delete_object(self, Bucket: str, Key: str) -> None:  # noqa: N803
        self.objects.pop(Key, None)


def test_one_of_two_has_the_s3_lock() -> None:
    store = Store()
    one, two = (
        S3LockProvider(store, "b", "k", timeout=0, lease_seconds=1, takeover_margin_seconds=0.2)
        for _ in range(2)
    )
    assert one.acquire() and one.is_held()
    with pytest.raises(TimeoutError, match="S3 lock"):
        two.acquire()
    one.release()
    assert two.acquire() and not one.is_held()
    two.release()
    assert store.objects == {}


def test_a_lapsed_lease_is_not_renewed() -> None:
    store = Store()
    lock = S3PollingLockProvider(store, "b", "k")
    store.objects["k"] = (lock.lock_id.encode(), "1")
    lock.is_locked = True
    lock._lease_deadline = time.monotonic() - 1
    lock._renew_once()
    assert store.count == 0 and not lock.is_locked and not lock.is_held()


def test_ranges_transfer_what_is_read() -> None:
    store = Store()
    store.objects["k"] = (bytes(range(200)), "1")
    file = S3RangeFile(store, "b", "k", 200)
    file.seek(-8, io.SEEK_END)
    assert file.read(20) == bytes(range(192, 200))
    assert store.ranges == ["bytes=192-199"]
    assert file.read(1) == b""
    for offset, whence in ((-1, 0), (0, 9)):
        with pytest.raises(ValueError):
            file.seek(offset, whence)


def test_the_end_of_an_object_tells_its_size_and_is_kept() -> None:
    store = Store()
    content = bytes(range(256)) * 1000
    store.objects = {"k": (content, "1"), "empty": (b"", "2")}
    file = S3RangeFile(store, "b", "k")
    assert file.tell() == 0 and store.ranges == []
    file.seek(-8, io.SEEK_END)
    assert file.read(8) == content[-8:]
    file.seek(len(content) - S3RangeFile.TAIL_BYTES)
    assert file.readall() == content[-65536:] and file.size() == len(content)
    assert store.ranges == ["bytes=-65536"]
    file.seek(10)
    assert file.read(5) == content[10:15] and store.ranges[1:] == ["bytes=10-14"]
    assert S3RangeFile(store, "b", "empty").readall() == b""
    with pytest.raises(FileNotFoundError, match="S3 object not found: s3://b/absent"):
        S3RangeFile(store, "b", "absent").size()


def test_a_prefix_is_no_object_and_neighbours_are_not_listed() -> None:
    backend = S3StorageBackend.__new__(S3StorageBackend)
    store = Store()
    backend.s3, backend.bucket, backend.prefix = store, "b", "t"
    store.objects = {"t/data/x/1": (b"", "1"), "t/data2/y": (b"", "2")}
    assert backend.exists("data/x") is False
    assert backend.exists("data/") is True
    assert backend.list_files("data") == ["data/x/1"]
    with pytest.raises(FileNotFoundError, match="S3 object not found"):
        backend.read_file("data/x")


def test_avro_comes_back_and_damage_is_seen() -> None:
    record = {f["name"]: 3 for f in MANIFEST_LIST_SCHEMA["fields"]} | {"manifest_path": "ü" * 99}
    record |= {"partitions": None, "key_metadata": b"", "datashard_sha256": None}
    record["added_snapshot_id"] = -(1 << 62)
    data = write_container(MANIFEST_LIST_SCHEMA, [record, record], {"k": "v"})
    records, meta = read_container(data)
    assert records == [record, record]
    assert meta["k"] == b"v"
    for cut in range(len(data) - 1):
        try:
            assert read_container(data[:cut])[0] == []  # The end of the head, no block yet.
        except CorruptData:
            pass
    for at in range(len(data) - 16, len(data)):
        with pytest.raises(CorruptData):
            read_container(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])


@pytest.mark.parametrize(
    ("kind", "value"), [("int", -5), ("long", 1 << 40), ("double", 1.5), ("string", "é"), ("boolean", True)]
)
def test_bounds_come_back(kind: str, value: object) -> None:
    raw = encode_bound(kind, value)
    assert raw is not None and decode_bound(kind, raw) == value
    assert decode_bound("long", b"abc") is None
