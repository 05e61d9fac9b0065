/// Rows as text: CSV and JSON in, CSV and JSON out.
///
/// Text comes from, and goes to, functions of the caller's, so a file, a pipe and a
/// socket are all the same. Values are read by the type of their column and refused, with
/// line and column, when they do not fit; nothing is guessed or cut.
///
/// CSV (RFC 4180): the first record names the columns; an empty cell without quotes is
/// null; a nested value is its JSON. JSON: objects with one member a column; a missing
/// member is null; null is null; booleans and whole numbers are JSON's own, not strings.
/// Nested values: a struct is an object (a missing member is null), a list an array. A
/// map is an object when its key is a string, else an array of {"key": …, "value": …};
/// both are read for either. A struct's member that its type does not have, and a map's
/// key that comes twice, are refused. A variant is {"metadata": …, "value": …}, bytes in
/// hexadecimal, and cannot be read.
/// Both: dates "2017-11-16", times "22:31:08.123456", timestamps "2017-11-16T22:31:08" (a
/// blank instead of T, fractions, and for timestamptz a zone), UUIDs, bytes in
/// hexadecimal.
#ifndef DATASHARD_ROWS_H
#define DATASHARD_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "datashard/arrow.h"
#include "datashard/export.h"
#include "datashard/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum ds_rows_format {
    DS_ROWS_CSV = 1,
    DS_ROWS_JSONL = 2, ///< One object a line.
    DS_ROWS_JSON = 3,  ///< One array of objects; read at once, so of bounded size.
};

/// What a read function returns when it has nothing for the moment: rows so far are
/// handed out, and reading goes on with the next call.
#define DS_READ_PAUSE PTRDIFF_MAX

/// Gives up to `size` bytes: how many, 0 at the end, DS_READ_PAUSE, or a negative status
/// (with `err` filled) on failure.
typedef ptrdiff_t (*ds_read_fn)(void *arg, void *out, size_t size, struct ds_error *err);

/// Takes all of `size` bytes: DS_OK, or a negative status (with `err` filled).
typedef int (*ds_write_fn)(void *arg, const void *bytes, size_t size,
                           struct ds_error *err);

/// Rows being read from text.
typedef struct ds_rows ds_rows;

struct ds_rows_options {
    uint32_t struct_size; ///< sizeof(struct ds_rows_options).
    enum ds_rows_format format;
    ds_read_fn read;
    void *read_arg;
    const char *name;                 ///< Names the input in messages; NULL: "input".
    const struct ArrowSchema *schema; ///< The columns and their types; not released here.
    char delimiter;                   ///< CSV: 0 is ','.
    uint32_t batch_rows_max;          ///< 0: 65,536.
};

/// Opens text for reading. The caller ends *out with ds_rows_free; `name` is copied. One
/// thread at a time.
DS_API DS_MUST_CHECK int ds_rows_open(const struct ds_rows_options *options,
                                      ds_rows **out, struct ds_error *err);

/// The next rows: DS_ROW with *out, which the caller releases; DS_OK at the end, or when
/// the read function paused and there is no row (ds_rows_ended tells). DS_EINVALID: the
/// text is malformed or a value does not fit; the rows before it have come by then, and
/// nothing more can be read.
DS_API DS_MUST_CHECK int ds_rows_next(ds_rows *rows, struct ArrowArray *out,
                                      struct ds_error *err);

/// 1 when the end of the text was reached.
DS_API int ds_rows_ended(const ds_rows *rows);

DS_API void ds_rows_free(ds_rows *rows); ///< NULL is fine.

/// Guesses columns and types from text (options->schema is not used): the first 100,000
/// lines, or all of a JSON array. Types: boolean, long, double, date, timestamp,
/// timestamptz, string; JSON's objects are structs of all the members they have, its
/// arrays lists (maps are never guessed). All columns are optional. The caller releases
/// *out. DS_EINVALID: a column that is nested here and flat, or otherwise nested, there.
DS_API DS_MUST_CHECK int ds_rows_infer(const struct ds_rows_options *options,
                                       struct ArrowSchema *out, struct ds_error *err);

/// Writes every row of a stream as text. The stream is always released. `rows` (may be
/// NULL) is how many there were.
DS_API DS_MUST_CHECK int ds_rows_write(struct ArrowArrayStream *stream,
                                       enum ds_rows_format format, ds_write_fn write,
                                       void *write_arg, int64_t *rows,
                                       struct ds_error *err);

/// Told one row as text, cell by cell; NULL is null. A negative return stops.
typedef int (*ds_cells_fn)(void *arg, const char *const *cells, size_t count);

/// Hands every row of a stream to `fn`, as text. The stream is always released.
DS_API DS_MUST_CHECK int ds_rows_cells(struct ArrowArrayStream *stream, ds_cells_fn fn,
                                       void *arg, struct ds_error *err);

#ifdef __cplusplus
}
#endif

#endif
