#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "codec/arrow_ipc/ipc_format.h"
#include "codec/arrow_ipc/ipc_layout.h"
#include "codec/arrow_ipc/ipc_schema.h"

enum { PAIRS_MAX = 1 << 16, PAIR_BYTES_MAX = 1 << 28, TYPE_SLOTS_MAX = 3 };

// What dsi_ipc_layout_read counted in the same order.
struct walk {
    struct dsi_flat_writer *w;
    int64_t next_dictionary;
};

// A type as it is to be written: its table's slots, and a text in the slot after them.
struct type {
    enum type_kind kind;
    struct dsi_flat_slot slots[TYPE_SLOTS_MAX];
    size_t count;
    const char *text; // NULL: none.
};

static const struct {
    const char *format;
    struct type is;
} plain[] = {
    {"n", {.kind = TYPE_NULL}},
    {"b", {.kind = TYPE_BOOL}},
    {"c", {TYPE_INT, {{4, 8}, {1, 1}}, 2, NULL}},
    {"C", {TYPE_INT, {{4, 8}, {1, 0}}, 2, NULL}},
    {"s", {TYPE_INT, {{4, 16}, {1, 1}}, 2, NULL}},
    {"S", {TYPE_INT, {{4, 16}, {1, 0}}, 2, NULL}},
    {"i", {TYPE_INT, {{4, 32}, {1, 1}}, 2, NULL}},
    {"I", {TYPE_INT, {{4, 32}, {1, 0}}, 2, NULL}},
    {"l", {TYPE_INT, {{4, 64}, {1, 1}}, 2, NULL}},
    {"L", {TYPE_INT, {{4, 64}, {1, 0}}, 2, NULL}},
    {"e", {TYPE_FLOATING_POINT, {{2, 0}}, 1, NULL}},
    {"f", {TYPE_FLOATING_POINT, {{2, 1}}, 1, NULL}},
    {"g", {TYPE_FLOATING_POINT, {{2, 2}}, 1, NULL}},
    {"z", {.kind = TYPE_BINARY}},
    {"u", {.kind = TYPE_UTF8}},
    {"Z", {.kind = TYPE_LARGE_BINARY}},
    {"U", {.kind = TYPE_LARGE_UTF8}},
    {"vz", {.kind = TYPE_BINARY_VIEW}},
    {"vu", {.kind = TYPE_UTF8_VIEW}},
    {"tdD", {TYPE_DATE, {{2, 0}}, 1, NULL}},
    {"tdm", {TYPE_DATE, {{2, 1}}, 1, NULL}},
    {"tts", {TYPE_TIME, {{2, 0}, {4, 32}}, 2, NULL}},
    {"ttm", {TYPE_TIME, {{2, 1}, {4, 32}}, 2, NULL}},
    {"ttu", {TYPE_TIME, {{2, 2}, {4, 64}}, 2, NULL}},
    {"ttn", {TYPE_TIME, {{2, 3}, {4, 64}}, 2, NULL}},
    {"tDs", {TYPE_DURATION, {{2, 0}}, 1, NULL}},
    {"tDm", {TYPE_DURATION, {{2, 1}}, 1, NULL}},
    {"tDu", {TYPE_DURATION, {{2, 2}}, 1, NULL}},
    {"tDn", {TYPE_DURATION, {{2, 3}}, 1, NULL}},
    {"tiM", {TYPE_INTERVAL, {{2, 0}}, 1, NULL}},
    {"tiD", {TYPE_INTERVAL, {{2, 1}}, 1, NULL}},
    {"tin", {TYPE_INTERVAL, {{2, 2}}, 1, NULL}},
    {"+s", {.kind = TYPE_STRUCT}},
    {"+l", {.kind = TYPE_LIST}},
    {"+L", {.kind = TYPE_LARGE_LIST}},
    {"+vl", {.kind = TYPE_LIST_VIEW}},
    {"+vL", {.kind = TYPE_LARGE_LIST_VIEW}},
    {"+r", {.kind = TYPE_RUN_END_ENCODED}},
};

// "d:19,10,64": the numbers between the commas.
static void decimal_numbers(const char *text, int64_t numbers[3])
{
    numbers[2] = 128;
    for (size_t i = 0; i < 3 && *text; i++) {
        size_t size = strcspn(text, ",");
        if (!dsi_text_to_i64(text, size, &numbers[i])) {
            numbers[i] = 0;
        }
        text += size + (text[size] == ',');
    }
}

static int64_t number_after(const char *format)
{
    const char *text = strchr(format, ':') + 1;
    int64_t n = 0;
    return dsi_text_to_i64(text, strlen(text), &n) ? n : 0;
}

// The format is one that dsi_ipc_layout_read knows.
static struct type type_of(const struct ArrowSchema *s)
{
    static const char units[] = "smun";
    const char *f = s->format;
    int64_t numbers[3] = {0};
    struct type t = {.kind = TYPE_NULL};

    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (strcmp(f, plain[i].format) == 0) {
            return plain[i].is;
        }
    }
    if (strcmp(f, "+m") == 0) {
        bool sorted = (s->flags & ARROW_FLAG_MAP_KEYS_SORTED) != 0;
        t = (struct type){TYPE_MAP, {{1, sorted}}, 1, NULL};
    } else if (strncmp(f, "w:", 2) == 0) {
        t = (struct type){TYPE_FIXED_SIZE_BINARY, {{4, number_after(f)}}, 1, NULL};
    } else if (strncmp(f, "+w:", 3) == 0) {
        t = (struct type){TYPE_FIXED_SIZE_LIST, {{4, number_after(f)}}, 1, NULL};
    } else if (strncmp(f, "d:", 2) == 0) {
        decimal_numbers(f + 2, numbers);
        t = (struct type){
            TYPE_DECIMAL, {{4, numbers[0]}, {4, numbers[1]}, {4, numbers[2]}}, 3, NULL};
    } else if (strncmp(f, "ts", 2) == 0 && f[2] && strchr(units, f[2]) && f[3] == ':') {
        t = (struct type){TYPE_TIMESTAMP, {{2, strchr(units, f[2]) - units}}, 1, NULL};
        t.text = f[4] ? f + 4 : NULL;
    }
    return t;
}

static void put_type(struct dsi_flat_writer *w, const struct type *t, size_t place)
{
    struct dsi_flat_slot slots[TYPE_SLOTS_MAX];
    size_t places[TYPE_SLOTS_MAX];
    size_t count = t->count;

    memcpy(slots, t->slots, sizeof slots);
    if (t->text) {
        assert(count < TYPE_SLOTS_MAX);
        slots[count++] = DSI_FLAT_REF;
    }
    dsi_flat_refer(w, place, dsi_flat_put_table(w, slots, count, places));
    if (t->text) {
        dsi_flat_refer(w, places[count - 1],
                       dsi_flat_put_text(w, dsi_slice_text(t->text)));
    }
}

// One length and its text; false when the length makes no sense.
static bool next_text(const char **at, struct ds_slice *out)
{
    int32_t size = 0;

    memcpy(&size, *at, sizeof size);
    if (size < 0 || size > PAIR_BYTES_MAX) {
        return false;
    }
    *out = (struct ds_slice){(const uint8_t *)*at + sizeof size, (size_t)size};
    *at += sizeof size + (size_t)size;
    return true;
}

static int put_metadata(struct dsi_flat_writer *w, const struct ArrowSchema *s,
                        size_t place)
{
    static const struct dsi_flat_slot slots[PAIR_SLOTS] = {{4, 0}, {4, 0}};
    const char *at = s->metadata + sizeof(int32_t);
    size_t places[PAIR_SLOTS];
    int32_t count = 0;
    size_t first = 0;

    memcpy(&count, s->metadata, sizeof count);
    if (count < 0 || count > PAIRS_MAX) {
        return dsi_fail(w->err, DS_EINVALID, "column %.200s: malformed Arrow metadata",
                        s->name ? s->name : "");
    }
    dsi_flat_refer(w, place, dsi_flat_put_references(w, (size_t)count, &first));
    for (size_t i = 0; i < (size_t)count; i++) {
        struct ds_slice key = {0};
        struct ds_slice value = {0};
        if (!next_text(&at, &key) || !next_text(&at, &value)) {
            return dsi_fail(w->err, DS_EINVALID,
                            "column %.200s: malformed Arrow metadata",
                            s->name ? s->name : "");
        }
        dsi_flat_refer(w, first + 4 * i,
                       dsi_flat_put_table(w, slots, PAIR_SLOTS, places));
        dsi_flat_refer(w, places[PAIR_KEY], dsi_flat_put_text(w, key));
        dsi_flat_refer(w, places[PAIR_VALUE], dsi_flat_put_text(w, value));
    }
    return DS_OK;
}

static void put_dictionary(struct walk *k, const struct ArrowSchema *s, size_t place)
{
    bool ordered = (s->flags & ARROW_FLAG_DICTIONARY_ORDERED) != 0;
    const struct dsi_flat_slot slots[DICTIONARY_SLOTS] = {
        [DICTIONARY_ID] = {8, k->next_dictionary++},
        [DICTIONARY_INDEX_TYPE] = DSI_FLAT_REF,
        [DICTIONARY_ORDERED] = {1, ordered}};
    size_t places[DICTIONARY_SLOTS];
    struct type index = type_of(s);

    dsi_flat_refer(k->w, place,
                   dsi_flat_put_table(k->w, slots, DICTIONARY_SLOTS, places));
    put_type(k->w, &index, places[DICTIONARY_INDEX_TYPE]);
}

static int put_fields(struct walk *k, const struct ArrowSchema *parent, size_t place);

static int put_field(struct walk *k, const struct ArrowSchema *s, size_t place)
{
    const struct ArrowSchema *values = s->dictionary ? s->dictionary : s;
    struct type type = type_of(values);
    const struct dsi_flat_slot slots[FIELD_SLOTS] = {
        [FIELD_NAME] = DSI_FLAT_REF,
        [FIELD_NULLABLE] = {1, (s->flags & ARROW_FLAG_NULLABLE) != 0},
        [FIELD_TYPE_KIND] = {1, type.kind},
        [FIELD_TYPE] = DSI_FLAT_REF,
        [FIELD_DICTIONARY] = {s->dictionary ? 4 : 0, 0},
        [FIELD_CHILDREN] = DSI_FLAT_REF,
        [FIELD_METADATA] = {s->metadata ? 4 : 0, 0},
    };
    size_t places[FIELD_SLOTS];
    int rc = DS_OK;

    dsi_flat_refer(k->w, place, dsi_flat_put_table(k->w, slots, FIELD_SLOTS, places));
    dsi_flat_refer(k->w, places[FIELD_NAME],
                   dsi_flat_put_text(k->w, dsi_slice_text(s->name ? s->name : "")));
    put_type(k->w, &type, places[FIELD_TYPE]);
    if (s->dictionary) {
        put_dictionary(k, s, places[FIELD_DICTIONARY]);
    }
    DSI_TRY(put_fields(k, values, places[FIELD_CHILDREN]));
    if (s->metadata) {
        DSI_TRY(put_metadata(k->w, s, places[FIELD_METADATA]));
    }
done:
    return rc;
}

static int put_fields(struct walk *k, const struct ArrowSchema *parent, size_t place)
{
    size_t first = 0;

    dsi_flat_refer(k->w, place,
                   dsi_flat_put_references(k->w, (size_t)parent->n_children, &first));
    for (size_t i = 0; i < (size_t)parent->n_children; i++) {
        int rc = put_field(k, parent->children[i], first + 4 * i);
        if (rc < 0) {
            return rc;
        }
    }
    return k->w->rc;
}

int dsi_ipc_schema_write(const struct ArrowSchema *schema, struct dsi_flat_writer *w,
                         size_t place)
{
    const struct dsi_flat_slot slots[SCHEMA_SLOTS] = {
        [SCHEMA_FIELDS] = DSI_FLAT_REF,
        [SCHEMA_METADATA] = {schema->metadata ? 4 : 0, 0},
    };
    struct walk k = {.w = w};
    size_t places[SCHEMA_SLOTS];
    int rc = DS_OK;

    dsi_flat_refer(w, place, dsi_flat_put_table(w, slots, SCHEMA_SLOTS, places));
    DSI_TRY(put_fields(&k, schema, places[SCHEMA_FIELDS]));
    if (schema->metadata) {
        DSI_TRY(put_metadata(w, schema, places[SCHEMA_METADATA]));
    }
    rc = w->rc;
done:
    return rc;
}
