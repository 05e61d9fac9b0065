// What the files of values share: units of time, and which kinds hold bytes.
#ifndef DSI_MODEL_VALUE_UNITS_H
#define DSI_MODEL_VALUE_UNITS_H

#include "model/value.h"

#define DSI_SECOND_US INT64_C(1000000)
#define DSI_HOUR_US (3600 * DSI_SECOND_US)
#define DSI_DAY_US (24 * DSI_HOUR_US)
#define DSI_DAY_NS (1000 * DSI_DAY_US)

/// True for the kinds whose values are in `as.bytes`.
bool dsi_kind_holds_bytes(enum dsi_type_kind kind);

/// A timestamp of this kind split into days and the nanoseconds of the day.
void dsi_timestamp_split(enum dsi_type_kind kind, int64_t v, int64_t *days, int64_t *ns);

/// The other way; false when it does not fit 64 bits or has to be rounded.
bool dsi_timestamp_join(enum dsi_type_kind kind, int64_t days, int64_t ns, int64_t *out);

/// True for the kinds with a zone, and for those that count nanoseconds.
bool dsi_kind_is_zoned(enum dsi_type_kind kind);
bool dsi_kind_is_ns(enum dsi_type_kind kind);

/// A type's name for messages; `size` as dsi_type_format.
int dsi_value_unfit(const struct dsi_type *type, struct ds_slice text,
                    const char *expected, struct ds_error *err);

#endif
