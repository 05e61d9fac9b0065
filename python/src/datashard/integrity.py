"""Checksums of bytes, streams and files, as hexadecimal text."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, BinaryIO

from ._errors import CorruptData

__all__ = ["CorruptDataError", "IntegrityChecker", "add_checksum_to_metadata", "verify_data_integrity"]

_CHUNK = 1 << 20

CorruptDataError = CorruptData


def _hasher(algorithm: str) -> hashlib._Hash:
    try:
        made = hashlib.new(algorithm)
    except (ValueError, TypeError) as cause:
        raise ValueError(f"Unsupported hash algorithm: {algorithm}") from cause
    if made.digest_size == 0:  # Digests of any length: they have no length of their own.
        raise ValueError(f"Unsupported hash algorithm: {algorithm}")
    return made


class IntegrityChecker:
    """Computes and compares checksums. An algorithm is any name hashlib knows."""

    @staticmethod
    def compute_checksum(data: bytes, algorithm: str = "sha256") -> str:
        """The checksum of `data`; ValueError for an unknown algorithm."""
        hasher = _hasher(algorithm)
        hasher.update(data)
        return hasher.hexdigest()

    @staticmethod
    def compute_checksum_from_stream(stream: BinaryIO, algorithm: str = "sha256") -> str:
        """The checksum of what is left of the stream, which is read to its end."""
        hasher = _hasher(algorithm)
        while chunk := stream.read(_CHUNK):
            hasher.update(chunk)
        return hasher.hexdigest()

    @staticmethod
    def verify_checksum(data: bytes, expected_checksum: str, algorithm: str = "sha256") -> bool:
        """Whether `data` have that checksum; upper case is as good as lower."""
        return _same(IntegrityChecker.compute_checksum(data, algorithm), expected_checksum)

    @staticmethod
    def verify_stream_checksum(
        stream: BinaryIO, expected_checksum: str, algorithm: str = "sha256"
    ) -> bool:
        """Whether what is left of the stream has that checksum."""
        found = IntegrityChecker.compute_checksum_from_stream(stream, algorithm)
        return _same(found, expected_checksum)

    @staticmethod
    def compute_file_checksum(file_path: str, algorithm: str = "sha256") -> str:
        """The checksum of a file, read a megabyte at a time."""
        with open(file_path, "rb") as file:
            return IntegrityChecker.compute_checksum_from_stream(file, algorithm)


def _same(computed: str, expected: str) -> bool:
    return hmac.compare_digest(computed.encode(), expected.lower().encode())


def add_checksum_to_metadata(metadata: dict[str, Any], data: bytes) -> dict[str, Any]:
    """Notes the SHA-256 of `data` in `metadata`, which is changed and returned."""
    metadata["checksum"] = IntegrityChecker.compute_checksum(data)
    metadata["checksum_algorithm"] = "sha256"
    return metadata


def verify_data_integrity(data: bytes, metadata: dict[str, Any]) -> bool:
    """Whether `data` fit the checksum noted in `metadata`; True when none is noted."""
    expected = metadata.get("checksum")
    if not expected:
        return True
    return IntegrityChecker.verify_checksum(data, expected, metadata.get("checksum_algorithm", "sha256"))
