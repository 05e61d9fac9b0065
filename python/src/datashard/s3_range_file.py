"""Objects of S3 as files."""

from __future__ import annotations

import io
from typing import Any

from .s3_consistency import error_code, is_not_found_error, with_s3_retry

__all__ = ["S3FileStream", "S3RangeFile"]


class S3FileStream:
    """The body of an answer as a stream; a context manager."""

    def __init__(self, body: Any) -> None:
        self.body = body

    def read(self, n: int | None = None) -> bytes:
        """At most `n` bytes; all that are left with None."""
        data: bytes = self.body.read() if n is None or n < 0 else self.body.read(n)
        return data

    def close(self) -> None:
        """Ends the transfer."""
        self.body.close()

    def __enter__(self) -> S3FileStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class S3RangeFile(io.RawIOBase):
    """An object of `size` bytes as a seekable file: a read transfers what it returns.

    Without `size` the first read, or whoever asks for the size, gets the last TAIL_BYTES of
    the object: the answer tells its size, and Parquet's readers begin at the end. Those bytes
    are kept. FileNotFoundError then for an object that is not there.
    """

    TAIL_BYTES = 64 * 1024

    def __init__(self, s3: Any, bucket: str, key: str, size: int | None = None) -> None:
        super().__init__()
        self._s3 = s3
        self._bucket = bucket
        self._key = key
        self._known_size = size
        self._tail = b""
        self._at = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def writable(self) -> bool:
        """False."""
        return False

    def tell(self) -> int:
        """The position in bytes."""
        return self._at

    def size(self) -> int:
        """Bytes of the object."""
        if self._known_size is None:
            self._known_size, self._tail = with_s3_retry(
                self._get_tail, f"read of the end of {self._name()}"
            )
        return self._known_size

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves; ValueError for a place before the start or an unknown `whence`."""
        if whence not in (io.SEEK_SET, io.SEEK_CUR, io.SEEK_END):
            raise ValueError(f"invalid whence: {whence}")
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence)
        place = (self.size() if origin is None else origin) + offset
        if place < 0:
            raise ValueError("negative seek position")
        self._at = place
        return place

    def readinto(self, b: Any) -> int:
        """Fills `b` as far as the object reaches."""
        count = max(0, min(len(b), self.size() - self._at))
        if count > 0:
            b[:count] = self._range(self._at, count)
            self._at += count
        return count

    def readall(self) -> bytes:
        """The rest, in one request."""
        count = max(0, self.size() - self._at)
        data = self._range(self._at, count) if count > 0 else b""
        self._at += count
        return data

    def _name(self) -> str:
        return f"s3://{self._bucket}/{self._key}"

    def _get(self, what: str) -> tuple[dict[str, Any], bytes]:
        answer: dict[str, Any] = self._s3.get_object(Bucket=self._bucket, Key=self._key, Range=what)
        with S3FileStream(answer["Body"]) as body:
            return answer, body.read()

    def _get_tail(self) -> tuple[int, bytes]:
        try:
            answer, data = self._get(f"bytes=-{self.TAIL_BYTES}")
        except Exception as exc:
            if is_not_found_error(exc):
                raise FileNotFoundError(f"S3 object not found: {self._name()}") from exc
            if error_code(exc) == "InvalidRange":  # Of no bytes there are no last ones.
                head = self._s3.head_object(Bucket=self._bucket, Key=self._key)
                return int(head["ContentLength"]), b""
            raise
        total = str(answer.get("ContentRange") or "").rpartition("/")[2]
        # A store that passes over the range has sent all.
        return int(total) if total.isdigit() else len(data), data

    def _range(self, first: int, count: int) -> bytes:
        kept_from = self.size() - len(self._tail)
        if self._tail and first >= kept_from:
            return self._tail[first - kept_from : first - kept_from + count]

        def get() -> bytes:
            data = self._get(f"bytes={first}-{first + count - 1}")[1]
            if len(data) != count:
                raise OSError(f"{self._name()}: {len(data)} bytes of {count} came")
            return data

        return with_s3_retry(get, f"read of {self._name()}")
