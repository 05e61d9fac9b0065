// Small work on text: numbers, dates and bytes, each read whole or refused.
#ifndef DSI_BASE_TEXT_H
#define DSI_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datashard/types.h"

/// A slice over a C string, without its terminator.
struct ds_slice dsi_slice_text(const char *s);
bool dsi_slice_equal(struct ds_slice a, struct ds_slice b);

/// Bytes in unsigned order, a prefix before what it starts: <0, 0, >0.
int dsi_slice_compare(struct ds_slice a, struct ds_slice b);
bool dsi_text_starts_with(const char *s, const char *prefix);
bool dsi_text_ends_with(const char *s, const char *suffix);

/// Equal but for the case of ASCII letters.
bool dsi_text_equal_nocase(const char *a, const char *b);

/// A decimal integer with an optional sign, all of `size` bytes; false otherwise.
bool dsi_text_to_i64(const char *text, size_t size, int64_t *out);

/// A decimal floating-point number (also inf, infinity, nan in any case, with a sign);
/// '.' is the point whatever the locale. False otherwise.
bool dsi_text_to_f64(const char *text, size_t size, double *out);

enum { DSI_F64_TEXT_SIZE = 32, DSI_TIME_TEXT_SIZE = 48 };

/// The shortest text that reads back as the same number; "NaN", "Infinity", "-Infinity".
void dsi_f64_format(double v, char out[DSI_F64_TEXT_SIZE]);
void dsi_f32_format(float v, char out[DSI_F64_TEXT_SIZE]);

/// True when all of it is UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool dsi_utf8_valid(struct ds_slice bytes);

// The proleptic Gregorian calendar. Days count from 1970-01-01.
int64_t dsi_days_from_civil(int64_t year, int month, int day);
void dsi_civil_from_days(int64_t days, int64_t *year, int *month, int *day);

/// "2017-11-16", also with a sign and more digits for far years. False if no such day.
bool dsi_text_to_date(const char *text, size_t size, int32_t *days);

/// "22:31:08", "22:31:08.123456", "22:31": at most nine digits of fraction, in ns.
bool dsi_text_to_time_ns(const char *text, size_t size, int64_t *ns);

/// "2017-11-16T22:31:08.123456" (or a blank for the T), then optionally "Z", "+00:00",
/// "+0000", "-08:00"; a date alone is midnight. `has_zone` tells whether a zone was
/// there, and then `days` and `ns` (of the day) are UTC. False if malformed.
bool dsi_text_to_timestamp(const char *text, size_t size, int64_t *days, int64_t *ns,
                           bool *has_zone);

/// Formats as above; `digits` of fraction (0, 3, 6 or 9), `zone` appends "+00:00".
void dsi_date_format(int64_t days, char out[DSI_TIME_TEXT_SIZE]);
void dsi_time_format(int64_t ns, int digits, char out[DSI_TIME_TEXT_SIZE]);
void dsi_timestamp_format(int64_t days, int64_t ns, int digits, bool zone,
                          char out[DSI_TIME_TEXT_SIZE]);

/// Floor division and its remainder (never negative for b > 0).
static inline int64_t dsi_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static inline int64_t dsi_floor_mod(int64_t a, int64_t b)
{
    int64_t r = a % b; // Not a - floor * b, which overflows near INT64_MIN.
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

#endif
