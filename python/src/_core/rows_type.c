#include "rows_type.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *format;
    struct rows_type type;
} plain_types[] = {
    {"n", {.kind = ROWS_NULL}},
    {"b", {.kind = ROWS_BOOL}},
    {"c", {.kind = ROWS_INT, .width = 1}},
    {"s", {.kind = ROWS_INT, .width = 2}},
    {"i", {.kind = ROWS_INT, .width = 4}},
    {"l", {.kind = ROWS_INT, .width = 8}},
    {"C", {.kind = ROWS_UINT, .width = 1}},
    {"S", {.kind = ROWS_UINT, .width = 2}},
    {"I", {.kind = ROWS_UINT, .width = 4}},
    {"L", {.kind = ROWS_UINT, .width = 8}},
    {"f", {.kind = ROWS_FLOAT, .width = 4}},
    {"g", {.kind = ROWS_FLOAT, .width = 8}},
    {"tdD", {.kind = ROWS_DATE, .width = 4}},
    {"tdm", {.kind = ROWS_DATE, .width = 8, .per_second = 1000}},
    {"tts", {.kind = ROWS_TIME, .width = 4, .per_second = 1}},
    {"ttm", {.kind = ROWS_TIME, .width = 4, .per_second = 1000}},
    {"ttu", {.kind = ROWS_TIME, .width = 8, .per_second = 1000000}},
    {"ttn", {.kind = ROWS_TIME, .width = 8, .per_second = 1000000000}},
    {"u", {.kind = ROWS_STRING, .offsets = ROWS_OFFSETS_32}},
    {"U", {.kind = ROWS_STRING, .offsets = ROWS_OFFSETS_64}},
    {"vu", {.kind = ROWS_STRING, .offsets = ROWS_OFFSETS_VIEW}},
    {"z", {.kind = ROWS_BINARY, .offsets = ROWS_OFFSETS_32}},
    {"Z", {.kind = ROWS_BINARY, .offsets = ROWS_OFFSETS_64}},
    {"vz", {.kind = ROWS_BINARY, .offsets = ROWS_OFFSETS_VIEW}},
    {"+l", {.kind = ROWS_LIST, .offsets = ROWS_OFFSETS_32}},
    {"+L", {.kind = ROWS_LIST, .offsets = ROWS_OFFSETS_64}},
    {"+s", {.kind = ROWS_STRUCT}},
    {"+m", {.kind = ROWS_MAP, .offsets = ROWS_OFFSETS_32}},
};

// The bytes of C data interface metadata, with their counts; 0 for none.
static size_t metadata_size(const char *metadata)
{
    size_t at = sizeof(int32_t);
    int32_t n = 0;

    if (!metadata) {
        return 0;
    }
    memcpy(&n, metadata, sizeof n);
    for (int32_t i = 0; i < n; i++) {
        for (int part = 0; part < 2; part++) {
            int32_t size = 0;
            memcpy(&size, metadata + at, sizeof size);
            at += sizeof size + (size_t)(size > 0 ? size : 0);
        }
    }
    return at;
}

// Whether the metadata have that key with that value.
static bool metadata_says(const char *metadata, const char *key, const char *value)
{
    size_t at = sizeof(int32_t);
    int32_t n = 0;

    if (!metadata) {
        return false;
    }
    memcpy(&n, metadata, sizeof n);
    for (int32_t i = 0; i < n; i++) {
        bool same[2] = {false, false};
        for (int part = 0; part < 2; part++) {
            const char *text = part == 0 ? key : value;
            int32_t size = 0;
            memcpy(&size, metadata + at, sizeof size);
            at += sizeof size;
            same[part] = size >= 0 && (size_t)size == strlen(text) &&
                         memcmp(metadata + at, text, (size_t)size) == 0;
            at += (size_t)(size > 0 ? size : 0);
        }
        if (same[0] && same[1]) {
            return true;
        }
    }
    return false;
}

static bool parse_timestamp(const char *format, struct rows_type *out)
{
    static const char units[] = "smun";
    const char *unit = format[2] != '\0' ? strchr(units, format[2]) : NULL;

    if (!unit || format[3] != ':') {
        return false;
    }
    *out = (struct rows_type){.kind = ROWS_TIMESTAMP, .width = 8, .per_second = 1};
    for (const char *u = units; u < unit; u++) {
        out->per_second *= 1000;
    }
    out->zoned = format[4] != '\0';
    return true;
}

// Formats with numbers in them.
static bool parse_sized(const char *format, struct rows_type *out)
{
    int precision = 0;
    int scale = 0;
    int bits = 128;
    long long width = 0;
    char end = 0;

    if (sscanf(format, "d:%d,%d,%d%c", &precision, &scale, &bits, &end) == 3 ||
        sscanf(format, "d:%d,%d%c", &precision, &scale, &end) == 2) {
        *out = (struct rows_type){
            .kind = ROWS_DECIMAL, .width = 16, .precision = precision, .scale = scale};
        return bits == 128 && precision >= 1 && precision <= 38;
    }
    if (sscanf(format, "w:%lld%c", &width, &end) == 1) {
        *out = (struct rows_type){.kind = ROWS_FIXED, .width = width};
        return width >= 0 && width <= INT32_MAX;
    }
    if (sscanf(format, "+w:%lld%c", &width, &end) == 1) {
        *out = (struct rows_type){.kind = ROWS_FIXED_LIST, .width = width};
        return width >= 0 && width <= INT32_MAX;
    }
    return false;
}

static bool parse_format(const char *format, struct rows_type *out)
{
    for (size_t i = 0; i < sizeof plain_types / sizeof *plain_types; i++) {
        if (strcmp(format, plain_types[i].format) == 0) {
            *out = plain_types[i].type;
            return true;
        }
    }
    return strncmp(format, "ts", 2) == 0 ? parse_timestamp(format, out)
                                         : parse_sized(format, out);
}

// Whether the children are as many as the kind has.
static bool children_fit(const struct ArrowSchema *s, enum rows_kind kind)
{
    switch (kind) {
    case ROWS_LIST:
    case ROWS_FIXED_LIST:
        return s->n_children == 1;
    case ROWS_MAP:
        return s->n_children == 1 && s->children[0]->n_children == 2 &&
               strcmp(s->children[0]->format, "+s") == 0;
    case ROWS_STRUCT:
        return s->n_children >= 0;
    default:
        return s->n_children == 0;
    }
}

int rows_type_parse(const struct ArrowSchema *schema, struct rows_type *out)
{
    const char *name = schema->name ? schema->name : "";

    if (!schema->format || !parse_format(schema->format, out)) {
        PyErr_Format(
            PyExc_TypeError,
            "column '%s': Python values of the Arrow type '%s' are not supported", name,
            schema->format ? schema->format : "");
        return -1;
    }
    if (!children_fit(schema, out->kind)) {
        PyErr_Format(PyExc_ValueError, "column '%s': an Arrow type '%s' of %lld children",
                     name, schema->format, (long long)schema->n_children);
        return -1;
    }
    if (schema->dictionary) {
        if (out->kind != ROWS_INT && out->kind != ROWS_UINT) {
            PyErr_Format(PyExc_ValueError,
                         "column '%s': a dictionary whose indices are no integers", name);
            return -1;
        }
        out->is_unsigned = out->kind == ROWS_UINT;
        out->kind = ROWS_DICTIONARY;
    }
    if (out->kind == ROWS_FIXED && out->width == 16 &&
        metadata_says(schema->metadata, "ARROW:extension:name", "arrow.uuid")) {
        out->kind = ROWS_UUID;
    }
    return 0;
}

static void release_schema(struct ArrowSchema *s)
{
    for (int64_t i = 0; s->children && i < s->n_children; i++) {
        if (s->children[i] && s->children[i]->release) {
            s->children[i]->release(s->children[i]);
        }
        free(s->children[i]);
    }
    if (s->dictionary && s->dictionary->release) {
        s->dictionary->release(s->dictionary);
    }
    free(s->dictionary);
    free(s->children);
    free((void *)s->format);
    free((void *)s->name);
    free((void *)s->metadata);
    s->release = NULL;
}

static char *copy_bytes(const char *bytes, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);

    if (copy && size > 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

int rows_schema_new(const char *format, const char *name, const char *metadata,
                    int64_t flags, int64_t n_children, struct ArrowSchema *out)
{
    bool ok = true;

    *out = (struct ArrowSchema){.flags = flags, .release = release_schema};
    out->format = copy_bytes(format, strlen(format) + 1);
    out->name = copy_bytes(name, strlen(name) + 1);
    out->metadata = metadata ? copy_bytes(metadata, metadata_size(metadata)) : NULL;
    ok = out->format && out->name && (out->metadata || !metadata);
    if (ok && n_children > 0) {
        out->children = calloc((size_t)n_children, sizeof *out->children);
        ok = out->children != NULL;
    }
    for (int64_t i = 0; ok && i < n_children; i++) {
        out->children[i] = calloc(1, sizeof **out->children);
        ok = out->children[i] != NULL;
        out->n_children = i + 1;
    }
    if (!ok) {
        out->release(out);
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

int rows_schema_copy(const struct ArrowSchema *schema, struct ArrowSchema *out)
{
    if (rows_schema_new(schema->format ? schema->format : "",
                        schema->name ? schema->name : "", schema->metadata, schema->flags,
                        schema->n_children, out) < 0) {
        return -1;
    }
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (rows_schema_copy(schema->children[i], out->children[i]) < 0) {
            out->release(out);
            return -1;
        }
    }
    if (schema->dictionary) {
        out->dictionary = calloc(1, sizeof *out->dictionary);
        if (!out->dictionary) {
            PyErr_NoMemory();
        }
        if (!out->dictionary ||
            rows_schema_copy(schema->dictionary, out->dictionary) < 0) {
            out->release(out);
            return -1;
        }
    }
    return 0;
}
