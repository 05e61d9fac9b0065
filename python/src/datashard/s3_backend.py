"""A bucket of S3 as a StorageBackend, through boto3, which is imported when one is made."""

from __future__ import annotations

import importlib.util
import io
from typing import Any

from .lock_provider import LockProvider, S3LockProvider, S3PollingLockProvider
from .s3_consistency import S3ConsistencyHandler, error_code, is_not_found_error, with_s3_retry
from .s3_range_file import S3FileStream, S3RangeFile
from .storage_backend import StorageBackend

__all__ = [
    "BOTO3_AVAILABLE",
    "UNSAFE_LOCK_MESSAGE",
    "CASConflictError",
    "S3FileStream",
    "S3RangeFile",
    "S3StorageBackend",
]

BOTO3_AVAILABLE = importlib.util.find_spec("boto3") is not None
# DataShard's words, which programs look for.
UNSAFE_LOCK_MESSAGE = (
    "The S3 endpoint takes no conditional writes (If-None-Match, If-Match), or "
    "DATASHARD_S3_USE_CONDITIONAL_WRITES=false turned them off. Without them two writers may both "
    "commit, and one snapshot is lost without a word; so nothing is opened. Use an endpoint that "
    "has them, or, where only one writer ever commits, set DATASHARD_S3_ALLOW_UNSAFE_LOCK=1."
)

_LOST = ("412", "PreconditionFailed", "409", "ConditionalRequestConflict")


class CASConflictError(Exception):
    """Somebody else wrote the object first."""


class S3StorageBackend(StorageBackend):
    """Objects below `prefix` of a bucket. ImportError without boto3.

    Whether the store takes conditional writes is tried out unless it is said; where it does
    not, locks are best effort, which `allow_unsafe_lock` has to permit: RuntimeError.
    """

    def __init__(
        self,
        bucket: str,
        endpoint_url: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
        region: str = "us-east-1",
        prefix: str = "",
        use_conditional_writes: bool | None = None,
        allow_unsafe_lock: bool = False,
    ) -> None:
        try:
            import boto3  # type: ignore[import-not-found,import-untyped,unused-ignore]
        except ImportError as cause:
            raise ImportError("boto3 is required for S3 storage: pip install datashard[s3]") from cause
        keys: dict[str, str] = {}
        if access_key and secret_key:
            keys = {"aws_access_key_id": access_key, "aws_secret_access_key": secret_key}
        self.bucket = bucket
        self.prefix = prefix.strip("/")
        self.endpoint_url = endpoint_url
        self.access_key = access_key
        self.secret_key = secret_key
        self.region = region
        self.s3 = boto3.client("s3", endpoint_url=endpoint_url, region_name=region, **keys)
        if use_conditional_writes is None:
            from .s3_cas_probe import detect_conditional_writes

            use_conditional_writes = detect_conditional_writes(
                self.s3, bucket, self._get_s3_key, endpoint_url
            )
        if not use_conditional_writes and not allow_unsafe_lock:
            raise RuntimeError(UNSAFE_LOCK_MESSAGE)
        self.use_conditional_writes = use_conditional_writes

    def _get_s3_key(self, path: str) -> str:
        path = path.lstrip("/")
        if ".." in path.split("/"):
            raise ValueError(f"Security Error: Path traversal attempt detected. Resolved path '{path}'")
        return f"{self.prefix}/{path}" if self.prefix else path

    def _call(self, name: str, path: str, **more: Any) -> Any:
        key = self._get_s3_key(path)

        def call() -> Any:
            try:
                return getattr(self.s3, name)(Bucket=self.bucket, Key=key, **more)
            except Exception as exc:
                if is_not_found_error(exc):
                    raise FileNotFoundError(f"S3 object not found: s3://{self.bucket}/{key}") from exc
                raise

        return S3ConsistencyHandler().retry_with_backoff(call, f"{name} of s3://{self.bucket}/{key}")

    def read_file(self, path: str) -> bytes:
        """See StorageBackend."""
        data: bytes = self._call("get_object", path)["Body"].read()
        return data

    def open_file(self, path: str) -> S3FileStream:
        """See StorageBackend."""
        return S3FileStream(self._call("get_object", path)["Body"])

    def open_seekable(self, path: str) -> io.BufferedReader:
        """See StorageBackend. The first read asks for the end of the object, and learns of its
        size or that it is absent."""
        file = S3RangeFile(self.s3, self.bucket, self._get_s3_key(path))
        return io.BufferedReader(file, buffer_size=1 << 16)

    def write_file(self, path: str, content: bytes) -> None:
        """See StorageBackend."""
        self._call("put_object", path, Body=content)

    @property
    def supports_cas(self) -> bool:
        """Whether conditional writes are on."""
        return self.use_conditional_writes

    def read_file_with_etag(self, path: str) -> tuple[bytes, str | None]:
        """See StorageBackend."""
        answer = self._call("get_object", path)
        return answer["Body"].read(), answer.get("ETag")

    def write_file_cas(self, path: str, content: bytes, etag: str | None) -> None:
        """See StorageBackend. Sent once: a lost answer must not become a conflict with
        oneself."""
        key = self._get_s3_key(path)
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=content, **condition)
        except Exception as exc:
            if error_code(exc) in _LOST:
                raise CASConflictError(f"CAS write lost race for s3://{self.bucket}/{key}") from exc
            raise

    def exists(self, path: str) -> bool:
        """Whether the object is there; for a path that ends in "/", anything below it."""
        if path.endswith("/"):
            answer = self.s3.list_objects_v2(
                Bucket=self.bucket, Prefix=self._get_s3_key(path), MaxKeys=1
            )
            return bool(answer.get("Contents"))
        try:
            self._call("head_object", path)
        except FileNotFoundError:
            return False
        return True

    def list_files(self, prefix: str) -> list[str]:
        """See StorageBackend."""
        return [path for path, _ in self.list_files_with_mtime(prefix)]

    def clock_ms(self) -> float:
        """See StorageBackend: the store's clock, which also dates its objects."""
        from email.utils import parsedate_to_datetime

        answer = with_s3_retry(lambda: self.s3.head_bucket(Bucket=self.bucket))
        date = answer["ResponseMetadata"]["HTTPHeaders"]["date"]
        return parsedate_to_datetime(date).timestamp() * 1000

    def list_files_with_mtime(self, prefix: str) -> list[tuple[str, float]]:
        """See StorageBackend. The listing has the times."""
        start = self._get_s3_key(prefix).rstrip("/")
        more: dict[str, str] = {"Prefix": f"{start}/" if start else ""}
        cut = len(self.prefix) + 1 if self.prefix else 0
        found: list[tuple[str, float]] = []
        while True:
            answer = with_s3_retry(lambda: self.s3.list_objects_v2(Bucket=self.bucket, **more))
            found.extend(
                (item["Key"][cut:], item["LastModified"].timestamp())
                for item in answer.get("Contents", ())
            )
            if not answer.get("IsTruncated"):
                return found
            more["ContinuationToken"] = answer["NextContinuationToken"]

    def delete_file(self, path: str) -> None:
        """See StorageBackend."""
        self._call("delete_object", path)

    def makedirs(self, path: str, exist_ok: bool = True) -> None:
        """Nothing: a bucket has no directories."""

    def get_size(self, path: str) -> int:
        """See StorageBackend."""
        return int(self._call("head_object", path)["ContentLength"])

    def get_modified_time(self, path: str) -> float:
        """See StorageBackend."""
        return float(self._call("head_object", path)["LastModified"].timestamp())

    def create_lock(self, path: str, timeout: float = 30.0) -> LockProvider:
        """See StorageBackend."""
        kind = S3LockProvider if self.use_conditional_writes else S3PollingLockProvider
        return kind(self.s3, self.bucket, self._get_s3_key(path), timeout)


def __getattr__(name: str) -> Any:
    if name == "ClientError":  # The client's exception, for those who catch it from here.
        try:
            from botocore.exceptions import ClientError  # type: ignore[import-not-found,import-untyped,unused-ignore]
        except ImportError:
            return OSError
        return ClientError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
