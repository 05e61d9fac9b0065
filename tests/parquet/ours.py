"""datashard through its C ABI, in this process: files and path tables as pyarrow tables.

DATASHARD_LIBRARY names the shared library.
"""
import ctypes
import os

import pyarrow as pa

STREAM_BYTES = 5 * ctypes.sizeof(ctypes.c_void_p)
SCHEMA_BYTES = 9 * ctypes.sizeof(ctypes.c_void_p)


class Refused(Exception):
    """The library said no; `status` is its number, the text its message."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int32), ("os_code", ctypes.c_int32),
                ("http_status", ctypes.c_int32), ("reserved", ctypes.c_uint32),
                ("message", ctypes.c_char * 1008), ("detail", ctypes.c_char * 1024)]


class Property(ctypes.Structure):
    _fields_ = [("key", ctypes.c_char_p), ("value", ctypes.c_char_p)]


class Properties(ctypes.Structure):
    _fields_ = [("items", ctypes.POINTER(Property)), ("count", ctypes.c_size_t)]


class TableSpec(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("if_absent", ctypes.c_bool),
                ("schema", ctypes.c_void_p), ("schema_json", ctypes.c_char_p),
                ("partition_by", ctypes.c_char_p), ("sort_by", ctypes.c_char_p),
                ("location", ctypes.c_char_p), ("properties", Properties)]


class At(ctypes.Structure):
    _fields_ = [("snapshot_id", ctypes.c_int64), ("ref", ctypes.c_char_p),
                ("as_of_ms", ctypes.c_int64)]


class ScanOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("threads", ctypes.c_uint32),
                ("at", At), ("filter", ctypes.c_char_p),
                ("columns", ctypes.POINTER(ctypes.c_char_p)),
                ("column_count", ctypes.c_size_t), ("limit", ctypes.c_int64),
                ("batch_rows_max", ctypes.c_uint32), ("ordered", ctypes.c_bool)]


library = ctypes.CDLL(os.environ["DATASHARD_LIBRARY"])
library.ds_table_free.restype = None


def check(rc, err):
    if rc < 0:
        raise Refused(rc, err.message.decode("utf-8", "backslashreplace"))


class Stream:
    """Room for an ArrowArrayStream, which whoever gets it releases."""

    def __init__(self):
        self.room = ctypes.create_string_buffer(STREAM_BYTES)
        self.address = ctypes.addressof(self.room)

    def read(self):
        try:
            reader = pa.RecordBatchReader._import_from_c(self.address)
            table = reader.read_all()
            reader.close()
        except (pa.ArrowException, OSError) as e:
            raise Refused(0, str(e)) from None
        table.validate(full=True)
        return table


def stream_of(table, batch_rows=None):
    s = Stream()
    table.to_reader(max_chunksize=batch_rows)._export_to_c(s.address)
    return s


def scan_file(path):
    """A file's rows as a table; every buffer has been checked by pyarrow."""
    s, err = Stream(), Error()
    check(library.ds_file_scan(os.fsencode(path), ctypes.c_void_p(s.address),
                               ctypes.byref(err)), err)
    return s.read()


def batches(path):
    """The same, batch by batch."""
    s, err = Stream(), Error()
    check(library.ds_file_scan(os.fsencode(path), ctypes.c_void_p(s.address),
                               ctypes.byref(err)), err)
    reader = pa.RecordBatchReader._import_from_c(s.address)
    try:
        while True:
            batch = reader.read_next_batch()
            batch.validate(full=True)
            yield batch
    except StopIteration:
        reader.close()
    except (pa.ArrowException, OSError) as e:
        raise Refused(0, str(e)) from None


def write_file(path, table, batch_rows=None):
    s, err, rows = stream_of(table, batch_rows), Error(), ctypes.c_int64(-1)
    check(library.ds_file_write(os.fsencode(path), ctypes.c_void_p(s.address),
                                ctypes.byref(rows), ctypes.byref(err)), err)
    if rows.value != table.num_rows:
        raise AssertionError(f"{rows.value} rows written of {table.num_rows}")


class Table:
    """A path table, made for the rows of pyarrow tables with this schema."""

    def __init__(self, folder, schema, properties):
        err = Error()
        room = ctypes.create_string_buffer(SCHEMA_BYTES)
        schema._export_to_c(ctypes.addressof(room))
        items = (Property * max(1, len(properties)))(
            *(Property(k.encode(), str(v).encode()) for k, v in properties.items()))
        spec = TableSpec(struct_size=ctypes.sizeof(TableSpec),
                         schema=ctypes.addressof(room),
                         properties=Properties(items, len(properties)))
        self.folder = str(folder)
        self.handle = ctypes.c_void_p()
        try:
            check(library.ds_table_create(os.fsencode(self.folder), ctypes.byref(spec),
                                          ctypes.byref(self.handle), ctypes.byref(err)),
                  err)
        finally:
            pa.Schema._import_from_c(ctypes.addressof(room))  # That releases it.

    def append(self, table, batch_rows=None):
        s, err = stream_of(table, batch_rows), Error()
        check(library.ds_table_append(self.handle, ctypes.c_void_p(s.address), None, None,
                                      ctypes.byref(err)), err)

    def scan(self, text=None, columns=None, threads=1):
        s, err = Stream(), Error()
        o = ScanOptions(struct_size=ctypes.sizeof(ScanOptions), ordered=True,
                        threads=threads, filter=text.encode() if text else None)
        if columns is not None:
            names = (ctypes.c_char_p * len(columns))(*(c.encode() for c in columns))
            o.columns, o.column_count = names, len(columns)
        check(library.ds_table_scan(self.handle, ctypes.byref(o),
                                    ctypes.c_void_p(s.address), ctypes.byref(err)), err)
        return s.read()

    def count(self, text=None):
        err, out = Error(), ctypes.c_int64(-1)
        o = ScanOptions(struct_size=ctypes.sizeof(ScanOptions),
                        filter=text.encode() if text else None)
        check(library.ds_table_count(self.handle, ctypes.byref(o), ctypes.byref(out), None,
                                     ctypes.byref(err)), err)
        return out.value

    def data_files(self):
        return sorted(os.path.join(folder, name)
                      for folder, _, names in os.walk(self.folder)
                      for name in names if name.endswith(".parquet"))

    def close(self):
        library.ds_table_free(self.handle)
        self.handle = None
