// 128-bit integers, for unscaled decimals (at most 38 digits).
#ifndef DSI_BASE_INT128_H
#define DSI_BASE_INT128_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Every compiler we build with has the type; ISO C does not name it.
__extension__ typedef __int128 dsi_int128;
__extension__ typedef unsigned __int128 dsi_uint128;

enum { DSI_DECIMAL_TEXT_SIZE = 44 }; // Sign, 38 digits, a leading "0.", terminator.

/// 10^n for 0 <= n <= 38.
dsi_int128 dsi_int128_pow10(int n);

/// True when `v` has at most `precision` decimal digits.
bool dsi_int128_fits(dsi_int128 v, int precision);

/// Big-endian two's complement in the fewest bytes (1 to 16); returns how many.
size_t dsi_int128_to_be(dsi_int128 v, uint8_t out[16]);

/// Big-endian two's complement of `size` bytes; false when it does not fit 128 bits or
/// size is 0. Longer forms are fine when the extra bytes are only the sign.
bool dsi_int128_from_be(const uint8_t *bytes, size_t size, dsi_int128 *out);

/// "-12.34" from the unscaled value; always `scale` digits after the point.
void dsi_decimal_format(dsi_int128 v, int scale, char out[DSI_DECIMAL_TEXT_SIZE]);

/// Reads "[+-]digits[.digits][e[+-]digits]" as an unscaled value of this precision and
/// scale. False when it is not a number, does not fit, or would have to be rounded.
bool dsi_decimal_parse(const char *text, size_t size, int precision, int scale,
                       dsi_int128 *out);

#endif
