#include "base/int128.h"

#include <assert.h>
#include <string.h>

dsi_int128 dsi_int128_pow10(int n)
{
    dsi_int128 v = 1;
    assert(n >= 0 && n <= 38);
    while (n-- > 0) {
        v *= 10;
    }
    return v;
}

bool dsi_int128_fits(dsi_int128 v, int precision)
{
    dsi_int128 limit = dsi_int128_pow10(precision);
    return v < limit && v > -limit;
}

size_t dsi_int128_to_be(dsi_int128 v, uint8_t out[16])
{
    uint8_t all[16];
    for (int i = 0; i < 16; i++) {
        all[i] = (uint8_t)((dsi_uint128)v >> (120 - 8 * i));
    }
    uint8_t sign = v < 0 ? 0xff : 0;
    size_t skip = 0;
    // A leading byte is redundant if the next one still shows the sign.
    while (skip < 15 && all[skip] == sign && (all[skip + 1] & 0x80) == (sign & 0x80)) {
        skip++;
    }
    memcpy(out, all + skip, 16 - skip);
    return 16 - skip;
}

bool dsi_int128_from_be(const uint8_t *bytes, size_t size, dsi_int128 *out)
{
    if (size == 0) {
        return false;
    }
    uint8_t sign = bytes[0] & 0x80 ? 0xff : 0;
    while (size > 16) {
        if (bytes[0] != sign || (bytes[1] & 0x80) != (sign & 0x80)) {
            return false;
        }
        bytes++;
        size--;
    }
    dsi_uint128 v = sign ? ~(dsi_uint128)0 : 0;
    for (size_t i = 0; i < size; i++) {
        v = v << 8 | bytes[i];
    }
    *out = (dsi_int128)v;
    return true;
}

void dsi_decimal_format(dsi_int128 v, int scale, char out[DSI_DECIMAL_TEXT_SIZE])
{
    char digits[40];
    int count = 0;
    dsi_uint128 left = v < 0 ? -(dsi_uint128)v : (dsi_uint128)v;
    assert(scale >= 0 && scale <= 38);
    do {
        digits[count++] = (char)('0' + (int)(left % 10));
        left /= 10;
    } while (left > 0 || count <= scale); // At least one digit before the point.
    char *at = out;
    if (v < 0) {
        *at++ = '-';
    }
    while (count > 0) {
        if (count == scale) {
            *at++ = '.';
        }
        *at++ = digits[--count];
    }
    *at = '\0';
}

struct decimal_text {
    char digits[128]; // Significant ones, without leading zeros.
    int count;
    int64_t exponent; // Value = digits * 10^exponent.
};

// Splits text into digits and an exponent; false when it is no number.
static bool split_decimal(const char *text, size_t size, struct decimal_text *d)
{
    size_t i = 0;
    bool any = false;
    bool point = false;
    for (; i < size; i++) {
        char c = text[i];
        if (c == '.' && !point) {
            point = true;
        } else if (c >= '0' && c <= '9') {
            any = true;
            if (d->count > 0 || c != '0') {
                if (d->count == (int)sizeof d->digits) {
                    return false;
                }
                d->digits[d->count++] = c;
            }
            d->exponent -= point;
        } else {
            break;
        }
    }
    if (i < size && (text[i] | 0x20) == 'e' && any) {
        bool negative = false;
        int64_t exponent = 0;
        size_t start = ++i;
        if (i < size && (text[i] == '-' || text[i] == '+')) {
            negative = text[i] == '-';
            start = ++i;
        }
        for (; i < size && text[i] >= '0' && text[i] <= '9' && i - start < 6; i++) {
            exponent = exponent * 10 + (text[i] - '0');
        }
        any = i > start;
        d->exponent += negative ? -exponent : exponent;
    }
    return any && i == size;
}

bool dsi_decimal_parse(const char *text, size_t size, int precision, int scale,
                       dsi_int128 *out)
{
    struct decimal_text d = {.count = 0};
    bool negative = size > 0 && text[0] == '-';
    bool sign = size > 0 && (text[0] == '-' || text[0] == '+');

    if (!split_decimal(text + sign, size - sign, &d)) {
        return false;
    }
    int64_t shift = d.exponent + scale; // Zeros to append; negative: zeros to take away.
    while (d.count > 0 && shift < 0) {
        if (d.digits[d.count - 1] != '0') {
            return false; // It would have to be rounded.
        }
        d.count--;
        shift++;
    }
    if (d.count > 0 && d.count + shift > precision) {
        return false;
    }
    dsi_int128 v = 0;
    for (int i = 0; i < d.count; i++) {
        v = v * 10 + (d.digits[i] - '0');
    }
    if (d.count > 0) {
        v *= dsi_int128_pow10((int)shift);
    }
    *out = negative ? -v : v;
    return true;
}
