#include "cli/common.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct common common;

static int fail(struct ds_error *err, int status, const char *message)
{
    memset(err, 0, sizeof *err);
    err->status = status;
    snprintf(err->message, sizeof err->message, "%s", message);
    return status;
}

static const char *catalog_uri(void)
{
    const char *uri = common.catalog ? common.catalog : getenv("DATASHARD_CATALOG");
    return uri && uri[0] ? uri : NULL;
}

int open_catalog(ds_catalog **out, struct ds_error *err)
{
    struct ds_property items[2];
    struct ds_properties properties = {items, 0};

    if (!catalog_uri()) {
        return fail(err, DS_EINVALID,
                    "this needs a catalog: name one by --catalog sqlite:PATH or "
                    "DATASHARD_CATALOG");
    }
    if (common.warehouse) {
        items[properties.count++] = (struct ds_property){"warehouse", common.warehouse};
    }
    if (common.catalog_name) {
        items[properties.count++] = (struct ds_property){"name", common.catalog_name};
    }
    return ds_catalog_open(catalog_uri(), &properties, out, err);
}

bool names_path(const char *name)
{
    return !catalog_uri() || strchr(name, '/') || name[0] == '.';
}

int open_table(const char *name, ds_table **out, struct ds_error *err)
{
    ds_catalog *catalog = NULL;

    if (names_path(name)) {
        return ds_table_open(name, out, err);
    }
    int rc = open_catalog(&catalog, err);
    if (rc == DS_OK) {
        rc = ds_catalog_open_table(catalog, name, out, err);
    }
    ds_catalog_free(catalog); // Tables outlive the handle of their catalog.
    return rc;
}

bool parse_duration(const char *text, int64_t *ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"", 1000},     {"ms", 1},      {"s", 1000},    {"m", 60000},
                 {"min", 60000}, {"h", 3600000}, {"d", 86400000}};
    char *end = NULL;
    double n = strtod(text, &end);

    if (end == text || !(n >= 0 && n <= 1e9)) { // Nor what is not a number.
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) == 0) {
            *ms = (int64_t)(n * (double)units[i].ms);
            return true;
        }
    }
    return false;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// Days since 1970 of a date (Howard Hinnant, "days_from_civil").
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool is_date(int64_t y, int64_t m, int64_t d)
{
    int64_t next = m == 12 ? days_of(y + 1, 1, 1) : days_of(y, m + 1, 1);
    return m >= 1 && m <= 12 && d >= 1 && days_of(y, m, d) < next;
}

static bool parse_zone(const char *at, int64_t *minutes)
{
    int h = 0;
    int m = 0;
    int used = 0;
    *minutes = 0;
    if (*at == ' ') {
        at++;
    }
    if (*at == '\0' || strcmp(at, "Z") == 0 || strcmp(at, "UTC") == 0) {
        return true;
    }
    if ((*at != '+' && *at != '-') || sscanf(at + 1, "%2d:%2d%n", &h, &m, &used) != 2 ||
        at[1 + used] || at[1 + strspn(at + 1, "0123456789:")] || h > 23 || m > 59) {
        return false;
    }
    *minutes = (h * 60 + m) * (*at == '-' ? -1 : 1);
    return true;
}

bool parse_moment(const char *text, int64_t *ms)
{
    int y = 0;
    int mo = 0;
    int d = 0;
    int h = 0;
    int mi = 0;
    int s = 0;
    int used = 0;
    int64_t minutes = 0;
    int64_t fraction = 0;

    if (text[0] == '-' && parse_duration(text + 1, ms)) {
        *ms = now_ms() - *ms;
        return true;
    }
    if (text[0] && strspn(text, "0123456789") == strlen(text) && strlen(text) >= 10) {
        *ms = strtoll(text, NULL, 10);
        return true;
    }
    if (sscanf(text, "%4d-%2d-%2d%n", &y, &mo, &d, &used) != 3 || used != 10) {
        return false;
    }
    const char *at = text + used;
    if (*at == 'T' || *at == ' ') {
        if (sscanf(at + 1, "%2d:%2d%n", &h, &mi, &used) != 2) {
            return false;
        }
        at += 1 + used;
        if (*at == ':') {
            if (sscanf(at + 1, "%2d%n", &s, &used) != 1) {
                return false;
            }
            at += 1 + used;
        }
        if (*at == '.') {
            int64_t scale = 100;
            for (at++; isdigit((unsigned char)*at); at++, scale /= 10) {
                fraction += (*at - '0') * scale;
            }
        }
    }
    if (!parse_zone(at, &minutes) || !is_date(y, mo, d) || h < 0 || h > 23 || mi < 0 ||
        mi > 59 || s < 0 || s > 60) {
        return false;
    }
    int64_t seconds = days_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + s - minutes * 60;
    *ms = seconds * 1000 + fraction;
    return true;
}

void format_moment(int64_t ms, char *out)
{
    time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
    struct tm tm;
    char text[32];
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    snprintf(out, 32, "%.23s.%03dZ", text, (int)((ms % 1000 + 1000) % 1000));
}
