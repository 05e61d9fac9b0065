// Avro schemas as values in an arena, with the attributes that Iceberg adds to them.
// Avro specification, "Schema Declaration"; Iceberg specification, Appendix A, "Avro".
//
// (1) Named types may refer to each other and to themselves, so types form a graph: what
//     walks it bounds its depth. (A record that holds itself outright has no value.)
// (2) size_min is the fewest bytes a value takes; it is 0 only for types whose values
//     never take any (null, an empty record, …).
// (3) A union has no union as a branch.
#ifndef DSI_CODEC_AVRO_SCHEMA_H
#define DSI_CODEC_AVRO_SCHEMA_H

#include "base/arena.h"
#include "base/buf.h"

enum dsi_avro_kind {
    DSI_AVRO_NULL,
    DSI_AVRO_BOOLEAN,
    DSI_AVRO_INT,
    DSI_AVRO_LONG,
    DSI_AVRO_FLOAT,
    DSI_AVRO_DOUBLE,
    DSI_AVRO_BYTES,
    DSI_AVRO_STRING,
    DSI_AVRO_RECORD,
    DSI_AVRO_ENUM,
    DSI_AVRO_ARRAY,
    DSI_AVRO_MAP,
    DSI_AVRO_UNION,
    DSI_AVRO_FIXED,
};

// A logical type that is not known, or does not fit its type, is none (as the Avro
// specification asks of readers).
enum dsi_avro_logical {
    DSI_AVRO_LOGICAL_NONE,
    DSI_AVRO_LOGICAL_DECIMAL,
    DSI_AVRO_LOGICAL_UUID,
    DSI_AVRO_LOGICAL_DATE,
    DSI_AVRO_LOGICAL_TIME_MILLIS,
    DSI_AVRO_LOGICAL_TIME_MICROS,
    DSI_AVRO_LOGICAL_TIMESTAMP_MILLIS,
    DSI_AVRO_LOGICAL_TIMESTAMP_MICROS,
    DSI_AVRO_LOGICAL_TIMESTAMP_NANOS,
    DSI_AVRO_LOGICAL_MAP, // An array of records with a key and a value.
};

/// What an id attribute has when it is not there.
#define DSI_AVRO_ID_NONE (-1)

// All records of one schema together. Fields whose values take no bytes have a limit of
// their own: walking them takes time that no input pays for.
enum {
    DSI_AVRO_DEPTH_MAX = 64,
    DSI_AVRO_FIELDS_MAX = 100000,
    DSI_AVRO_EMPTY_FIELDS_MAX = 1000
};

struct dsi_avro_type;

struct dsi_avro_field {
    const char *name;
    int32_t id; // "field-id".
    const struct dsi_avro_type *type;
};

struct dsi_avro_type {
    enum dsi_avro_kind kind;
    enum dsi_avro_logical logical;
    const char *name;                    // RECORD, ENUM, FIXED: the full name.
    size_t size_min;                     // (2)
    size_t size;                         // FIXED.
    int32_t precision;                   // DECIMAL.
    int32_t scale;                       // DECIMAL.
    bool adjust_to_utc;                  // TIMESTAMP_*.
    int32_t element_id;                  // ARRAY.
    int32_t key_id;                      // MAP.
    int32_t value_id;                    // MAP.
    size_t symbol_count;                 // ENUM.
    const struct dsi_avro_field *fields; // RECORD.
    size_t field_count;
    const struct dsi_avro_type *items;           // ARRAY; MAP: the values.
    const struct dsi_avro_type *const *branches; // UNION.
    size_t branch_count;
};

/// Parses a schema's JSON; everything goes to the arena. DS_ECORRUPT says what is wrong.
DS_MUST_CHECK int dsi_avro_schema_parse(struct ds_slice json, struct dsi_arena *arena,
                                        const struct dsi_avro_type **out,
                                        struct ds_error *err);

/// The field of a record with this "field-id", or NULL.
const struct dsi_avro_field *dsi_avro_schema_field(const struct dsi_avro_type *record,
                                                   int32_t id);

/// The type itself, or of a union the one branch that is not null; NULL if there is none
/// or several.
const struct dsi_avro_type *dsi_avro_schema_value_type(const struct dsi_avro_type *t);

/// "long", "record r2", "union" …, for messages.
const char *dsi_avro_kind_name(enum dsi_avro_kind kind);

/// Appends an Iceberg name as an Avro name ([A-Za-z_][A-Za-z0-9_]*), as Iceberg's writers
/// do: a leading digit gets "_" in front, any other character becomes "_x" and its hex
/// UTF-16 units.
DS_MUST_CHECK int dsi_avro_name_put(struct dsi_buf *out, const char *name,
                                    struct ds_error *err);

#endif
