"""The version files of a path table, for changes of metadata that need no data.

The protocol is the engine's and Iceberg's for directories: ``metadata/v<N+1>.metadata.json``
is made only while it is absent, and the highest version is the table's state. A change
is planned on one version; when that has a successor, nothing is written.
"""

from __future__ import annotations

import json
import os
import re
import time
import uuid
from typing import Any

from .exceptions import ConcurrentModificationException
from .storage_backend import sync_directory

__all__ = ["publish", "successor"]

_NAME = re.compile(r"v([1-9][0-9]{0,11})\.(?:metadata\.json|gz\.metadata\.json|metadata\.json\.gz)")
_LOG_MAX = 100


def successor(base: dict[str, Any], base_location: str) -> dict[str, Any]:
    """A deep copy of the metadata JSON that logs `base` as its predecessor."""
    new: dict[str, Any] = json.loads(json.dumps(base))
    log = list(new.get("metadata-log", ()))
    log.append({"timestamp-ms": base["last-updated-ms"], "metadata-file": base_location})
    kept = int(new.get("properties", {}).get("write.metadata.previous-versions-max", _LOG_MAX))
    new["metadata-log"] = log[-max(kept, 1) :]
    new["last-updated-ms"] = max(int(time.time() * 1000), int(base["last-updated-ms"]) + 1)
    return new


def publish(folder: str, base_name: str, new: dict[str, Any]) -> str:
    """Makes `new` the version after the file `base_name` of the directory `folder`, durably.

    ConcurrentModificationException when somebody else has made it; returns its path.
    """
    match = _NAME.fullmatch(base_name)
    if match is None:
        raise ValueError(f"{base_name} is no version file of a table directory")
    number = int(match[1]) + 1
    for suffix in (".gz.metadata.json", ".metadata.json.gz"):
        if os.path.exists(os.path.join(folder, f"v{number}{suffix}")):
            raise _lost(number)
    if not os.path.exists(os.path.join(folder, base_name)):
        raise _lost(number)
    path = os.path.join(folder, f"v{number}.metadata.json")
    temporary = os.path.join(folder, f".datashard-{uuid.uuid4()}.tmp")
    try:
        with open(temporary, "x", encoding="utf-8") as file:
            json.dump(new, file, separators=(",", ":"))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError as cause:
            raise _lost(number) from cause
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
    sync_directory(folder)
    _hint(folder, number)
    return path


def _lost(number: int) -> ConcurrentModificationException:
    return ConcurrentModificationException(
        "Cannot commit metadata: concurrent modification detected. "
        f"Version {number} is there already"
    )


def _hint(folder: str, number: int) -> None:
    """Where to begin looking; nothing depends on it."""
    temporary = os.path.join(folder, f".datashard-{uuid.uuid4()}.tmp")
    try:
        with open(temporary, "x", encoding="ascii") as file:
            file.write(str(number))
        os.replace(temporary, os.path.join(folder, "version-hint.text"))
    except OSError:
        if os.path.exists(temporary):
            os.unlink(temporary)
