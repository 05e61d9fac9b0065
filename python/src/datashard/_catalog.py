"""Catalog: where tables have names."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

from . import _core
from ._core import Table as CoreTable
from ._errors import Invalid, NotFound
from ._schema import listed, schema_arguments
from ._table import IcebergTable, table_properties

__all__ = ["Catalog"]

Name = str | Sequence[str]
"""A dotted name, "logs.events", or its parts, ("logs", "events")."""


def _dotted(name: Name) -> str:
    if isinstance(name, str):
        return name
    if isinstance(name, Sequence) and all(isinstance(part, str) for part in name):
        return ".".join(name)
    raise TypeError(f"a name is text or a tuple of texts, not {name!r}")


def library_uri(uri: str) -> str:
    """The library's URI for one as SQLAlchemy and PyIceberg spell it.

    >>> library_uri("sqlite:///dir/catalog.db"), library_uri("sqlite:////abs/catalog.db")
    ('sqlite:dir/catalog.db', 'sqlite:/abs/catalog.db')
    """
    if not isinstance(uri, str):
        raise TypeError(f"a catalog's URI is text, like 'sqlite:///catalog.db', not {uri!r}")
    if uri in ("memory:", "sqlite://", "sqlite:///:memory:", "sqlite::memory:"):
        return "memory:"
    if uri.startswith("sqlite:///"):
        path = uri[len("sqlite:///") :]
        uri = "sqlite:" + ("/" + path.lstrip("/") if path.startswith("/") else path)
    if uri.startswith("sqlite://"):
        raise Invalid(f"{uri!r}: three slashes before a relative path, four before an absolute one")
    if uri == "sqlite:":
        raise Invalid("'sqlite:' needs the path of a database: sqlite:///catalog.db")
    if not uri.startswith("sqlite:"):
        raise Invalid(
            f"{uri!r} names no catalog: 'sqlite:///catalog.db' does, and 'memory:'."
            " A table in a directory needs none: IcebergTable.open"
        )
    return uri


def absolute_uri(uri: str) -> str:
    """The library's URI, so that it means the same in another working directory."""
    path = uri[len("sqlite:") :]
    return f"sqlite:{os.path.abspath(path)}" if uri.startswith("sqlite:") else uri


class Catalog:
    """Tables by name, in a database that PyIceberg's SqlCatalog and Java's share.

    `uri`: "sqlite:///catalog.db" (three slashes: a relative path, four: an absolute one),
    "sqlite:catalog.db", or "memory:", where nothing stays. The database and its directory
    are made when absent. `warehouse`: where new tables go; default a directory `warehouse`
    beside the database. `name`: which of several catalogs in one database.

    >>> cat = Catalog("memory:")
    >>> t = cat.create_table("logs.events", "ts timestamptz, msg string", partition_by=["day(ts)"])
    >>> cat.list_tables("logs")
    ['logs.events']

    Any number of threads may share one.
    """

    def __init__(
        self,
        uri: str,
        properties: Mapping[str, str] | None = None,
        *,
        warehouse: str | os.PathLike[str] | None = None,
        name: str | None = None,
    ) -> None:
        self._uri = library_uri(uri)
        self._properties = dict(properties or {})
        if warehouse is not None:
            self._properties["warehouse"] = os.fspath(warehouse)
        if name is not None:
            self._properties["name"] = name
        if self._uri.startswith("sqlite:"):
            directory = os.path.dirname(self._uri[len("sqlite:") :])
            if directory:
                os.makedirs(directory, exist_ok=True)
        self._opened: _core.Catalog | None = _core.Catalog(self._uri, self._properties or None)

    @property
    def _core(self) -> _core.Catalog:
        if self._opened is None:
            raise Invalid("the catalog is closed")
        return self._opened

    # --- tables

    def create_table(
        self,
        name: Name,
        schema: object,
        *,
        partition_by: str | Sequence[str] | None = None,
        sort_by: str | Sequence[str] | None = None,
        location: str | os.PathLike[str] | None = None,
        properties: Mapping[str, str] | None = None,
        ingest: bool = False,
        if_not_exists: bool = False,
    ) -> IcebergTable:
        """Makes a table, and its namespace if need be.

        `schema`: text ("id long not null, msg string"), a dict of columns, a pyarrow or
        polars schema or anything with `__arrow_c_schema__`, data (their columns), or
        Iceberg's JSON. `partition_by`: terms like "day(ts)", "bucket(16, id)", "level".
        `sort_by`: order inside files, "ts desc nulls last". `ingest`: for many small appends:
        about the last hundred snapshots are kept.

        AlreadyExists: it is there (with `if_not_exists` it is opened). ValueError (Invalid):
        a schema, partitioning or property that is wrong.
        """
        core = self._core.create_table(
            _dotted(name),
            partition_by=listed(partition_by),
            sort_by=listed(sort_by),
            location=None if location is None else os.fspath(location),
            properties=table_properties(properties, ingest),
            if_absent=if_not_exists,
            **schema_arguments(schema),
        )
        return self._table(core, _dotted(name))

    def open_table(self, name: Name) -> IcebergTable:
        """Opens a table; NotFound."""
        return self._table(self._core.open_table(_dotted(name)), _dotted(name))

    load_table = open_table

    def _table(self, core: CoreTable, name: str) -> IcebergTable:
        if self._uri == "memory:":
            return IcebergTable(core)
        return IcebergTable(core, _CatalogPlace(self._uri, self._properties, name))

    def table_exists(self, name: Name) -> bool:
        """Whether there is such a table."""
        try:
            self._core.open_table(_dotted(name))
        except NotFound:
            return False
        return True

    def drop_table(self, name: Name, *, purge: bool = False) -> None:
        """Forgets a table; with `purge` also removes its files. NotFound."""
        self._core.drop_table(_dotted(name), purge)

    def rename_table(self, source: Name, to: Name) -> None:
        """Renames; the files stay where they are. NotFound, AlreadyExists."""
        self._core.rename_table(_dotted(source), _dotted(to))

    def register_table(self, name: Name, metadata_location: str) -> IcebergTable:
        """Names a table whose metadata file is there already, and opens it."""
        self._core.register_table(_dotted(name), metadata_location)
        return self.open_table(name)

    def list_tables(self, namespace: Name | None = None) -> list[str]:
        """Full names, sorted; of all namespaces without one."""
        return self._core.list_tables(None if namespace is None else _dotted(namespace))

    # --- namespaces

    def list_namespaces(self, parent: Name | None = None) -> list[str]:
        """Those directly below `parent`, or at the top: full names, sorted."""
        return self._core.list_namespaces(None if parent is None else _dotted(parent))

    def create_namespace(self, namespace: Name, properties: Mapping[str, str] | None = None) -> None:
        """AlreadyExists."""
        self._core.create_namespace(_dotted(namespace), properties)

    def drop_namespace(self, namespace: Name) -> None:
        """NotFound; CommitConflict when it is not empty."""
        self._core.drop_namespace(_dotted(namespace))

    def namespace_properties(self, namespace: Name) -> dict[str, str]:
        """NotFound."""
        return self._core.namespace_properties(_dotted(namespace))

    def set_namespace_properties(self, namespace: Name, properties: Mapping[str, str | None]) -> None:
        """Sets each; None removes it. NotFound."""
        self._core.set_namespace_properties(_dotted(namespace), properties)

    # --- ending

    def close(self) -> None:
        """Lets go of the database; tables that were opened stay usable."""
        self._opened = None

    def __enter__(self) -> Catalog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Callable[..., Catalog], tuple[str, dict[str, str]]]:
        if self._uri == "memory:":
            raise TypeError("a memory: catalog stays in its process")
        return Catalog, (absolute_uri(self._uri), dict(self._properties))

    def __repr__(self) -> str:
        return f"<Catalog {self._uri}{' (closed)' if self._opened is None else ''}>"


class _CatalogPlace:
    """How to open a table of a catalog again; can be pickled."""

    def __init__(self, uri: str, properties: Mapping[str, str], name: str) -> None:
        self.uri = absolute_uri(uri)
        self.properties = dict(properties)
        self.name = name

    def __call__(self) -> _core.Table:
        return _core.Catalog(self.uri, self.properties or None).open_table(self.name)
