#!/usr/bin/env python3
"""PyIceberg appends now and then, to a table that many others write to.

usage: pyiceberg_appends.py FOLDER PLAN STATE

FOLDER holds catalog.db and the warehouse. PLAN has one JSON list of rows a line: one
append each. STATE is shared with the parent: a byte that says stop, one that says how many
percent are done, 14 others, then one letter an append: I before it, A after it was
acknowledged. What ends in doubt stays I.
"""
import json
import logging
import mmap
import sys
import time

import pyarrow
import sqlalchemy.exc
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException, ValidationException

HEAD = 16
SCHEMA = pyarrow.schema([
    pyarrow.field("lane", pyarrow.int32(), nullable=False),
    pyarrow.field("number", pyarrow.int64(), nullable=False),
    pyarrow.field("part", pyarrow.int32(), nullable=False),
    pyarrow.field("nonce", pyarrow.int64(), nullable=False),
    pyarrow.field("text", pyarrow.string(), nullable=False)])


def open_catalog(folder):
    return SqlCatalog("shared", uri=f"sqlite:///{folder}/catalog.db",
                      warehouse=f"file://{folder}/warehouse")


def main():
    logging.disable(logging.WARNING)  # It tells each lost try.
    folder, plan, state_path = sys.argv[1:]
    appends = [json.loads(line) for line in open(plan, encoding="utf-8")]
    with open(state_path, "r+b") as file:
        state = mmap.mmap(file.fileno(), 0)
    catalog = open_catalog(folder)
    lost = 0
    for i, rows in enumerate(appends):
        while state[0] == 0 and state[1] * len(appends) < i * 100:
            time.sleep(0.01)
        batch = pyarrow.Table.from_pylist(rows, schema=SCHEMA)
        state[HEAD + i] = ord("I")
        while True:
            try:
                catalog.load_table("ns.t").append(batch)
                state[HEAD + i] = ord("A")
                break
            except CommitFailedException:
                lost += 1  # It says surely not; its own retries are used up.
            except (ValidationException, FileNotFoundError):
                lost += 1  # Expiry overtook it while it prepared: nothing was sent.
            except sqlalchemy.exc.OperationalError as reason:
                if "locked" not in str(reason):
                    raise
                lost += 1  # Rolled back.
                catalog.engine.dispose()
                catalog = open_catalog(folder)
            if state[0] == 2:
                print(f"kill9: pyiceberg gave up on append {i}", file=sys.stderr)
                return 1
    print(f"kill9: pyiceberg: {len(appends)} appends acknowledged, {lost} tries lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
