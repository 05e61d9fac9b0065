#include "data/data_metrics.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "data/data_schema.h"
#include "data/data_write_options.h"

#define DEFAULT_KEY "write.metadata.metrics.default"
#define COLUMN_KEY "write.metadata.metrics.column."
#define INFERRED_KEY "write.metadata.metrics.max-inferred-column-defaults"

enum { TRUNCATE_DEFAULT = 16, INFERRED_DEFAULT = 100 };

// "truncate(16)": the length, or 0.
static int32_t truncate_length(const char *text)
{
    size_t size = strlen(text);
    int64_t n = 0;

    if (!dsi_text_starts_with(text, "truncate(") || text[size - 1] != ')' ||
        !dsi_text_to_i64(text + 9, size - 10, &n) || n < 1 || n > INT32_MAX) {
        return 0;
    }
    return (int32_t)n;
}

static int parse_mode(const char *key, const char *text, struct dsi_metrics_mode *out,
                      struct ds_error *err)
{
    *out = (struct dsi_metrics_mode){DSI_METRICS_TRUNCATE, truncate_length(text)};
    if (dsi_text_equal_nocase(text, "none")) {
        out->kind = DSI_METRICS_NONE;
    } else if (dsi_text_equal_nocase(text, "counts")) {
        out->kind = DSI_METRICS_COUNTS;
    } else if (dsi_text_equal_nocase(text, "full")) {
        out->kind = DSI_METRICS_FULL;
    } else if (out->length == 0) {
        return dsi_fail(err, DS_EINVALID,
                        "property %s is '%s', expected none, counts, truncate(N) or full",
                        key, text);
    }
    return DS_OK;
}

static bool is_sorted_by(const struct dsi_metadata *m, int32_t order_id, int32_t field_id)
{
    for (size_t i = 0; i < m->sort_order_count; i++) {
        const struct dsi_sort_order *o = &m->sort_orders[i];
        for (size_t k = 0; o->order_id == order_id && k < o->field_count; k++) {
            if (o->fields[k].source_id == field_id) {
                return true;
            }
        }
    }
    return false;
}

// The mode of one column: its own property, or the table's default; what a table is
// sorted by is worth bounds either way.
// `out` comes with that default, and `name` is NULL where no column has a property.
static int column_mode(const struct dsi_metadata *m, const struct dsi_stored_leaf *leaf,
                       const char *name, int32_t sort_order_id, struct dsi_arena *arena,
                       struct dsi_metrics_mode *out, struct ds_error *err)
{
    if (name) {
        const char *key =
            dsi_arena_join(arena, (const char *const[]){COLUMN_KEY, name}, 2);
        if (!key) {
            return dsi_no_memory(err, "reading the metrics properties");
        }
        const char *text = dsi_metadata_property(m, key);
        if (text) {
            return parse_mode(key, text, out, err);
        }
    }
    if ((out->kind == DSI_METRICS_NONE || out->kind == DSI_METRICS_COUNTS) &&
        is_sorted_by(m, sort_order_id, leaf->field->id)) {
        *out = (struct dsi_metrics_mode){DSI_METRICS_TRUNCATE, TRUNCATE_DEFAULT};
    }
    return DS_OK;
}

struct modes {
    const struct dsi_metadata *m;
    const struct dsi_stored *stored;
    int32_t sort_order_id;
    struct dsi_arena *arena;
    bool said; // Of some column.
    struct dsi_metrics_mode fallback;
    int64_t left; // Columns that still get the fallback.
    struct dsi_metrics_mode *out;
    struct ds_error *err;
};

static bool is_variant(const struct modes *s, const struct dsi_stored_node *n)
{
    return n->kind == DSI_STORED_GROUP && n->children[0].kind == DSI_STORED_LEAF &&
           s->stored->leaves[n->children[0].leaf].field->type.kind == DSI_TYPE_VARIANT;
}

// The mode of a column: of one leaf, or of the two of a variant.
static int set_mode(struct modes *s, const struct dsi_stored_node *n)
{
    const struct dsi_stored_node *leaf = n->kind == DSI_STORED_LEAF ? n : &n->children[0];
    struct dsi_metrics_mode mode = s->fallback;
    int rc = DS_OK;

    if (s->left <= 0) {
        mode = (struct dsi_metrics_mode){DSI_METRICS_NONE, 0};
    }
    s->left--;
    if (s->m) {
        DSI_TRY(column_mode(s->m, &s->stored->leaves[leaf->leaf],
                            s->said ? n->name : NULL, s->sort_order_id, s->arena, &mode,
                            s->err));
    }
    s->out[leaf->leaf] = mode;
    if (leaf != n) {
        s->out[n->children[1].leaf] = mode;
    }
done:
    return rc;
}

// Columns come before what is inside of their neighbours: so Iceberg's own writers count
// those for which a default is inferred.
static int set_modes(struct modes *s, const struct dsi_stored_node *nodes, size_t count)
{
    int rc = DS_OK;

    for (size_t i = 0; i < count; i++) {
        if (nodes[i].kind == DSI_STORED_LEAF || is_variant(s, &nodes[i])) {
            DSI_TRY(set_mode(s, &nodes[i]));
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (nodes[i].kind != DSI_STORED_LEAF && !is_variant(s, &nodes[i])) {
            DSI_TRY(set_modes(s, nodes[i].children, nodes[i].child_count));
        }
    }
done:
    return rc;
}

int dsi_metrics_modes(const struct dsi_metadata *m, const struct dsi_stored *stored,
                      int32_t sort_order_id, struct dsi_arena *arena,
                      struct dsi_metrics_mode **out, struct ds_error *err)
{
    struct modes s = {.m = m,
                      .stored = stored,
                      .sort_order_id = sort_order_id,
                      .arena = arena,
                      .said = m && dsi_data_is_said_of_columns(m, COLUMN_KEY),
                      .fallback = {DSI_METRICS_TRUNCATE, TRUNCATE_DEFAULT},
                      .left = m ? INFERRED_DEFAULT : INT64_MAX,
                      .out = dsi_arena_array(arena, stored->leaf_count, sizeof *s.out),
                      .err = err};
    const char *text = m ? dsi_metadata_property(m, DEFAULT_KEY) : NULL;
    int rc = DS_OK;

    if (!s.out) {
        return dsi_no_memory(err, "reading the metrics properties");
    }
    if (text) {
        DSI_TRY(parse_mode(DEFAULT_KEY, text, &s.fallback, err));
        s.left = INT64_MAX;
    } else if (m) {
        DSI_TRY(dsi_metadata_property_i64(m, INFERRED_KEY, INFERRED_DEFAULT, 0, &s.left,
                                          err));
    }
    DSI_TRY(set_modes(&s, stored->roots, stored->root_count));
    *out = s.out;
done:
    return rc;
}

// An integer of the file in the unit and width that the type has.
static bool int_value(const struct dsi_parquet_field *f, const struct dsi_type *t,
                      int64_t v, struct dsi_value *out)
{
    enum dsi_parquet_unit unit = f->logical.unit;

    switch (t->kind) {
    case DSI_TYPE_INT:
    case DSI_TYPE_DATE:
        out->as.i32 = (int32_t)v;
        return v == out->as.i32;
    case DSI_TYPE_DECIMAL:
        out->as.decimal = v;
        return dsi_int128_fits(v, t->precision);
    case DSI_TYPE_LONG:
        out->as.i64 = f->physical == DSI_PARQUET_INT32 &&
                              f->logical.kind == DSI_PARQUET_LOGICAL_INTEGER &&
                              !f->logical.is_signed
                          ? (int64_t)(uint32_t)v
                          : v;
        return true;
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        out->as.i64 = v;
        return unit == DSI_PARQUET_NANOS;
    default: // TIME, TIMESTAMP, TIMESTAMPTZ: microseconds.
        if (unit == DSI_PARQUET_MILLIS &&
            (v > INT64_MAX / 1000 || v < INT64_MIN / 1000)) {
            return false;
        }
        out->as.i64 = unit == DSI_PARQUET_MILLIS  ? v * 1000
                      : unit == DSI_PARQUET_NANOS ? dsi_floor_div(v, 1000)
                                                  : v;
        return t->kind != DSI_TYPE_TIME ||
               (out->as.i64 >= 0 && out->as.i64 < INT64_C(86400000000));
    }
}

bool dsi_metrics_value(const struct dsi_parquet_field *f, const struct dsi_type *from,
                       const struct dsi_parquet_value *v, struct dsi_value *out)
{
    *out = (struct dsi_value){.kind = from->kind};
    switch (v->physical) {
    case DSI_PARQUET_BOOLEAN:
        out->as.boolean = v->as.boolean;
        return from->kind == DSI_TYPE_BOOLEAN;
    case DSI_PARQUET_INT32:
        return int_value(f, from, v->as.i32, out);
    case DSI_PARQUET_INT64:
        return int_value(f, from, v->as.i64, out);
    case DSI_PARQUET_FLOAT:
        out->as.f32 = v->as.f32;
        return from->kind == DSI_TYPE_FLOAT;
    case DSI_PARQUET_DOUBLE:
        out->as.f64 = v->as.f64;
        return from->kind == DSI_TYPE_DOUBLE;
    case DSI_PARQUET_INT96:
        return false;
    default:
        if (from->kind == DSI_TYPE_DECIMAL) {
            return dsi_int128_from_be(v->as.bytes.data, v->as.bytes.size,
                                      &out->as.decimal) &&
                   dsi_int128_fits(out->as.decimal, from->precision);
        }
        out->as.bytes = v->as.bytes;
        return from->kind != DSI_TYPE_FLOAT; // A half float's order is not its bytes'.
    }
}

static int put_bytes(const struct dsi_value *v, struct dsi_arena *arena,
                     struct ds_slice *out, struct ds_error *err)
{
    struct dsi_buf b = DSI_BUF_INIT;
    int rc = dsi_value_to_bytes(v, &b, err);
    if (rc == DS_OK && dsi_arena_copy(arena, dsi_buf_slice(&b), out) < 0) {
        rc = dsi_no_memory(err, "keeping the bounds of a column");
    }
    dsi_buf_release(&b);
    return rc;
}

static struct dsi_column_metrics nothing_known(int32_t field_id)
{
    return (struct dsi_column_metrics){.field_id = field_id,
                                       .column_size = -1,
                                       .value_count = -1,
                                       .null_count = -1,
                                       .nan_count = -1};
}

int dsi_metrics_put_bounds(const struct dsi_metrics_mode *mode,
                           const struct dsi_value *low, const struct dsi_value *high,
                           struct dsi_arena *arena, struct dsi_column_metrics *out,
                           struct ds_error *err)
{
    struct dsi_value l = *low;
    struct dsi_value h = *high;
    bool has_high = true;
    int rc = DS_OK;

    if (mode->kind == DSI_METRICS_NONE || mode->kind == DSI_METRICS_COUNTS) {
        return DS_OK;
    }
    if (mode->kind == DSI_METRICS_TRUNCATE) {
        DSI_TRY(dsi_value_truncate_lower(&l, mode->length, arena, &l, err));
        DSI_TRY(dsi_value_truncate_upper(&h, mode->length, arena, &h, &has_high, err));
    }
    DSI_TRY(put_bytes(&l, arena, &out->lower, err));
    if (has_high) {
        DSI_TRY(put_bytes(&h, arena, &out->upper, err));
    }
done:
    return rc;
}

int dsi_metrics_of_summary(const struct dsi_metrics_source *from, struct dsi_arena *arena,
                           struct dsi_column_metrics *out, struct ds_error *err)
{
    const struct dsi_field *field = from->leaf->field;
    const struct dsi_parquet_field *stored = from->leaf->node->stored;
    const struct dsi_parquet_column_summary *summary = from->summary;
    struct dsi_metrics_mode mode = from->mode;
    struct dsi_value low = {0};
    struct dsi_value high = {0};
    bool floating =
        field->type.kind == DSI_TYPE_FLOAT || field->type.kind == DSI_TYPE_DOUBLE;
    int rc = DS_OK;

    *out = nothing_known(field->id);
    out->column_size = summary->compressed_size;
    if (mode.kind == DSI_METRICS_NONE || from->leaf->in_list) {
        return DS_OK;
    }
    out->value_count = summary->value_count;
    out->null_count = summary->null_count;
    out->nan_count = floating ? summary->nan_count : -1;
    if (mode.kind == DSI_METRICS_COUNTS || !summary->has_bounds ||
        field->type.kind == DSI_TYPE_VARIANT ||
        !dsi_metrics_value(stored, &field->type, &summary->min, &low) ||
        !dsi_metrics_value(stored, &field->type, &summary->max, &high)) {
        return DS_OK;
    }
    DSI_TRY(dsi_metrics_put_bounds(&mode, &low, &high, arena, out, err));
done:
    return rc < 0 ? dsi_wrap(err, rc, "the metrics of column %s", from->leaf->node->name)
                  : rc;
}

// One bound of a chunk, promoted to the type it is read as; *out stays absent when the
// bytes say nothing sensible.
static int chunk_bound(const struct dsi_field *field, const struct dsi_parquet_node *leaf,
                       struct ds_slice plain, struct dsi_arena *arena,
                       struct ds_slice *out, struct ds_error *err)
{
    struct dsi_type from;
    struct dsi_parquet_value pv;
    struct dsi_value v;

    if (dsi_data_leaf_type(leaf, &from, NULL) < 0 ||
        dsi_parquet_value_read(&leaf->field, plain, &pv, NULL) < 0 ||
        !dsi_metrics_value(&leaf->field, &from, &pv, &v)) {
        return DS_OK;
    }
    // A string's bytes bound it whatever type the file gave them.
    bool bytes =
        field->type.kind == DSI_TYPE_STRING || field->type.kind == DSI_TYPE_BINARY;
    if (v.kind != field->type.kind && !bytes &&
        dsi_value_cast(&v, &from, &field->type, &v, NULL) < 0) {
        return DS_OK;
    }
    v.kind = field->type.kind;
    return dsi_value_is_nan(&v) ? DS_OK : put_bytes(&v, arena, out, err);
}

int dsi_metrics_of_chunk(const struct dsi_field *field,
                         const struct dsi_parquet_node *leaf,
                         const struct dsi_parquet_chunk *chunk, struct dsi_arena *arena,
                         struct dsi_column_metrics *out, struct ds_error *err)
{
    const struct dsi_parquet_statistics *s = &chunk->statistics;
    int rc = DS_OK;

    *out = nothing_known(field->id);
    out->column_size = chunk->size;
    out->value_count = chunk->value_count;
    out->null_count = s->null_count;
    out->nan_count = s->nan_count;
    if (s->has_min) {
        DSI_TRY(chunk_bound(field, leaf, s->min, arena, &out->lower, err));
    }
    if (s->has_max) {
        DSI_TRY(chunk_bound(field, leaf, s->max, arena, &out->upper, err));
    }
done:
    return rc;
}

int dsi_metrics_of_constant(const struct dsi_field *field, const struct dsi_value *v,
                            int64_t rows, struct dsi_arena *arena,
                            struct dsi_column_metrics *out, struct ds_error *err)
{
    int rc = DS_OK;

    *out = nothing_known(field->id);
    out->column_size = 0;
    out->value_count = rows;
    out->null_count = v->null ? rows : 0;
    out->nan_count = !v->null && dsi_value_is_nan(v) ? rows : 0;
    if (!v->null && out->nan_count == 0) {
        DSI_TRY(put_bytes(v, arena, &out->lower, err));
        out->upper = out->lower;
    }
done:
    return rc;
}
