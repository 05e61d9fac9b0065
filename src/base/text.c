#include "base/text.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

struct ds_slice dsi_slice_text(const char *s)
{
    return (struct ds_slice){(const uint8_t *)s, strlen(s)};
}

bool dsi_slice_equal(struct ds_slice a, struct ds_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int dsi_slice_compare(struct ds_slice a, struct ds_slice b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared ? memcmp(a.data, b.data, shared) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

bool dsi_text_starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool dsi_text_ends_with(const char *s, const char *suffix)
{
    size_t size = strlen(s);
    size_t tail = strlen(suffix);
    return size >= tail && strcmp(s + size - tail, suffix) == 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool dsi_text_equal_nocase(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) == lower(*b);
}

bool dsi_text_to_i64(const char *text, size_t size, int64_t *out)
{
    bool negative = size > 0 && text[0] == '-';
    size_t i = size > 0 && (text[0] == '-' || text[0] == '+');
    int64_t v = 0;

    if (i == size) {
        return false;
    }
    for (; i < size; i++) {
        int digit = text[i] - '0';
        // Counted downwards: INT64_MIN has no positive twin.
        if (digit < 0 || digit > 9 || !dsi_mul_i64(v, 10, &v) ||
            !dsi_add_i64(v, -digit, &v)) {
            return false;
        }
    }
    if (!negative && v == INT64_MIN) {
        return false;
    }
    *out = negative ? v : -v;
    return true;
}

static bool is_number_text(const char *s, size_t size)
{
    size_t i = size > 0 && (s[0] == '-' || s[0] == '+');
    size_t digits = 0;
    for (; i < size && (isdigit((unsigned char)s[i]) || s[i] == '.'); i++) {
        digits += s[i] != '.';
    }
    if (i < size && lower(s[i]) == 'e' && digits > 0) {
        i++;
        i += i < size && (s[i] == '-' || s[i] == '+');
        digits = 0;
        for (; i < size && isdigit((unsigned char)s[i]); i++) {
            digits++;
        }
    }
    return digits > 0 && i == size;
}

bool dsi_text_to_f64(const char *text, size_t size, double *out)
{
    char copy[512];
    const char *word = copy;

    if (size == 0 || size >= sizeof copy) {
        return false;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    if (*word == '-' || *word == '+') {
        word++;
    }
    if (dsi_text_equal_nocase(word, "nan")) {
        *out = NAN;
        return true;
    }
    if (dsi_text_equal_nocase(word, "inf") || dsi_text_equal_nocase(word, "infinity")) {
        *out = copy[0] == '-' ? -INFINITY : INFINITY;
        return true;
    }
    if (!is_number_text(copy, size)) {
        return false;
    }
    char *point = strchr(copy, '.');
    if (point) {
        *point = *localeconv()->decimal_point; // strtod follows the program's locale.
    }
    char *end = NULL;
    *out = strtod(copy, &end);
    return end == copy + size;
}

static void dot(char *text)
{
    char *point = strchr(text, *localeconv()->decimal_point);
    if (point) {
        *point = '.';
    }
}

static bool format_special(double v, char out[DSI_F64_TEXT_SIZE])
{
    if (isnan(v) || isinf(v)) {
        snprintf(out, DSI_F64_TEXT_SIZE, "%s",
                 isnan(v) ? "NaN" : (v < 0 ? "-Infinity" : "Infinity"));
        return true;
    }
    return false;
}

void dsi_f64_format(double v, char out[DSI_F64_TEXT_SIZE])
{
    if (format_special(v, out)) {
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, DSI_F64_TEXT_SIZE, "%.*g", digits, v);
        if (strtod(out, NULL) == v) {
            break;
        }
    }
    dot(out);
}

void dsi_f32_format(float v, char out[DSI_F64_TEXT_SIZE])
{
    if (format_special((double)v, out)) {
        return;
    }
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(out, DSI_F64_TEXT_SIZE, "%.*g", digits, (double)v);
        if (strtof(out, NULL) == v) {
            break;
        }
    }
    dot(out);
}

// The length of the valid sequence at b, or 0.
static size_t utf8_sequence(const uint8_t *b, size_t left)
{
    if (b[0] < 0x80) {
        return 1;
    }
    size_t n = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
    if (b[0] < 0xc2 || b[0] > 0xf4 || n > left) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((b[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xf0 && b[1] < 0x90);
    bool surrogate = b[0] == 0xed && b[1] > 0x9f;
    bool beyond = b[0] == 0xf4 && b[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : n;
}

bool dsi_utf8_valid(struct ds_slice bytes)
{
    size_t i = 0;
    while (i < bytes.size) {
        uint64_t word = 0;
        if (bytes.size - i >= sizeof word) { // Eight ASCII bytes at a time.
            memcpy(&word, bytes.data + i, sizeof word);
            if ((word & 0x8080808080808080u) == 0) {
                i += sizeof word;
                continue;
            }
        }
        size_t n = utf8_sequence(bytes.data + i, bytes.size - i);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return true;
}

// Both after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
int64_t dsi_days_from_civil(int64_t year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = dsi_floor_div(y, 400);
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void dsi_civil_from_days(int64_t days, int64_t *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = dsi_floor_div(z, 146097);
    int64_t of_era = z - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = y + era * 400 + (*month <= 2);
}

struct cursor {
    const char *at;
    const char *end;
};

// Takes between min and max digits.
static bool take_digits(struct cursor *c, int min, int max, int64_t *out)
{
    int n = 0;
    *out = 0;
    while (n < max && c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        *out = *out * 10 + (*c->at++ - '0');
        n++;
    }
    return n >= min;
}

static bool take(struct cursor *c, char expected)
{
    if (c->at < c->end && *c->at == expected) {
        c->at++;
        return true;
    }
    return false;
}

static bool take_date(struct cursor *c, int64_t *days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    bool negative = take(c, '-');
    if (!negative) {
        take(c, '+');
    }
    if (!take_digits(c, 4, 7, &year) || !take(c, '-') || !take_digits(c, 2, 2, &month) ||
        !take(c, '-') || !take_digits(c, 2, 2, &day)) {
        return false;
    }
    year = negative ? -year : year;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month < 1 || month > 12 || day < 1 ||
        day > lengths[month - 1] + (leap && month == 2)) {
        return false;
    }
    *days = dsi_days_from_civil(year, (int)month, (int)day);
    return true;
}

static bool take_time(struct cursor *c, int64_t *ns)
{
    int64_t h = 0;
    int64_t m = 0;
    int64_t s = 0;
    int64_t fraction = 0;
    if (!take_digits(c, 2, 2, &h) || !take(c, ':') || !take_digits(c, 2, 2, &m)) {
        return false;
    }
    if (take(c, ':')) {
        if (!take_digits(c, 2, 2, &s)) {
            return false;
        }
        if (take(c, '.')) {
            const char *start = c->at;
            if (!take_digits(c, 1, 9, &fraction)) {
                return false;
            }
            for (int64_t n = c->at - start; n < 9; n++) {
                fraction *= 10;
            }
        }
    }
    *ns = ((h * 60 + m) * 60 + s) * 1000000000 + fraction;
    return h < 24 && m < 60 && s < 60;
}

bool dsi_text_to_date(const char *text, size_t size, int32_t *days)
{
    struct cursor c = {text, text + size};
    int64_t wide = 0;
    if (!take_date(&c, &wide) || c.at != c.end || wide < INT32_MIN || wide > INT32_MAX) {
        return false;
    }
    *days = (int32_t)wide;
    return true;
}

bool dsi_text_to_time_ns(const char *text, size_t size, int64_t *ns)
{
    struct cursor c = {text, text + size};
    return take_time(&c, ns) && c.at == c.end;
}

// Takes "Z", "+hh:mm", "+hhmm" or "+hh"; what it stands for in ns.
static bool take_zone(struct cursor *c, int64_t *offset_ns)
{
    int64_t h = 0;
    int64_t m = 0;
    *offset_ns = 0;
    if (take(c, 'Z') || take(c, 'z')) {
        return true;
    }
    bool negative = take(c, '-');
    if (!negative && !take(c, '+')) {
        return false;
    }
    if (!take_digits(c, 2, 2, &h)) {
        return false;
    }
    bool colon = take(c, ':');
    if ((colon || c->at < c->end) && !take_digits(c, 2, 2, &m)) {
        return false;
    }
    *offset_ns = (h * 60 + m) * 60 * 1000000000;
    *offset_ns = negative ? -*offset_ns : *offset_ns;
    return h < 24 && m < 60;
}

bool dsi_text_to_timestamp(const char *text, size_t size, int64_t *days, int64_t *ns,
                           bool *has_zone)
{
    const int64_t day_ns = INT64_C(86400000000000);
    struct cursor c = {text, text + size};
    int64_t offset_ns = 0;

    *ns = 0;
    *has_zone = false;
    if (!take_date(&c, days)) {
        return false;
    }
    if (c.at < c.end) {
        if (!take(&c, 'T') && !take(&c, 't') && !take(&c, ' ')) {
            return false;
        }
        if (!take_time(&c, ns)) {
            return false;
        }
        if (c.at < c.end) {
            take(&c, ' ');
            if (!take_zone(&c, &offset_ns) || c.at != c.end) {
                return false;
            }
            *has_zone = true;
        }
    }
    int64_t shifted = *ns - offset_ns;
    *days += dsi_floor_div(shifted, day_ns);
    *ns = dsi_floor_mod(shifted, day_ns);
    return true;
}

void dsi_date_format(int64_t days, char out[DSI_TIME_TEXT_SIZE])
{
    int64_t year = 0;
    int month = 0;
    int day = 0;
    dsi_civil_from_days(days, &year, &month, &day);
    const char *sign = year < 0 ? "-" : year > 9999 ? "+" : "";
    long long shown = year < 0 ? -year : year;
    snprintf(out, DSI_TIME_TEXT_SIZE, "%s%04lld-%02d-%02d", sign, shown, month, day);
}

void dsi_time_format(int64_t ns, int digits, char out[DSI_TIME_TEXT_SIZE])
{
    long long s = ns / 1000000000;
    size_t shown = digits > 0 ? (size_t)digits + 1 : 0; // The point counts.
    snprintf(out, DSI_TIME_TEXT_SIZE, "%02lld:%02lld:%02lld.%09lld", s / 3600,
             s / 60 % 60, s % 60, (long long)(ns % 1000000000));
    out[strlen("hh:mm:ss") + shown] = '\0';
}

void dsi_timestamp_format(int64_t days, int64_t ns, int digits, bool zone,
                          char out[DSI_TIME_TEXT_SIZE])
{
    char time[DSI_TIME_TEXT_SIZE];
    dsi_date_format(days, out);
    dsi_time_format(ns, digits, time);
    size_t n = strlen(out);
    snprintf(out + n, DSI_TIME_TEXT_SIZE - n, "T%s%s", time, zone ? "+00:00" : "");
}
