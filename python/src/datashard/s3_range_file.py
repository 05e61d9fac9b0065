"""Objects of S3 as files."""

from __future__ import annotations

from .s3_backend import S3FileStream, S3RangeFile

__all__ = ["S3FileStream", "S3RangeFile"]
