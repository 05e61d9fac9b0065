/// Arrow IPC: record batches as files (".arrow", ".feather") and streams (".arrows"),
/// which pyarrow, polars, DuckDB, Spark and others read and write.
///
/// Metadata of versions V4 and V5; bodies plain or compressed with lz4 or zstd; all types
/// but unions; dictionaries, also those that grow or change; little-endian data. What is
/// read keeps names, metadata (field ids, extension types) and layouts as they are; it
/// has been checked as far as that: every buffer is there, every offset and index points
/// at something. Whether text is UTF-8 or a decimal fits is looked at by whoever takes
/// the rows, as ds_table_append does.
#ifndef DATASHARD_IPC_H
#define DATASHARD_IPC_H

#include <stdint.h>

#include "datashard/arrow.h"
#include "datashard/export.h"
#include "datashard/rows.h"
#include "datashard/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ds_ipc_read_options {
    uint32_t struct_size; ///< sizeof(struct ds_ipc_read_options).
    ds_read_fn read;      ///< Gives a stream, or a file from its first byte on.
    void *read_arg;
    const char *name; ///< Names the input in messages; NULL: "input". Copied.
};

/// Opens Arrow IPC data that come from a function, front to back, and reads their schema.
/// *out gives their rows; the caller releases it before `read_arg` goes. When the
/// function pauses, get_next returns EAGAIN and may be called again; before the schema is
/// there a pause is DS_ECANCELLED. DS_ECORRUPT: malformed, cut off, or with bytes after
/// the end. DS_EUNSUPPORTED: unions, big-endian data, older metadata. Nothing is read
/// ahead of the rows asked for. Files on storage are better read by ds_file_scan.
DS_API DS_MUST_CHECK int ds_ipc_read(const struct ds_ipc_read_options *options,
                                     struct ArrowArrayStream *out, struct ds_error *err);

enum ds_ipc_format {
    DS_IPC_STREAM = 0,
    DS_IPC_FILE = 1, ///< With a footer at the end, for reading in any order.
};

enum ds_ipc_compression {
    DS_IPC_UNCOMPRESSED = 0,
    DS_IPC_LZ4 = 1,
    DS_IPC_ZSTD = 2,
};

struct ds_ipc_write_options {
    uint32_t struct_size; ///< sizeof(struct ds_ipc_write_options).
    enum ds_ipc_format format;
    enum ds_ipc_compression compression; ///< Of each buffer that gets smaller by it.
    int32_t level;                       ///< 0: the codec's default.
    ds_write_fn write;
    void *write_arg;
};

/// Writes every row of a stream as Arrow IPC data, batch by batch, as it is: names,
/// metadata, types and layouts. The stream is always released. `rows` (may be NULL) is
/// how many there were. DS_EINVALID: the stream failed, or an array of it makes no sense;
/// what was written so far has no end and is refused by readers. DS_EUNSUPPORTED: unions;
/// a file whose dictionary changes (streams can do that).
DS_API DS_MUST_CHECK int ds_ipc_write(struct ArrowArrayStream *stream,
                                      const struct ds_ipc_write_options *options,
                                      int64_t *rows, struct ds_error *err);

#ifdef __cplusplus
}
#endif

#endif
