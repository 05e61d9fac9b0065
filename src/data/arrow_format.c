#include "data/arrow_format.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "data/arrow_geo.h"

enum { METADATA_PAIRS_MAX = 1 << 16, METADATA_BYTES_MAX = 1 << 28 };

struct letter {
    const char *format;
    struct dsi_arrow_format is;
};

// The formats that are a word; those with a parameter are read below.
static const struct letter letters[] = {
    {"n", {.kind = DSI_ARROW_NULL}},
    {"b", {.kind = DSI_ARROW_BOOL}},
    {"c", {.kind = DSI_ARROW_INT, .width = 1, .is_signed = true}},
    {"C", {.kind = DSI_ARROW_INT, .width = 1}},
    {"s", {.kind = DSI_ARROW_INT, .width = 2, .is_signed = true}},
    {"S", {.kind = DSI_ARROW_INT, .width = 2}},
    {"i", {.kind = DSI_ARROW_INT, .width = 4, .is_signed = true}},
    {"I", {.kind = DSI_ARROW_INT, .width = 4}},
    {"l", {.kind = DSI_ARROW_INT, .width = 8, .is_signed = true}},
    {"L", {.kind = DSI_ARROW_INT, .width = 8}},
    {"e", {.kind = DSI_ARROW_HALF, .width = 2}},
    {"f", {.kind = DSI_ARROW_FLOAT, .width = 4}},
    {"g", {.kind = DSI_ARROW_DOUBLE, .width = 8}},
    {"u", {.kind = DSI_ARROW_TEXT, .offsets = DSI_ARROW_32}},
    {"U", {.kind = DSI_ARROW_TEXT, .offsets = DSI_ARROW_64}},
    {"vu", {.kind = DSI_ARROW_TEXT, .offsets = DSI_ARROW_VIEW}},
    {"z", {.kind = DSI_ARROW_BINARY, .offsets = DSI_ARROW_32}},
    {"Z", {.kind = DSI_ARROW_BINARY, .offsets = DSI_ARROW_64}},
    {"vz", {.kind = DSI_ARROW_BINARY, .offsets = DSI_ARROW_VIEW}},
    {"tdD", {.kind = DSI_ARROW_DATE, .width = 4}},
    {"tdm", {.kind = DSI_ARROW_DATE, .width = 8, .unit = DSI_ARROW_MS}},
    {"tts", {.kind = DSI_ARROW_TIME, .width = 4, .unit = DSI_ARROW_S}},
    {"ttm", {.kind = DSI_ARROW_TIME, .width = 4, .unit = DSI_ARROW_MS}},
    {"ttu", {.kind = DSI_ARROW_TIME, .width = 8, .unit = DSI_ARROW_US}},
    {"ttn", {.kind = DSI_ARROW_TIME, .width = 8, .unit = DSI_ARROW_NS}},
    {"+s", {.kind = DSI_ARROW_STRUCT}},
    {"+l", {.kind = DSI_ARROW_LIST, .offsets = DSI_ARROW_32}},
    {"+L", {.kind = DSI_ARROW_LIST, .offsets = DSI_ARROW_64}},
    {"+vl", {.kind = DSI_ARROW_LIST, .offsets = DSI_ARROW_VIEW, .width = 4}},
    {"+vL", {.kind = DSI_ARROW_LIST, .offsets = DSI_ARROW_VIEW, .width = 8}},
    {"+m", {.kind = DSI_ARROW_MAP, .offsets = DSI_ARROW_32}},
    {"+r", {.kind = DSI_ARROW_RUN_ENDS}},
};

const char *dsi_arrow_name(const struct ArrowSchema *schema)
{
    return schema->name ? schema->name : "";
}

static int malformed(const struct ArrowSchema *schema, struct ds_error *err)
{
    return dsi_fail(err, DS_EINVALID, "column %s: malformed Arrow format '%.40s'",
                    dsi_arrow_name(schema), schema->format);
}

// "w:16", "+w:3": a positive number to the end of the text.
static bool read_width(const char *text, size_t *out)
{
    int64_t n = 0;
    bool ok = dsi_text_to_i64(text, strlen(text), &n) && n >= 0 && n <= INT32_MAX;
    *out = ok ? (size_t)n : 0;
    return ok;
}

// "10,2" or "10,2,256".
static bool read_decimal(const char *text, struct dsi_arrow_format *out)
{
    int64_t n[3] = {0, 0, 128};
    size_t count = 0;

    while (count < 3) {
        const char *comma = strchr(text, ',');
        size_t size = comma ? (size_t)(comma - text) : strlen(text);
        if (!dsi_text_to_i64(text, size, &n[count])) {
            return false;
        }
        count++;
        if (!comma) {
            break;
        }
        text = comma + 1;
        if (count == 3) {
            return false;
        }
    }
    bool width_known = n[2] == 32 || n[2] == 64 || n[2] == 128 || n[2] == 256;
    if (count < 2 || n[0] < 1 || n[0] > 76 || n[1] < -76 || n[1] > 76 || !width_known) {
        return false;
    }
    *out = (struct dsi_arrow_format){.kind = DSI_ARROW_DECIMAL,
                                     .width = (size_t)n[2] / 8,
                                     .precision = (int32_t)n[0],
                                     .scale = (int32_t)n[1]};
    return true;
}

// "tsu:UTC": a unit, and everything after the colon is the zone.
static bool read_timestamp(const char *text, struct dsi_arrow_format *out)
{
    static const char units[] = "smun";
    const char *unit = text[0] ? strchr(units, text[0]) : NULL;

    if (!unit || text[1] != ':') {
        return false;
    }
    *out = (struct dsi_arrow_format){.kind = DSI_ARROW_TIMESTAMP,
                                     .width = 8,
                                     .unit = (enum dsi_arrow_unit)(unit - units),
                                     .zone = text[2] != '\0'};
    return true;
}

static int read_format(const struct ArrowSchema *schema, struct dsi_arrow_format *out,
                       struct ds_error *err)
{
    const char *f = schema->format;

    *out = (struct dsi_arrow_format){.kind = DSI_ARROW_OTHER};
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        if (strcmp(f, letters[i].format) == 0) {
            *out = letters[i].is;
            return DS_OK;
        }
    }
    if (strncmp(f, "w:", 2) == 0) {
        out->kind = DSI_ARROW_FIXED;
        return read_width(f + 2, &out->width) ? DS_OK : malformed(schema, err);
    }
    if (strncmp(f, "+w:", 3) == 0) {
        out->kind = DSI_ARROW_LIST;
        out->offsets = DSI_ARROW_NO_OFFSETS;
        return read_width(f + 3, &out->width) ? DS_OK : malformed(schema, err);
    }
    if (strncmp(f, "d:", 2) == 0) {
        return read_decimal(f + 2, out) ? DS_OK : malformed(schema, err);
    }
    if (strncmp(f, "ts", 2) == 0) {
        return read_timestamp(f + 2, out) ? DS_OK : malformed(schema, err);
    }
    return f[0] == '\0' ? malformed(schema, err) : DS_OK;
}

// How many children a kind has; -1: any number.
static int64_t children_of(const struct dsi_arrow_format *f)
{
    switch (f->kind) {
    case DSI_ARROW_STRUCT:
    case DSI_ARROW_OTHER:
        return -1;
    case DSI_ARROW_LIST:
    case DSI_ARROW_MAP:
        return 1;
    case DSI_ARROW_RUN_ENDS:
        return 2;
    default:
        return 0;
    }
}

int dsi_arrow_format_read(const struct ArrowSchema *schema, struct dsi_arrow_format *out,
                          struct ds_error *err)
{
    if (!schema->release) {
        return dsi_fail(err, DS_EINVALID, "column %s: its Arrow schema was released",
                        dsi_arrow_name(schema));
    }
    if (!schema->format) {
        return dsi_fail(err, DS_EINVALID, "column %s: its Arrow schema has no format",
                        dsi_arrow_name(schema));
    }
    if (!dsi_utf8_valid(dsi_slice_text(dsi_arrow_name(schema)))) {
        return dsi_fail(err, DS_EINVALID, "a column's name is not UTF-8");
    }
    int rc = read_format(schema, out, err);
    if (rc < 0) {
        return rc;
    }
    int64_t wanted = children_of(out);
    int64_t n = schema->n_children;
    if (n < 0 || n > DSI_ARROW_CHILDREN_MAX || (wanted >= 0 && n != wanted) ||
        (n > 0 && !schema->children)) {
        return dsi_fail(err, DS_EINVALID,
                        "column %s: Arrow format '%.40s' with %lld children",
                        dsi_arrow_name(schema), schema->format, (long long)n);
    }
    for (int64_t i = 0; i < n; i++) {
        if (!schema->children[i]) {
            return dsi_fail(err, DS_EINVALID, "column %s: child %lld is NULL",
                            dsi_arrow_name(schema), (long long)i);
        }
    }
    return DS_OK;
}

// The next length-prefixed text of metadata; false when its length makes no sense. Arrow
// does not say how long metadata are, so a bound is all there is to check.
static bool metadata_text(const char **at, struct ds_slice *out)
{
    int32_t size = 0;
    memcpy(&size, *at, sizeof size);
    if (size < 0 || size > METADATA_BYTES_MAX) {
        return false;
    }
    *out = (struct ds_slice){(const uint8_t *)*at + sizeof size, (size_t)size};
    *at += sizeof size + (size_t)size;
    return true;
}

int dsi_arrow_metadata_find(const struct ArrowSchema *schema, const char *key,
                            bool *found, struct ds_slice *value, struct ds_error *err)
{
    const char *at = schema->metadata;
    int32_t count = 0;

    *found = false;
    if (!at) {
        return DS_OK;
    }
    memcpy(&count, at, sizeof count);
    at += sizeof count;
    bool ok = count >= 0 && count <= METADATA_PAIRS_MAX;
    for (int32_t i = 0; ok && i < count; i++) {
        struct ds_slice k = {0};
        struct ds_slice v = {0};
        ok = metadata_text(&at, &k) && metadata_text(&at, &v);
        if (ok && dsi_slice_equal(k, dsi_slice_text(key))) {
            *found = true;
            *value = v;
            return DS_OK;
        }
    }
    return ok ? DS_OK
              : dsi_fail(err, DS_EINVALID, "column %s: malformed Arrow metadata",
                         dsi_arrow_name(schema));
}

int dsi_arrow_field_id(const struct ArrowSchema *schema, int32_t *out,
                       struct ds_error *err)
{
    struct ds_slice text = {0};
    bool found = false;
    int64_t id = 0;

    *out = -1;
    int rc = dsi_arrow_metadata_find(schema, "PARQUET:field_id", &found, &text, err);
    if (rc < 0 || !found) {
        return rc;
    }
    if (!dsi_text_to_i64((const char *)text.data, text.size, &id)) {
        return dsi_fail(err, DS_EINVALID, "column %s: PARQUET:field_id is not a number",
                        dsi_arrow_name(schema));
    }
    // Arrow itself writes -1 for "none"; ids above the maximum are Iceberg's own.
    *out = id >= 0 && id <= DSI_FIELD_ID_MAX ? (int32_t)id : -1;
    return DS_OK;
}

static int no_type(const struct ArrowSchema *schema, const char *why,
                   struct ds_error *err)
{
    return dsi_fail(err, DS_EUNSUPPORTED,
                    "column %s: Iceberg has no type for Arrow format '%.40s'%s",
                    dsi_arrow_name(schema), schema->format, why);
}

int dsi_arrow_extension_is(const struct ArrowSchema *schema, const char *name, bool *out,
                           struct ds_slice *metadata, struct ds_error *err)
{
    struct ds_slice is = {NULL, 0};
    bool found = false;
    int rc = dsi_arrow_metadata_find(schema, "ARROW:extension:name", &found, &is, err);

    *out = rc == DS_OK && found && dsi_slice_equal(is, dsi_slice_text(name));
    if (*out && metadata) {
        *metadata = (struct ds_slice){NULL, 0};
        rc = dsi_arrow_metadata_find(schema, "ARROW:extension:metadata", &found, metadata,
                                     err);
    }
    return rc;
}

static int fixed_type(const struct ArrowSchema *schema, const struct dsi_arrow_format *f,
                      struct dsi_type *out, struct ds_error *err)
{
    bool uuid = false;
    int rc = dsi_arrow_extension_is(schema, "arrow.uuid", &uuid, NULL, err);
    if (rc < 0) {
        return rc;
    }
    if (uuid && f->width == 16) {
        out->kind = DSI_TYPE_UUID;
        return DS_OK;
    }
    if (f->width == 0) {
        return no_type(schema, " (no bytes)", err);
    }
    out->kind = DSI_TYPE_FIXED;
    out->length = (int32_t)f->width;
    return DS_OK;
}

static int binary_type(const struct ArrowSchema *schema, struct dsi_arena *arena,
                       struct dsi_type *out, struct ds_error *err)
{
    struct ds_slice metadata = {NULL, 0};
    bool geo = false;
    bool known = false;
    int rc = dsi_arrow_extension_is(schema, DSI_ARROW_GEO_NAME, &geo, &metadata, err);

    out->kind = DSI_TYPE_BINARY;
    if (rc == DS_OK && geo) {
        rc =
            dsi_arrow_geo_read(metadata, dsi_arrow_name(schema), arena, out, &known, err);
    }
    return rc;
}

int dsi_arrow_format_type(const struct ArrowSchema *schema,
                          const struct dsi_arrow_format *f, struct dsi_arena *arena,
                          struct dsi_type *out, struct ds_error *err)
{
    *out = (struct dsi_type){.kind = DSI_TYPE_UNKNOWN};
    switch (f->kind) {
    case DSI_ARROW_NULL:
        return DS_OK;
    case DSI_ARROW_BOOL:
        out->kind = DSI_TYPE_BOOLEAN;
        return DS_OK;
    case DSI_ARROW_INT:
        if (f->width == 8 && !f->is_signed) {
            return no_type(schema, ": cast it to int64 or to decimal(20, 0)", err);
        }
        out->kind = f->width < 4 || (f->width == 4 && f->is_signed) ? DSI_TYPE_INT
                                                                    : DSI_TYPE_LONG;
        return DS_OK;
    case DSI_ARROW_HALF:
    case DSI_ARROW_FLOAT:
        out->kind = DSI_TYPE_FLOAT;
        return DS_OK;
    case DSI_ARROW_DOUBLE:
        out->kind = DSI_TYPE_DOUBLE;
        return DS_OK;
    case DSI_ARROW_DECIMAL:
        if (f->precision > 38 || f->scale < 0 || f->scale > f->precision) {
            return no_type(schema, ": at most 38 digits, scale 0 to precision", err);
        }
        out->kind = DSI_TYPE_DECIMAL;
        out->precision = f->precision;
        out->scale = f->scale;
        return DS_OK;
    case DSI_ARROW_FIXED:
        return fixed_type(schema, f, out, err);
    case DSI_ARROW_TEXT:
        out->kind = DSI_TYPE_STRING;
        return DS_OK;
    case DSI_ARROW_BINARY:
        return binary_type(schema, arena, out, err);
    case DSI_ARROW_DATE:
        out->kind = DSI_TYPE_DATE;
        return DS_OK;
    case DSI_ARROW_TIME:
        out->kind = DSI_TYPE_TIME;
        return DS_OK;
    case DSI_ARROW_TIMESTAMP:
        if (f->unit == DSI_ARROW_NS) {
            out->kind = f->zone ? DSI_TYPE_TIMESTAMPTZ_NS : DSI_TYPE_TIMESTAMP_NS;
        } else {
            out->kind = f->zone ? DSI_TYPE_TIMESTAMPTZ : DSI_TYPE_TIMESTAMP;
        }
        return DS_OK;
    default:
        return no_type(schema, "", err);
    }
}
