#include "cli/schema_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 60, TYPE_SIZE = 64 };

// --- in

// Where reading stands.
struct reading {
    const char *at;
    int id;     // The last one given.
    int column; // Of the root, from 1.
};

// Adds text to a string of ours and frees `more`.
static void append(char **text, char *more)
{
    char *longer = cli_printf("%s%s", *text, more);
    free(*text);
    free(more);
    *text = longer;
}

// A JSON string; names come from the command line, so anything may be in them.
static char *quoted(const char *text, size_t size)
{
    char *copy = cli_alloc(size * 6 + 3);
    char *to = copy;
    *to++ = '"';
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            *to++ = '\\';
            *to++ = (char)c;
        } else if (c < 0x20) {
            to += snprintf(to, 7, "\\u%04x", c);
        } else {
            *to++ = (char)c;
        }
    }
    *to++ = '"';
    return copy;
}

static void skip_space(struct reading *r)
{
    while (isspace((unsigned char)*r->at)) {
        r->at++;
    }
}

// Takes a name, plain or in quotes; `stops` are characters that end a plain one.
static void take_name(struct reading *r, const char *stops, const char **name,
                      size_t *size)
{
    const char *at = r->at;

    if (*at == '"' || *at == '`') {
        const char *end = strchr(at + 1, *at);
        *name = at + 1;
        *size = end ? (size_t)(end - at - 1) : 0;
        r->at = end ? end + 1 : at;
    } else {
        *name = at;
        while (*at && !isspace((unsigned char)*at) && !strchr(stops, *at)) {
            at++;
        }
        *size = (size_t)(at - *name);
        if (*size > 1 && at[-1] == ':') { // "id: long", as in a struct.
            *size -= 1;
        }
        r->at = at;
    }
    skip_space(r);
}

static bool take_word(struct reading *r, const char *word)
{
    size_t size = strlen(word);
    for (size_t i = 0; i < size; i++) {
        if (tolower((unsigned char)r->at[i]) != word[i]) {
            return false;
        }
    }
    r->at += size;
    skip_space(r);
    return true;
}

// Takes "not null" (true), "null" or nothing.
static bool take_required(struct reading *r)
{
    bool required = take_word(r, "not") && take_word(r, "null");
    if (!required) {
        take_word(r, "null");
    }
    return required;
}

// What other systems call a type.
static const char *iceberg_type(const char *type)
{
    static const char *const names[][2] = {
        {"bool", "boolean"},
        {"integer", "int"},
        {"int32", "int"},
        {"int4", "int"},
        {"bigint", "long"},
        {"int64", "long"},
        {"int8", "long"},
        {"real", "float"},
        {"float4", "float"},
        {"float8", "double"},
        {"text", "string"},
        {"varchar", "string"},
        {"bytes", "binary"},
        {"bytea", "binary"},
        {"blob", "binary"},
        {"timestamp_ntz", "timestamp"},
        {"timestamp_tz", "timestamptz"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(type, names[i][0]) == 0) {
            return names[i][1];
        }
    }
    return type;
}

// A flat type up to a comma, a ">" or the words "not null"; what is in brackets belongs
// to it.
static char *take_flat(struct reading *r)
{
    char type[TYPE_SIZE];
    int depth = 0;
    size_t n = 0;

    for (; *r->at &&
           (depth > 0 || (!strchr(",<>", *r->at) && !isspace((unsigned char)*r->at)));
         r->at++) {
        depth += (*r->at == '(' || *r->at == '[') - (*r->at == ')' || *r->at == ']');
        if (!isspace((unsigned char)*r->at) && n + 1 < sizeof type) {
            type[n++] = (char)tolower((unsigned char)*r->at);
        }
    }
    type[n] = '\0';
    skip_space(r);
    return n > 0 ? quoted(iceberg_type(type), strlen(iceberg_type(type))) : NULL;
}

static char *take_type(struct reading *r, int depth);

// Fields up to `end`, as a struct; NULL when malformed.
static char *take_fields(struct reading *r, char end, int depth)
{
    char *json = cli_strdup("{\"type\":\"struct\",\"fields\":[");
    bool ok = depth < DEPTH_MAX;

    for (bool first = true; ok && *r->at != end; first = false) {
        const char *name = NULL;
        size_t size = 0;
        int id = ++r->id;
        r->column += depth == 0;
        take_name(r, depth > 0 ? ",:<>" : ",", &name, &size);
        take_word(r, ":");
        char *type = size > 0 ? take_type(r, depth + 1) : NULL;
        bool required = type && take_required(r);
        ok = type && (*r->at == end || *r->at == ',');
        if (ok) {
            char *quoted_name = quoted(name, size);
            append(&json,
                   cli_printf("%s{\"id\":%d,\"name\":%s,\"required\":%s,\"type\":%s}",
                              first ? "" : ",", id, quoted_name,
                              required ? "true" : "false", type));
            free(quoted_name);
        }
        free(type);
        if (ok && *r->at == ',') {
            r->at++;
            skip_space(r);
        }
    }
    if (!ok) {
        free(json);
        return NULL;
    }
    append(&json, cli_strdup("]}"));
    return json;
}

static char *take_list(struct reading *r, int depth)
{
    int id = ++r->id;
    char *element = take_type(r, depth + 1);
    bool required = element && take_required(r);
    char *json = NULL;

    if (element && *r->at == '>') {
        json = cli_printf("{\"type\":\"list\",\"element-id\":%d,\"element-required\":%s,"
                          "\"element\":%s}",
                          id, required ? "true" : "false", element);
    }
    free(element);
    return json;
}

static char *take_map(struct reading *r, int depth)
{
    int id = r->id + 1;
    char *key = NULL;
    char *value = NULL;
    char *json = NULL;

    r->id += 2;
    key = take_type(r, depth + 1);
    if (key && take_word(r, ",")) {
        value = take_type(r, depth + 1);
    }
    bool required = value && take_required(r);
    if (value && *r->at == '>') {
        json = cli_printf("{\"type\":\"map\",\"key-id\":%d,\"key\":%s,\"value-id\":%d,"
                          "\"value-required\":%s,\"value\":%s}",
                          id, key, id + 1, required ? "true" : "false", value);
    }
    free(key);
    free(value);
    return json;
}

// Takes "word<", or nothing.
static bool take_open(struct reading *r, const char *word)
{
    const char *start = r->at;
    bool taken = take_word(r, word) && take_word(r, "<");
    if (!taken) {
        r->at = start;
    }
    return taken;
}

// A type as JSON; NULL when malformed.
static char *take_type(struct reading *r, int depth)
{
    char *json = NULL;

    if (depth > DEPTH_MAX) {
        return NULL;
    }
    bool is_struct = take_open(r, "struct");
    bool is_list = !is_struct && (take_open(r, "list") || take_open(r, "array"));
    if (!is_struct && !is_list && !take_open(r, "map")) {
        return take_flat(r);
    }
    json = is_struct ? take_fields(r, '>', depth)
           : is_list ? take_list(r, depth)
                     : take_map(r, depth);
    if (json) {
        r->at++; // The ">".
        skip_space(r);
    }
    return json;
}

char *schema_from_text(const char *text, struct ds_error *err)
{
    struct reading r = {.at = text};
    char *json = NULL;

    skip_space(&r);
    json = take_fields(&r, '\0', 0);
    if (!json) {
        memset(err, 0, sizeof *err);
        err->status = DS_EINVALID;
        snprintf(err->message, sizeof err->message,
                 "column %d near '%.60s': expected 'name type [not null], ...'", r.column,
                 r.at);
    }
    return json;
}

// --- out

// Whether an Arrow field's metadata have this word as a key or a value; `next` (may be
// NULL) is what follows it.
static bool metadata_say(const struct ArrowSchema *c, const char *word, char *next,
                         size_t size)
{
    const char *at = c->metadata;
    bool found = false;
    int32_t pairs = 0;

    if (!at) {
        return false;
    }
    memcpy(&pairs, at, 4);
    at += 4;
    for (int32_t i = 0; i < 2 * pairs; i++) {
        int32_t length = 0;
        memcpy(&length, at, 4);
        at += 4;
        if (found) {
            if (next) {
                snprintf(next, size, "%.*s", (int)length, at);
            }
            return true;
        }
        found = length == (int32_t)strlen(word) && memcmp(at, word, strlen(word)) == 0;
        at += length;
    }
    return found;
}

static char *shape_text(const struct ArrowSchema *c)
{
    char json[512] = "";
    char crs[200] = "";
    metadata_say(c, "ARROW:extension:metadata", json, sizeof json);
    const char *at = strstr(json, "\"crs\":\"");
    const char *kind = strstr(json, "\"edges\":") ? "geography" : "geometry";

    if (!at || sscanf(at + 7, "%199[^\"]", crs) != 1 || strcmp(crs, "OGC:CRS84") == 0) {
        return cli_printf("%s%s", kind, at ? "" : "(srid:0)");
    }
    return cli_printf("%s(%s%s)", kind, strstr(json, "\"srid\"") ? "srid:" : "", crs);
}

static char *flat_text(const struct ArrowSchema *c)
{
    static const char *const names[][2] = {
        {"b", "boolean"}, {"i", "int"},          {"l", "long"},
        {"f", "float"},   {"g", "double"},       {"u", "string"},
        {"z", "binary"},  {"tdD", "date"},       {"ttu", "time"},
        {"n", "unknown"}, {"tsu:", "timestamp"}, {"tsn:", "timestamp_ns"}};
    int precision = 0;
    int scale = 0;

    if (metadata_say(c, "geoarrow.wkb", NULL, 0)) {
        return shape_text(c);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(c->format, names[i][0]) == 0) {
            return cli_strdup(names[i][1]);
        }
    }
    if (strncmp(c->format, "ts", 2) == 0) {
        return cli_printf("timestamptz%s", c->format[2] == 'n' ? "_ns" : "");
    }
    if (sscanf(c->format, "d:%d,%d", &precision, &scale) == 2) {
        return cli_printf("decimal(%d, %d)", precision, scale);
    }
    if (strncmp(c->format, "w:", 2) == 0) {
        return metadata_say(c, "arrow.uuid", NULL, 0)
                   ? cli_strdup("uuid")
                   : cli_printf("fixed[%s]", c->format + 2);
    }
    return cli_strdup(c->format);
}

static const char *not_null(const struct ArrowSchema *c)
{
    return c->flags & ARROW_FLAG_NULLABLE ? "" : " not null";
}

char *schema_type_text(const struct ArrowSchema *column)
{
    bool map = strcmp(column->format, "+m") == 0;
    bool is_struct = strcmp(column->format, "+s") == 0;
    const struct ArrowSchema *c = map ? column->children[0] : column;
    char *text = NULL;

    if (column->format[0] != '+') {
        return flat_text(column);
    }
    if (metadata_say(column, "arrow.parquet.variant", NULL, 0)) {
        return cli_strdup("variant");
    }
    text = cli_strdup(map ? "map<" : is_struct ? "struct<" : "list<");
    for (int64_t i = 0; i < c->n_children; i++) {
        const struct ArrowSchema *child = c->children[i];
        char *type = schema_type_text(child);
        append(&text, cli_printf("%s%s%s%s%s", i > 0 ? ", " : "",
                                 is_struct ? child->name : "", is_struct ? ": " : "",
                                 type, map && i == 0 ? "" : not_null(child)));
        free(type);
    }
    append(&text, cli_strdup(">"));
    return text;
}
