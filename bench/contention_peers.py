"""The peers that are called from Python: how each makes a table and appends to it.

Each does as its own documentation says, with its retries raised so far that it gives up
nothing. A peer loads its package when it is made; then writers are forked; `prepare` and
`open` run in processes of their own.
"""
import logging
import random
import sqlite3
import time

import contention_record as record

RETRIES = 1_000_000


class CountedRetries(logging.Handler):
    """Counts the warnings that a package logs when it tries again, and prints none."""

    def __init__(self, logger, word):
        super().__init__()
        self.word, self.count = word, 0
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
        logger.addHandler(self)
        logger.propagate = False

    def emit(self, message):
        self.count += self.word in message.getMessage()

    def take(self):
        count, self.count = self.count, 0
        return count


class ArrowPeer:
    """What those have in common who take Arrow tables."""

    def warm(self, writer, rows):
        record.arrow_prepare(writer, rows)

    def batch(self, append, rows):
        return record.arrow(append, rows)


class PyIceberg(ArrowPeer):
    """SqlCatalog on SQLite; retries by the table's properties."""
    name = "pyiceberg"
    packages = ["pyiceberg"]

    def __init__(self):
        import pyarrow
        import pyiceberg.catalog.sql
        self.catalog_class = pyiceberg.catalog.sql.SqlCatalog
        self.pyarrow = pyarrow

    def catalog(self, folder):
        return self.catalog_class("default", uri=f"sqlite:///{folder}/catalog.db",
                                  warehouse=f"file://{folder}/warehouse")

    def prepare(self, folder):
        catalog = self.catalog(folder)
        catalog.create_namespace("logs")
        catalog.create_table("logs.lines", record.arrow_schema(), properties={
            "commit.retry.num-retries": str(RETRIES),
            "commit.retry.min-wait-ms": "10",
            "commit.retry.max-wait-ms": "1000"})

    def open(self, folder):
        retries = CountedRetries(logging.getLogger("pyiceberg.table"), "retrying")
        return self.catalog(folder).load_table("logs.lines"), retries

    def append(self, state, batch):
        table, retries = state
        table.append(batch)
        return 1 + retries.take()


class DataShardPython(ArrowPeer):
    """DataShard's own table; it tries again by itself, fifty times."""
    name = "datashard_py"
    packages = ["datashard"]

    def __init__(self):
        import datashard
        import pyarrow
        self.package = datashard
        self.pyarrow = pyarrow
        self.schema = datashard.Schema(schema_id=1, fields=[
            {"id": i + 1, "name": name, "type": kind, "required": False}
            for i, (name, kind) in enumerate(record.COLUMNS)])

    def prepare(self, folder):
        CountedRetries(logging.getLogger("datashard"), "retrying")
        self.package.create_table(str(folder / "table"), self.schema)

    def open(self, folder):
        retries = CountedRetries(logging.getLogger("datashard"), "retrying")
        return self.package.load_table(str(folder / "table")), retries

    def append(self, state, batch):
        table, retries = state
        if not table.append_arrow(batch, self.schema):
            raise RuntimeError("append_arrow returned False")
        return 1 + retries.take()


class DeltaLake(ArrowPeer):
    """write_deltalake in mode append."""
    name = "deltalake"
    packages = ["deltalake"]

    def __init__(self):
        import deltalake
        import pyarrow
        self.package = deltalake
        self.pyarrow = pyarrow

    def prepare(self, folder):
        self.package.DeltaTable.create(str(folder / "table"), record.arrow_schema())

    def open(self, folder):
        retries = self.package.CommitProperties(max_commit_retries=RETRIES)
        return self.package.DeltaTable(str(folder / "table")), retries

    def append(self, state, batch):
        table, retries = state
        self.package.write_deltalake(table, batch, mode="append", commit_properties=retries)
        return 0  # It does not tell.


class DuckLake(ArrowPeer):
    """INSERT through DuckDB, with a catalog in SQLite, in WAL as its maintainers advise.

    Its retries are for conflicts only: that the catalog is locked reaches the caller, who
    has to try again, in an INSERT and already when attaching it.
    """
    name = "ducklake"
    packages = ["duckdb", "duckdb-ext-ducklake", "duckdb-ext-sqlite"]
    inlined = 0

    def __init__(self):
        import duckdb
        import pyarrow
        self.package = duckdb
        self.pyarrow = pyarrow

    def is_busy(self, reason):
        """Also what follows in a transaction that met a locked catalog."""
        return any(t in str(reason) for t in ("database is locked", "transaction is aborted"))

    def until_unlocked(self, work):
        for attempt in range(1, RETRIES):
            try:
                work()
                return attempt
            except self.package.Error as reason:
                if not self.is_busy(reason):
                    raise
                time.sleep(random.uniform(0.0, 0.02))
        raise TimeoutError("locked for ever")

    def attach(self, folder):
        connection = duckdb_connection("sqlite_scanner", "ducklake")
        connection.execute(f"set ducklake_max_retry_count = {RETRIES}")
        connection.execute("set ducklake_retry_wait_ms = 10")
        connection.execute("set ducklake_retry_backoff = 1.1")
        try:
            connection.execute(
                f"attach 'ducklake:sqlite:{folder}/catalog.db' as lake (data_path "
                f"'{folder}/data/', data_inlining_row_limit {self.inlined}, "
                "meta_journal_mode 'WAL', meta_busy_timeout 500)")
        except self.package.Error:
            connection.close()  # Half attached: the next try begins with a new one.
            raise
        return connection

    def connect(self, folder):
        connections = []
        self.until_unlocked(lambda: connections.append(self.attach(folder)))
        return connections[0]

    def prepare(self, folder):
        self.connect(folder).execute(
            "create table lake.lines (ts timestamp, level varchar, component varchar, "
            "block bigint, message varchar)")

    def open(self, folder):
        return self.connect(folder)

    def append(self, connection, batch):
        connection.register("batch", batch)
        return self.until_unlocked(
            lambda: connection.execute("insert into lake.lines from batch"))


class DuckLakeInlined(DuckLake):
    """The same, small appends as rows in the catalog ("data inlining")."""
    name = "ducklake_inlined"
    inlined = 1000


class Planted:
    """Not a peer: plain SQLite with a planted fault, to see that it is told."""
    packages = []
    every = 7

    def prepare(self, folder):
        with sqlite3.connect(folder / "plain.db") as db:
            db.execute("create table lines (ts integer, level text, component text, "
                       "block integer, message text)")

    def open(self, folder):
        return sqlite3.connect(folder / "plain.db", timeout=60, isolation_level=None)

    def warm(self, writer, rows):
        pass

    def batch(self, append, rows):
        return record.rows(append, rows)

    def insert(self, db, batch):
        db.execute("begin immediate")
        db.executemany("insert into lines values (?, ?, ?, ?, ?)", batch)
        db.execute("commit")

    def is_planted(self, batch):
        return batch[0][3] // record.ROWS_MAX % record.APPENDS_EACH % self.every == 0

    def append(self, db, batch):
        self.insert(db, batch)
        return 1


class PlantedLoss(Planted):
    name = "planted_loss"

    def append(self, db, batch):
        if not self.is_planted(batch):
            self.insert(db, batch)
        return 1


class PlantedDuplicate(Planted):
    name = "planted_duplicate"

    def append(self, db, batch):
        self.insert(db, batch + batch if self.is_planted(batch) else batch)
        return 1


class PlantedPart(Planted):
    name = "planted_part"

    def append(self, db, batch):
        self.insert(db, batch[1:] if self.is_planted(batch) else batch)
        return 1


class PlantedFailure(Planted):
    name = "planted_failure"

    def append(self, db, batch):
        if self.is_planted(batch):
            raise RuntimeError("planted")
        return super().append(db, batch)


class PlantedNothing(Planted):
    name = "planted_nothing"


PEERS = {c.name: c for c in (PyIceberg, DataShardPython, DeltaLake, DuckLake, DuckLakeInlined,
                             PlantedLoss, PlantedDuplicate, PlantedPart, PlantedFailure,
                             PlantedNothing)}


def duckdb_connection(*extensions):
    """A DuckDB with extensions that came as Python packages: nothing is downloaded."""
    import glob
    import os
    import site

    import duckdb
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    for extension in extensions:
        pattern = f"duckdb_ext/extensions/*/*/{extension}.duckdb_extension"
        path = glob.glob(os.path.join(site.getsitepackages()[0], pattern))[0]
        connection.execute(f"load '{path}'")
    return connection
