#include "codec/avro/avro_value.h"

#include <assert.h>

#include "base/error.h"

int dsi_avro_branch_slow(const struct dsi_avro_type *t, struct ds_slice *in,
                         const struct dsi_avro_type **out, struct ds_error *err)
{
    struct ds_slice rest = *in;
    int64_t branch = 0;
    int rc = dsi_avro_long(&rest, &branch, err);

    if (rc < 0) {
        return rc;
    }
    if (branch < 0 || (uint64_t)branch >= t->branch_count) {
        return dsi_corrupt(err, "avro: branch %lld of a union of %zu", (long long)branch,
                           t->branch_count);
    }
    *in = rest;
    *out = t->branches[branch];
    return DS_OK;
}

static int skip(const struct dsi_avro_type *t, struct ds_slice *in, int depth,
                struct ds_error *err);

static int skip_enum(const struct dsi_avro_type *t, struct ds_slice *in,
                     struct ds_error *err)
{
    int64_t symbol = 0;
    int rc = dsi_avro_long(in, &symbol, err);

    if (rc == DS_OK && (symbol < 0 || (uint64_t)symbol >= t->symbol_count)) {
        return dsi_corrupt(err, "avro: symbol %lld of an enum of %zu", (long long)symbol,
                           t->symbol_count);
    }
    return rc;
}

static int skip_items(const struct dsi_avro_type *t, struct ds_slice *in, int depth,
                      struct ds_error *err)
{
    bool map = t->kind == DSI_AVRO_MAP;
    struct ds_slice key = {NULL, 0};
    int64_t count = 0;
    int64_t size = 0;
    bool nothing = t->items->size_min == 0 && !map;
    int rc = DS_OK;

    for (;;) { // Each round takes a head of at least one byte.
        DSI_TRY(dsi_avro_block(in, t->items->size_min + map, &count, &size, err));
        if (count == 0) {
            return DS_OK;
        }
        if (size >= 0) {
            in->data += size;
            in->size -= (size_t)size;
            continue;
        }
        for (int64_t i = 0; i < count && !nothing; i++) {
            if (map) {
                DSI_TRY(dsi_avro_bytes(in, &key, err));
            }
            DSI_TRY(skip(t->items, in, depth - 1, err));
        }
    }
done:
    return rc;
}

static int skip_inner(const struct dsi_avro_type *t, struct ds_slice *in, int depth,
                      struct ds_error *err)
{
    const struct dsi_avro_type *branch = NULL;
    int rc = DS_OK;

    if (depth == 0) {
        return dsi_corrupt(err, "avro: values nested more than %d deep",
                           DSI_AVRO_DEPTH_MAX);
    }
    if (t->kind == DSI_AVRO_RECORD) {
        for (size_t i = 0; i < t->field_count; i++) {
            DSI_TRY(skip(t->fields[i].type, in, depth - 1, err));
        }
    } else if (t->kind == DSI_AVRO_UNION) {
        DSI_TRY(dsi_avro_branch(t, in, &branch, err));
        DSI_TRY(skip(branch, in, depth - 1, err));
    } else {
        DSI_TRY(skip_items(t, in, depth, err));
    }
done:
    return rc;
}

// Recursion is bounded by `depth`.
static int skip(const struct dsi_avro_type *t, struct ds_slice *in, int depth,
                struct ds_error *err)
{
    struct ds_slice bytes = {NULL, 0};
    int64_t number = 0;
    int32_t small = 0;
    bool truth = false;

    assert(t);
    if (t->size_min == 0) { // Also keeps many names for nothing from taking time.
        return DS_OK;
    }
    switch (t->kind) {
    case DSI_AVRO_NULL:
        return DS_OK;
    case DSI_AVRO_BOOLEAN:
        return dsi_avro_boolean(in, &truth, err);
    case DSI_AVRO_INT:
        return dsi_avro_int(in, &small, err);
    case DSI_AVRO_LONG:
        return dsi_avro_long(in, &number, err);
    case DSI_AVRO_FLOAT:
        return dsi_avro_fixed(in, 4, &bytes, err);
    case DSI_AVRO_DOUBLE:
        return dsi_avro_fixed(in, 8, &bytes, err);
    case DSI_AVRO_BYTES:
    case DSI_AVRO_STRING:
        return dsi_avro_bytes(in, &bytes, err);
    case DSI_AVRO_FIXED:
        return dsi_avro_fixed(in, t->size, &bytes, err);
    case DSI_AVRO_ENUM:
        return skip_enum(t, in, err);
    case DSI_AVRO_RECORD:
    case DSI_AVRO_ARRAY:
    case DSI_AVRO_MAP:
    case DSI_AVRO_UNION:
        return skip_inner(t, in, depth, err);
    }
    return dsi_fail(err, DS_EBUG, "avro: a type of no kind");
}

int dsi_avro_skip(const struct dsi_avro_type *t, struct ds_slice *in,
                  struct ds_error *err)
{
    struct ds_slice rest = *in;
    int rc = skip(t, &rest, DSI_AVRO_DEPTH_MAX, err);

    if (rc == DS_OK) {
        assert(in->size - rest.size >= t->size_min);
        *in = rest;
    }
    return rc;
}
