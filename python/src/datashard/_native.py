"""The Arrow-native API: tables by name or place, rows as Arrow.

>>> import datashard as ds
>>> t = ds.Catalog("memory:").create_table("logs.events", "id long, msg string")
>>> t.append({"id": 1, "msg": "hello"}).committed
True
>>> [batch.to_pylist() for batch in t.scan()]
[[{'id': 1, 'msg': 'hello'}]]

Ctrl-C works during every call that may take long. Before a commit has reached the catalog
it is a KeyboardInterrupt, and nothing was committed; after that the call raises
CommitUnknown with the commit's identity and token, which `resolve` settles.
"""

from __future__ import annotations

from ._appender import Appender
from ._async import PendingCommit
from ._catalog import Catalog
from ._records import CommitOptions, CommitResult, OptimizeResult
from ._scan import Scan
from ._table import IcebergTable
from ._transaction import Transaction as NativeTransaction

__all__ = [
    "Appender",
    "Catalog",
    "CommitOptions",
    "CommitResult",
    "IcebergTable",
    "NativeTransaction",
    "OptimizeResult",
    "PendingCommit",
    "Scan",
]
