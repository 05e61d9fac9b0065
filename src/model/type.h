// Iceberg's types and schemas, as immutable values in an arena.
// Iceberg specification, "Schemas and Data Types".
#ifndef DSI_MODEL_TYPE_H
#define DSI_MODEL_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "datashard/status.h"

enum dsi_type_kind {
    DSI_TYPE_BOOLEAN,
    DSI_TYPE_INT,
    DSI_TYPE_LONG,
    DSI_TYPE_FLOAT,
    DSI_TYPE_DOUBLE,
    DSI_TYPE_DECIMAL,
    DSI_TYPE_DATE,
    DSI_TYPE_TIME,
    DSI_TYPE_TIMESTAMP,
    DSI_TYPE_TIMESTAMPTZ,
    DSI_TYPE_TIMESTAMP_NS,   // v3
    DSI_TYPE_TIMESTAMPTZ_NS, // v3
    DSI_TYPE_STRING,
    DSI_TYPE_UUID,
    DSI_TYPE_FIXED,
    DSI_TYPE_BINARY,
    DSI_TYPE_UNKNOWN,   // v3
    DSI_TYPE_VARIANT,   // v3
    DSI_TYPE_GEOMETRY,  // v3
    DSI_TYPE_GEOGRAPHY, // v3
    DSI_TYPE_STRUCT,
    DSI_TYPE_LIST,
    DSI_TYPE_MAP,
};

struct dsi_field;

struct dsi_type {
    enum dsi_type_kind kind;
    int32_t precision; // DECIMAL: 1..38.
    int32_t scale;     // DECIMAL: 0..precision.
    int32_t length;    // FIXED: bytes, at least 1.
    const char *text;  // GEOMETRY, GEOGRAPHY: the whole type as written; else NULL.
    const struct dsi_field
        *fields;        // STRUCT: its fields. LIST: "element". MAP: "key", "value".
    size_t field_count; // LIST: 1. MAP: 2. Primitives: 0.
};

struct dsi_field {
    int32_t id;
    bool required;
    const char *name; // UTF-8.
    const char *doc;  // NULL: none.
    struct dsi_type type;
    const char *initial_default; // v3, the JSON single value as text; NULL: none.
    const char *write_default;   // v3, likewise.
};

enum { DSI_TYPE_DEPTH_MAX = 64, DSI_FIELD_ID_MAX = 2147483447 };

struct dsi_schema {
    int32_t schema_id;
    struct dsi_type root; // Always DSI_TYPE_STRUCT.
    const int32_t *identifier_ids;
    size_t identifier_count;
    int32_t highest_id;  // The largest field id anywhere inside; 0 for none.
    struct ds_slice raw; // The JSON it was parsed from, written back as it was; or empty.
};

bool dsi_type_is_primitive(const struct dsi_type *t);
bool dsi_type_equal(const struct dsi_type *a, const struct dsi_type *b);

/// "decimal(10, 2)", "list<string>", "struct<1: a: required int, …>": for people and, for
/// primitives, also the JSON form. Cut to fit; always terminated.
void dsi_type_format(const struct dsi_type *t, char *out, size_t size);

/// Reads a primitive's JSON form ("int", "decimal(9,2)", "fixed[16]", "timestamptz",
/// "geometry(…)"). DS_EINVALID with the text in the message. Text is copied to the arena.
DS_MUST_CHECK int dsi_type_parse(const char *text, struct dsi_arena *arena,
                                 struct dsi_type *out, struct ds_error *err);

/// May a column of type `from` be read as `to`? int->long, float->double, wider decimal
/// of one scale, date->timestamp(_ns) in v3, unknown->any; equal types too.
bool dsi_type_promotes(const struct dsi_type *from, const struct dsi_type *to);

/// A field anywhere in the schema by its id, or NULL.
const struct dsi_field *dsi_schema_field(const struct dsi_schema *s, int32_t id);

/// A field by its full name, "a.b.c" (list and map children: "a.element", "a.key",
/// "a.value"). Exact case first, then ignoring ASCII case if that names one field only.
const struct dsi_field *dsi_schema_field_by_name(const struct dsi_schema *s,
                                                 const char *name);

/// The full dotted name of field `id`, in the arena; NULL if it is not there.
const char *dsi_schema_full_name(const struct dsi_schema *s, int32_t id,
                                 struct dsi_arena *arena);

/// Same fields, ids, types, requiredness and identifier fields; schema_id apart.
bool dsi_schema_equal(const struct dsi_schema *a, const struct dsi_schema *b);

/// Checks what the specification asks of a schema: unique positive ids, no two names in
/// one struct (also not by case), legal identifier fields, depth. DS_EINVALID.
DS_MUST_CHECK int dsi_schema_check(const struct dsi_schema *s, struct ds_error *err);

/// The same for a schema that somebody stored: names may differ by case only, be long,
/// and nest deeper than what we would make.
DS_MUST_CHECK int dsi_schema_check_stored(const struct dsi_schema *s,
                                          struct ds_error *err);

/// A deep copy whose field ids are new, counted up breadth-first from *last_id + 1 as
/// Iceberg's own writers do; *last_id is moved on. Identifier ids are translated.
DS_MUST_CHECK int dsi_schema_assign_ids(const struct dsi_schema *s, int32_t *last_id,
                                        struct dsi_arena *arena, struct dsi_schema *out,
                                        struct ds_error *err);

/// A deep copy into another arena.
DS_MUST_CHECK int dsi_schema_copy(const struct dsi_schema *s, struct dsi_arena *arena,
                                  struct dsi_schema *out, struct ds_error *err);

/// JSON forms (Appendix C). Parsing puts everything in the arena; `raw` is kept.
DS_MUST_CHECK int dsi_schema_from_json(struct ds_slice json, struct dsi_arena *arena,
                                       struct dsi_schema *out, struct ds_error *err);
DS_MUST_CHECK int dsi_schema_to_json(const struct dsi_schema *s, struct dsi_buf *out,
                                     struct ds_error *err);

#endif
