// Variant values: self-describing bytes in two parts, the names of fields ("metadata")
// and the value. Parquet VariantEncoding.md, version 1.
//
// Nothing here allocates or copies: everything parsed borrows the bytes it came from.
//
// (1) A parsed value is shallow: its own header, count, offsets and payload have been
//     checked against the bytes there are, its elements have not. dsi_variant_check goes
//     all the way down.
#ifndef DSI_CODEC_VARIANT_H
#define DSI_CODEC_VARIANT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/int128.h"

enum dsi_variant_kind {
    DSI_VARIANT_NULL,
    DSI_VARIANT_BOOLEAN,
    DSI_VARIANT_INT8,
    DSI_VARIANT_INT16,
    DSI_VARIANT_INT32,
    DSI_VARIANT_INT64,
    DSI_VARIANT_DOUBLE,
    DSI_VARIANT_DECIMAL4,
    DSI_VARIANT_DECIMAL8,
    DSI_VARIANT_DECIMAL16,
    DSI_VARIANT_DATE,
    DSI_VARIANT_TIMESTAMPTZ, ///< Microseconds.
    DSI_VARIANT_TIMESTAMP,
    DSI_VARIANT_FLOAT,
    DSI_VARIANT_BINARY,
    DSI_VARIANT_STRING, ///< Short ones too.
    DSI_VARIANT_TIME,   ///< Microseconds.
    DSI_VARIANT_TIMESTAMPTZ_NS,
    DSI_VARIANT_TIMESTAMP_NS,
    DSI_VARIANT_UUID,
    DSI_VARIANT_OBJECT,
    DSI_VARIANT_ARRAY,
};

enum { DSI_VARIANT_DEPTH_MAX = 128 };

/// The dictionary of field names.
struct dsi_variant_names {
    const uint8_t *offsets; // count + 1 of them, `width` bytes each.
    size_t width;
    size_t count;
    struct ds_slice bytes;
};

/// Parses metadata; every offset is checked, and that the names are UTF-8. DS_ECORRUPT;
/// DS_EUNSUPPORTED for another version. Bytes after it are left alone: `*size` (may be
/// NULL) is what it takes.
DS_MUST_CHECK int dsi_variant_names_parse(struct ds_slice metadata,
                                          struct dsi_variant_names *out, size_t *size,
                                          struct ds_error *err);

/// A name by its id, which is below `count`.
struct ds_slice dsi_variant_name(const struct dsi_variant_names *names, size_t id);

/// The id of a name; false when it is not there.
bool dsi_variant_name_find(const struct dsi_variant_names *names, struct ds_slice name,
                           uint32_t *id);

/// A value, parsed shallowly.
struct dsi_variant {
    enum dsi_variant_kind kind;
    size_t size; ///< Bytes it takes, all in all.
    union {
        bool boolean;
        int64_t i64; ///< INT*, DATE, TIME, TIMESTAMP*.
        float f32;
        double f64;
        dsi_int128 decimal;
        struct ds_slice bytes; ///< STRING, BINARY, UUID.
    } as;
    int scale; ///< DECIMAL*: 0 to 38.
    // OBJECT, ARRAY.
    size_t count;
    const uint8_t *ids; ///< OBJECT: `id_width` bytes each.
    size_t id_width;
    const uint8_t *offsets; ///< count + 1, `offset_width` bytes each.
    size_t offset_width;
    struct ds_slice values;
};

/// Parses the value at the start of `in`; bytes after it are left alone. DS_ECORRUPT;
/// DS_EUNSUPPORTED for a primitive type this code does not know.
DS_MUST_CHECK int dsi_variant_parse(struct ds_slice in, struct dsi_variant *out,
                                    struct ds_error *err);

/// The bytes that element `i` of an array or object starts (and does not fill).
struct ds_slice dsi_variant_element(const struct dsi_variant *v, size_t i);

/// The name's id of field `i` of an object; it may be past the end of the names.
uint32_t dsi_variant_field_id(const struct dsi_variant *v, size_t i);

/// Checks a whole value: every nested one, ids within the names, fields in the order of
/// their names and none twice, text UTF-8, no bytes left over, at most
/// DSI_VARIANT_DEPTH_MAX deep. DS_ECORRUPT, DS_EUNSUPPORTED.
DS_MUST_CHECK int dsi_variant_check(const struct dsi_variant_names *names,
                                    struct ds_slice value, struct ds_error *err);

/// "int8", "object", …
const char *dsi_variant_kind_name(enum dsi_variant_kind kind);

#endif
