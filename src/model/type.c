#include "model/type.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

struct plain_name {
    const char *text;
    enum dsi_type_kind kind;
};

static const struct plain_name plain_names[] = {
    {"boolean", DSI_TYPE_BOOLEAN},
    {"int", DSI_TYPE_INT},
    {"long", DSI_TYPE_LONG},
    {"float", DSI_TYPE_FLOAT},
    {"double", DSI_TYPE_DOUBLE},
    {"date", DSI_TYPE_DATE},
    {"time", DSI_TYPE_TIME},
    {"timestamp", DSI_TYPE_TIMESTAMP},
    {"timestamptz", DSI_TYPE_TIMESTAMPTZ},
    {"timestamp_ns", DSI_TYPE_TIMESTAMP_NS},
    {"timestamptz_ns", DSI_TYPE_TIMESTAMPTZ_NS},
    {"string", DSI_TYPE_STRING},
    {"uuid", DSI_TYPE_UUID},
    {"binary", DSI_TYPE_BINARY},
    {"unknown", DSI_TYPE_UNKNOWN},
    {"variant", DSI_TYPE_VARIANT},
    {"geometry", DSI_TYPE_GEOMETRY},
    {"geography", DSI_TYPE_GEOGRAPHY},
};

enum { PLAIN_COUNT = sizeof plain_names / sizeof plain_names[0] };

bool dsi_type_is_primitive(const struct dsi_type *t)
{
    return t->kind != DSI_TYPE_STRUCT && t->kind != DSI_TYPE_LIST &&
           t->kind != DSI_TYPE_MAP;
}

static bool text_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

// All of a type but its fields.
static bool shell_equal(const struct dsi_type *a, const struct dsi_type *b)
{
    return a->kind == b->kind && a->precision == b->precision && a->scale == b->scale &&
           a->length == b->length && text_equal(a->text, b->text) &&
           a->field_count == b->field_count;
}

static bool type_equal(const struct dsi_type *a, const struct dsi_type *b, int depth)
{
    if (!shell_equal(a, b) || depth > DSI_TYPE_DEPTH_MAX) {
        return false;
    }
    for (size_t i = 0; i < a->field_count; i++) {
        const struct dsi_field *x = &a->fields[i];
        const struct dsi_field *y = &b->fields[i];
        if (x->id != y->id || x->required != y->required ||
            strcmp(x->name, y->name) != 0 || !text_equal(x->doc, y->doc) ||
            !text_equal(x->initial_default, y->initial_default) ||
            !text_equal(x->write_default, y->write_default) ||
            !type_equal(&x->type, &y->type, depth + 1)) {
            return false;
        }
    }
    return true;
}

bool dsi_type_equal(const struct dsi_type *a, const struct dsi_type *b)
{
    return type_equal(a, b, 0);
}

struct text_out {
    char *at;
    size_t left; // With room for the terminator.
};

static void put(struct text_out *o, const char *text)
{
    size_t size = strlen(text);
    size_t fits = size < o->left ? size : o->left - 1;
    memcpy(o->at, text, fits);
    o->at += fits;
    o->left -= fits;
    *o->at = '\0';
}

static void put_primitive(struct text_out *o, const struct dsi_type *t)
{
    char text[48];
    if (t->kind == DSI_TYPE_DECIMAL) {
        snprintf(text, sizeof text, "decimal(%d, %d)", t->precision, t->scale);
        put(o, text);
    } else if (t->kind == DSI_TYPE_FIXED) {
        snprintf(text, sizeof text, "fixed[%d]", t->length);
        put(o, text);
    } else if (t->text) {
        put(o, t->text);
    } else {
        for (size_t i = 0; i < PLAIN_COUNT; i++) {
            if (plain_names[i].kind == t->kind) {
                put(o, plain_names[i].text);
            }
        }
    }
}

static void put_type(struct text_out *o, const struct dsi_type *t, int depth)
{
    if (depth > DSI_TYPE_DEPTH_MAX) {
        put(o, "…");
        return;
    }
    switch (t->kind) {
    case DSI_TYPE_LIST:
        put(o, "list<");
        put_type(o, &t->fields[0].type, depth + 1);
        put(o, ">");
        return;
    case DSI_TYPE_MAP:
        put(o, "map<");
        put_type(o, &t->fields[0].type, depth + 1);
        put(o, ", ");
        put_type(o, &t->fields[1].type, depth + 1);
        put(o, ">");
        return;
    case DSI_TYPE_STRUCT:
        put(o, "struct<");
        for (size_t i = 0; i < t->field_count && o->left > 1; i++) {
            char id[16];
            snprintf(id, sizeof id, "%s%d: ", i ? ", " : "", t->fields[i].id);
            put(o, id);
            put(o, t->fields[i].name);
            put(o, t->fields[i].required ? ": required " : ": optional ");
            put_type(o, &t->fields[i].type, depth + 1);
        }
        put(o, ">");
        return;
    default:
        put_primitive(o, t);
    }
}

void dsi_type_format(const struct dsi_type *t, char *out, size_t size)
{
    assert(size > 0);
    struct text_out o = {out, size};
    *out = '\0';
    put_type(&o, t, 0);
}

// Reads a number of at most four digits, blanks around it, from `at`; NULL if none.
static const char *take_number(const char *at, int32_t *out)
{
    *out = 0;
    at += *at == ' ';
    const char *start = at;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (at - start == 9) {
            return NULL;
        }
        *out = *out * 10 + (*at - '0');
    }
    return at == start ? NULL : at + (*at == ' ');
}

static bool parse_decimal(const char *text, struct dsi_type *out)
{
    const char *at = text;
    if (!dsi_text_starts_with(text, "decimal(")) {
        return false;
    }
    at = take_number(at + strlen("decimal("), &out->precision);
    if (!at || *at != ',') {
        return false;
    }
    at = take_number(at + 1, &out->scale);
    return at && strcmp(at, ")") == 0 && out->precision >= 1 && out->precision <= 38 &&
           out->scale <= out->precision;
}

static bool parse_fixed(const char *text, struct dsi_type *out)
{
    if (!dsi_text_starts_with(text, "fixed[")) {
        return false;
    }
    const char *at = take_number(text + strlen("fixed["), &out->length);
    return at && strcmp(at, "]") == 0 && out->length >= 1;
}

int dsi_type_parse(const char *text, struct dsi_arena *arena, struct dsi_type *out,
                   struct ds_error *err)
{
    struct dsi_type t = {.kind = DSI_TYPE_UNKNOWN};
    bool known = false;

    for (size_t i = 0; i < PLAIN_COUNT && !known; i++) {
        known = strcmp(text, plain_names[i].text) == 0;
        t.kind = plain_names[i].kind;
    }
    if (!known && parse_decimal(text, &t)) {
        t.kind = DSI_TYPE_DECIMAL;
        known = true;
    } else if (!known && parse_fixed(text, &t)) {
        t.kind = DSI_TYPE_FIXED;
        known = true;
    } else if (!known && dsi_text_ends_with(text, ")") &&
               (dsi_text_starts_with(text, "geometry(") ||
                dsi_text_starts_with(text, "geography("))) {
        t.kind = text[3] == 'm' ? DSI_TYPE_GEOMETRY : DSI_TYPE_GEOGRAPHY;
        known = true;
    }
    if (!known) {
        return dsi_fail(err, DS_EINVALID,
                        "no such type: '%.80s' (expected int, long, string, decimal(P,S) "
                        "with P at most 38, fixed[L], …)",
                        text);
    }
    if (t.kind == DSI_TYPE_GEOMETRY || t.kind == DSI_TYPE_GEOGRAPHY) {
        t.text = dsi_arena_strdup(arena, text);
        if (!t.text) {
            return dsi_no_memory(err, "reading a type");
        }
    }
    *out = t;
    return DS_OK;
}

bool dsi_type_promotes(const struct dsi_type *from, const struct dsi_type *to)
{
    if (shell_equal(from, to) && dsi_type_is_primitive(from)) {
        return true;
    }
    switch (from->kind) {
    case DSI_TYPE_INT:
        return to->kind == DSI_TYPE_LONG;
    case DSI_TYPE_FLOAT:
        return to->kind == DSI_TYPE_DOUBLE;
    case DSI_TYPE_DECIMAL:
        return to->kind == DSI_TYPE_DECIMAL && from->scale == to->scale &&
               from->precision <= to->precision;
    case DSI_TYPE_DATE:
        return to->kind == DSI_TYPE_TIMESTAMP || to->kind == DSI_TYPE_TIMESTAMP_NS;
    case DSI_TYPE_UNKNOWN:
        return true;
    default:
        return dsi_type_equal(from, to);
    }
}
