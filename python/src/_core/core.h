// What the files of the extension share: its objects, and how they fail.
//
// Unless it says otherwise, a call needs the interpreter, and raises a Python exception
// when it returns NULL or -1. Strings taken from Python objects live as long as these.
#ifndef DATASHARD_CORE_H
#define DATASHARD_CORE_H

#include "core_python.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "datashard/datashard.h"

/// What a module of the extension owns; there is nothing global.
struct core_state {
    PyTypeObject *schema;
    PyTypeObject *batch;
    PyTypeObject *stream;
    PyTypeObject *catalog;
    PyTypeObject *table;
    PyTypeObject *transaction;
    PyTypeObject *appender;
    PyTypeObject *stop;
};

/// Of an object of one of these types (none of them can be derived from).
struct core_state *core_state(PyObject *self);

/// Enters what one thread at a time may use: false, with an Invalid that says
/// `otherwise`, while another is in it. core_leave follows.
bool core_enter(atomic_bool *busy, const char *otherwise);
void core_leave(atomic_bool *busy);

// ---- core_error.c

/// Raises the exception for a failed call; always NULL.
PyObject *core_raise(int status, const struct ds_error *err);

/// The same exception, not raised; `result` (may be NULL) has identity and token.
PyObject *core_exception(int status, const struct ds_error *err,
                         const struct ds_commit_result *result);

/// core_raise with what the result has; always NULL.
PyObject *core_raise_commit(int status, const struct ds_error *err,
                            const struct ds_commit_result *result);

/// Raises datashard.Invalid, which is a ValueError, with what is printed; always NULL.
PyObject *core_invalid(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// The text of a str without NUL; `what` names it in messages.
int core_text(PyObject *text, const char *what, const char **out);

/// Settings out of a mapping (or None): released with core_properties_release.
struct core_properties {
    struct ds_properties properties;
    struct ds_property *items;
    PyObject *kept; ///< Keeps the strings alive.
};

/// `nullable`: values may be None.
int core_properties_take(PyObject *mapping, bool nullable, struct core_properties *out);
void core_properties_release(struct core_properties *properties);

/// Sets d[key] to `value` and takes the reference; -1 when there is no value.
int core_put(PyObject *d, const char *key, PyObject *value);

/// A new str, or None for NULL.
PyObject *core_str(const char *text);

/// A new int, or None when it is below `least`.
PyObject *core_number(int64_t number, int64_t least);

/// Collects what a library call tells a callback: the call runs without the interpreter,
/// the callbacks take it back.
struct core_collector {
    PyThreadState *thread;
    PyObject *into; ///< A list or a dict.
};

int core_collect_name(void *arg, const char *name);
int core_collect_property(void *arg, const char *key, const char *value);

/// Ends a collecting call: `into`, or NULL with its own or the library's exception.
PyObject *core_collected(struct core_collector *c, int rc, const struct ds_error *err);

// ---- core_arrow.c

int core_arrow_register(PyObject *module, struct core_state *state);

/// New objects that own what they are given, also when they fail.
PyObject *core_schema_new(struct core_state *state, struct ArrowSchema *schema);
PyObject *core_stream_new(struct core_state *state, struct ArrowArrayStream *stream);

/// Of a Schema: what it holds, a copy of it as a capsule, and the columns' names.
const struct ArrowSchema *core_schema_of(PyObject *schema);
PyObject *core_schema_export(PyObject *schema, PyObject *unused);
PyObject *core_schema_names(PyObject *schema, void *unused);

/// Anything with __arrow_c_schema__; the caller releases *out.
int core_schema_take(PyObject *object, struct ArrowSchema *out);

/// Arrow or rows (by `schema`, which may be NULL) as a stream; the caller releases *out.
int core_stream_take(PyObject *object, const struct ArrowSchema *schema, bool strict,
                     struct ArrowArrayStream *out);

/// A stream that a library call reads without the interpreter: looks for signals before
/// each batch, and keeps the exception it met.
struct core_source {
    struct ArrowArrayStream inner;
    PyObject *type, *value, *traceback;
};

/// `source` outlives *out.
void core_source_wrap(struct core_source *source, struct ArrowArrayStream *out);

/// 1 when the source met an exception, which is raised now; else 0. `wait` (may be NULL)
/// is the call that read it.
struct core_wait;
int core_source_raise(struct core_source *source, struct core_wait *wait);

// ---- core_commit.c

/// Options of a commit from keywords; released with core_options_release.
struct core_options {
    struct ds_commit_options options;
    struct core_properties summary;
    PyObject *kept;
};

/// `keywords` may be NULL. A name it does not know is a TypeError.
int core_options_take(PyObject *keywords, struct core_options *out);
void core_options_release(struct core_options *options);

PyObject *core_result(const struct ds_commit_result *result);

int core_commit_register(PyObject *module, struct core_state *state);
PyObject *core_transaction_new(PyObject *table, PyObject *keywords);

// ---- core_catalog.c, core_table.c, core_appender.c

int core_catalog_register(PyObject *module, struct core_state *state);
int core_table_register(PyObject *module, struct core_state *state);
int core_appender_register(PyObject *module, struct core_state *state);

/// The handle, opened anew in a child of fork.
ds_catalog *core_catalog_handle(PyObject *self);
ds_table *core_table_handle(PyObject *self);

/// A Table that owns `handle` (also on failure): of `catalog` by name, or (NULL) of a
/// location.
PyObject *core_table_new(struct core_state *state, ds_table *handle, PyObject *catalog,
                         const char *name);

/// Table.optimize.
PyObject *core_table_optimize(PyObject *self, PyObject *args, PyObject *keywords);

/// The strings of a list (None: none), each called `what` in messages. The caller ends
/// *kept with Py_XDECREF and *items with PyMem_Free, also on failure.
int core_texts_take(PyObject *texts, const char *what, PyObject **kept,
                    const char ***items, size_t *count);

/// What a table is made of, out of keywords; released with core_spec_release.
struct core_spec {
    struct ds_table_spec spec;
    struct ArrowSchema schema;
    struct core_properties properties;
    const char *name;
};

int core_spec_take(PyObject *args, PyObject *keywords, bool with_location,
                   struct core_spec *out);
void core_spec_release(struct core_spec *spec);

PyObject *core_appender_new(PyObject *table, PyObject *args, PyObject *keywords);

PyObject *core_open_table(PyObject *module, PyObject *args);
PyObject *core_table_relocate(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *core_migrate(PyObject *module, PyObject *args, PyObject *keywords);
PyObject *core_create_table(PyObject *module, PyObject *args, PyObject *keywords);
PyObject *core_stream_from(PyObject *module, PyObject *args, PyObject *keywords);
PyObject *core_stream_from_rows(PyObject *module, PyObject *args, PyObject *keywords);
PyObject *core_schema_from_rows(PyObject *module, PyObject *rows);
PyObject *core_scan_file(PyObject *module, PyObject *args);
PyObject *core_write_file(PyObject *module, PyObject *args);

/// A method with keywords, as PyMethodDef has it.
#define CORE_KEYWORDS(f) ((PyCFunction)(void (*)(void))(f))

/// A new heap type, kept in *out and, under its name, in the module.
int core_type_add(PyObject *module, PyType_Spec *spec, PyTypeObject **out);

#endif
