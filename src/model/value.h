// A single value of a primitive type: bounds, partition values, literals, defaults.
#ifndef DSI_MODEL_VALUE_H
#define DSI_MODEL_VALUE_H

#include "base/int128.h"
#include "model/type.h"

struct dsi_value {
    bool null;
    enum dsi_type_kind kind; // Says which member holds it; meaningless when null.
    union {
        bool boolean;
        int32_t i32; // INT, DATE (days).
        int64_t i64; // LONG, TIME (µs), TIMESTAMP(TZ) (µs), TIMESTAMP(TZ)_NS (ns).
        float f32;   // FLOAT.
        double f64;  // DOUBLE.
        dsi_int128 decimal;    // DECIMAL: unscaled; the scale is the type's.
        struct ds_slice bytes; // STRING, UUID (16), FIXED, BINARY, geo. Borrowed.
    } as;
};

#define DSI_VALUE_NULL ((struct dsi_value){.null = true})

/// Total order of two values of one kind, neither null: <0, 0, >0. Floats order as
/// Iceberg sorts them: -NaN < -Inf < … < -0 < +0 < … < +Inf < NaN. Strings by bytes, UUID
/// unsigned.
int dsi_value_compare(const struct dsi_value *a, const struct dsi_value *b);

/// Null equals null; otherwise as compare. (-0.0 and 0.0 differ; partition keys want
/// that.)
bool dsi_value_equal(const struct dsi_value *a, const struct dsi_value *b);
bool dsi_value_is_nan(const struct dsi_value *v);

/// Binary single-value serialization (Appendix D). `to_bytes` appends; v is not null.
DS_MUST_CHECK int dsi_value_to_bytes(const struct dsi_value *v, struct dsi_buf *out,
                                     struct ds_error *err);

/// Reads bytes as a value of `type`, also from the narrower type a promotion left behind
/// (4 bytes under a long, …). String-like values borrow `bytes`. DS_ECORRUPT.
DS_MUST_CHECK int dsi_value_from_bytes(const struct dsi_type *type, struct ds_slice bytes,
                                       struct dsi_value *out, struct ds_error *err);

/// JSON single-value form (Appendix D): appends one JSON value.
DS_MUST_CHECK int dsi_value_to_json(const struct dsi_value *v,
                                    const struct dsi_type *type, struct dsi_buf *out,
                                    struct ds_error *err);
DS_MUST_CHECK int dsi_value_from_json(const struct dsi_type *type, struct ds_slice json,
                                      struct dsi_arena *arena, struct dsi_value *out,
                                      struct ds_error *err);

/// For people: dates as dates, binary as hex, null as "null". Appends.
DS_MUST_CHECK int dsi_value_format(const struct dsi_value *v, const struct dsi_type *type,
                                   struct dsi_buf *out, struct ds_error *err);

/// Reads what a person (a filter literal, a CSV cell) wrote as a value of `type`:
/// DS_EINVALID says what was expected. Text is copied to the arena where the value needs
/// it.
DS_MUST_CHECK int dsi_value_parse(const struct dsi_type *type, const char *text,
                                  size_t size, struct dsi_arena *arena,
                                  struct dsi_value *out, struct ds_error *err);

/// Widens a value to a promoted type (see dsi_type_promotes); also what a comparison of
/// an int column with a long literal needs. DS_EINVALID when it does not fit.
DS_MUST_CHECK int dsi_value_cast(const struct dsi_value *v, const struct dsi_type *from,
                                 const struct dsi_type *to, struct dsi_value *out,
                                 struct ds_error *err);

/// A deep copy: bytes go to the arena.
DS_MUST_CHECK int dsi_value_copy(const struct dsi_value *v, struct dsi_arena *arena,
                                 struct dsi_value *out, struct ds_error *err);

/// Truncated bounds (Appendix D "Bounds"; Java's UnicodeUtil, BinaryUtil): `length` is
/// code points for strings, bytes for binary and fixed. The upper one can fail to exist:
/// *exists is false then. Other types come back unchanged.
DS_MUST_CHECK int dsi_value_truncate_lower(const struct dsi_value *v, int32_t length,
                                           struct dsi_arena *arena, struct dsi_value *out,
                                           struct ds_error *err);
DS_MUST_CHECK int dsi_value_truncate_upper(const struct dsi_value *v, int32_t length,
                                           struct dsi_arena *arena, struct dsi_value *out,
                                           bool *exists, struct ds_error *err);

#endif
