#include "data/data_write_options.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define BLOOM "write.parquet.bloom-filter-enabled.column."
#define BLOOM_FPP "write.parquet.bloom-filter-fpp.column."
#define BLOOM_NDV "write.parquet.bloom-filter-ndv.column."
#define BLOOM_BYTES "write.parquet.bloom-filter-max-bytes"
#define DICTIONARY "write.parquet.dict-enabled"
#define DICTIONARY_COLUMN "write.parquet.dict-enabled.column."
#define ENCODING_COLUMN "write.parquet.encoding.column."
#define ENCODINGS "write.parquet.encodings"

// Where a table does not say how large row groups are (docs/decisions/015).
#define ROW_GROUP_EARLY ((size_t)2 << 20)

static int read_codec(const struct dsi_metadata *m, struct dsi_parquet_write_options *out,
                      struct ds_error *err)
{
    static const struct {
        const char *name;
        enum dsi_compression codec;
        bool has_level;
    } codecs[] = {
        {"zstd", DSI_COMPRESSION_ZSTD, true},
        {"gzip", DSI_COMPRESSION_GZIP, true},
        {"brotli", DSI_COMPRESSION_BROTLI, true},
        {"snappy", DSI_COMPRESSION_SNAPPY, false},
        {"lz4_raw", DSI_COMPRESSION_LZ4_RAW, false},
        {"uncompressed", DSI_COMPRESSION_NONE, false},
    };
    const char *text = dsi_metadata_property(m, "write.parquet.compression-codec");
    const char *level = dsi_metadata_property(m, "write.parquet.compression-level");
    int64_t n = 0;

    out->codec = DSI_COMPRESSION_GZIP; // What Java takes when a table does not say.
    bool has_level = true;
    bool known = !text;
    for (size_t i = 0; !known && i < sizeof codecs / sizeof codecs[0]; i++) {
        if (dsi_text_equal_nocase(text, codecs[i].name)) {
            out->codec = codecs[i].codec;
            has_level = codecs[i].has_level;
            known = true;
        }
    }
    if (!known) {
        return dsi_fail(
            err, DS_EUNSUPPORTED,
            "property write.parquet.compression-codec is '%s', expected zstd, "
            "gzip, brotli, snappy, lz4_raw or uncompressed",
            text);
    }
    if (level) {
        if (!dsi_text_to_i64(level, strlen(level), &n) || n < -100 || n > 100) {
            return dsi_fail(
                err, DS_EINVALID,
                "property write.parquet.compression-level is '%s', expected a "
                "small number",
                level);
        }
        out->has_level = has_level;
        out->level = (int)n;
    }
    return DS_OK;
}

static int read_sizes(const struct dsi_metadata *m, struct dsi_parquet_write_options *out,
                      struct ds_error *err)
{
    static const struct {
        const char *key;
        int64_t fallback;
    } sizes[] = {
        {"write.parquet.row-group-size-bytes", 128 << 20},
        {"write.parquet.page-size-bytes", 1 << 20},
        {"write.parquet.page-row-limit", 20000},
        {"write.parquet.dict-size-bytes", 2 << 20},
    };
    const bool own_group = m && dsi_metadata_property(m, sizes[0].key);
    int64_t n[4] = {0};
    int rc = DS_OK;

    for (size_t i = 0; i < 4; i++) {
        n[i] = sizes[i].fallback;
        if (m) {
            DSI_TRY(dsi_metadata_property_i64(m, sizes[i].key, sizes[i].fallback, 1,
                                              &n[i], err));
        }
    }
    out->row_group_bytes = (size_t)n[0];
    out->row_group_early = own_group ? 0 : ROW_GROUP_EARLY;
    out->page_bytes = (size_t)n[1];
    out->page_rows = (size_t)n[2];
    out->dictionary_bytes = (size_t)n[3];
done:
    return rc;
}

static int read_encoding(const char *key, const char *text, enum dsi_parquet_encode *out,
                         struct ds_error *err)
{
    static const struct {
        const char *name;
        enum dsi_parquet_encode encode;
    } encodings[] = {
        {"auto", DSI_PARQUET_ENCODE_AUTO},
        {"plain", DSI_PARQUET_ENCODE_PLAIN},
        {"delta", DSI_PARQUET_ENCODE_DELTA},
        {"delta-prefix", DSI_PARQUET_ENCODE_DELTA_PREFIX},
        {"split", DSI_PARQUET_ENCODE_SPLIT},
    };

    for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++) {
        if (dsi_text_equal_nocase(text, encodings[i].name)) {
            *out = encodings[i].encode;
            return DS_OK;
        }
    }
    return dsi_fail(err, DS_EINVALID,
                    "property %s is '%s', expected auto, plain, delta, delta-prefix or "
                    "split",
                    key, text);
}

static int read_choice(const struct dsi_metadata *m,
                       struct dsi_parquet_write_options *out, struct ds_error *err)
{
    static const struct {
        const char *name;
        enum dsi_parquet_choice choice;
    } choices[] = {
        {"common", DSI_PARQUET_CHOICE_COMMON},
        {"plain", DSI_PARQUET_CHOICE_PLAIN},
        {"all", DSI_PARQUET_CHOICE_ALL},
    };
    const char *text = dsi_metadata_property(m, ENCODINGS);

    for (size_t i = 0; text && i < sizeof choices / sizeof choices[0]; i++) {
        if (dsi_text_equal_nocase(text, choices[i].name)) {
            out->choice = choices[i].choice;
            return DS_OK;
        }
    }
    return text
               ? dsi_fail(err, DS_EINVALID,
                          "property " ENCODINGS " is '%s', expected common, plain or all",
                          text)
               : DS_OK;
}

bool dsi_data_is_said_of_columns(const struct dsi_metadata *m, const char *prefix)
{
    for (size_t i = 0; i < m->property_count; i++) {
        if (dsi_text_starts_with(m->properties[i].key, prefix)) {
            return true;
        }
    }
    return false;
}

// What is said of some column at least.
struct said {
    bool bloom;
    bool dictionary;
    bool encoding;
};

// What is being read of one column: its name at the end of a key.
struct column {
    const struct dsi_metadata *m;
    const char *name;
    struct dsi_arena *arena;
    struct dsi_parquet_leaf_options *out;
    struct ds_error *err;
};

static int make_key(const struct column *c, const char *prefix, const char **out)
{
    *out = dsi_arena_join(c->arena, (const char *const[]){prefix, c->name}, 2);
    return *out ? DS_OK : dsi_no_memory(c->err, "reading the write properties");
}

static int read_bloom(const struct column *c)
{
    const char *key = NULL;
    const char *text = NULL;
    int rc = DS_OK;

    DSI_TRY(make_key(c, BLOOM, &key));
    DSI_TRY(dsi_metadata_property_bool(c->m, key, false, &c->out->bloom_filter, c->err));
    if (!c->out->bloom_filter) {
        return DS_OK;
    }
    DSI_TRY(make_key(c, BLOOM_NDV, &key));
    DSI_TRY(dsi_metadata_property_i64(c->m, key, 0, 0, &c->out->bloom_distinct, c->err));
    DSI_TRY(make_key(c, BLOOM_FPP, &key));
    text = dsi_metadata_property(c->m, key);
    if (text) {
        if (!dsi_text_to_f64(text, strlen(text), &c->out->bloom_fpp) ||
            !(c->out->bloom_fpp > 0 && c->out->bloom_fpp < 1)) {
            return dsi_fail(c->err, DS_EINVALID,
                            "property %s is '%s', expected a rate between 0 and 1", key,
                            text);
        }
    }
done:
    return rc;
}

static int read_column(const struct column *c, const struct said *said, bool dictionary,
                       size_t bloom_bytes)
{
    const char *key = NULL;
    const char *text = NULL;
    int rc = DS_OK;

    c->out->bloom_bytes_max = bloom_bytes;
    if (said->bloom) {
        DSI_TRY(read_bloom(c));
    }
    if (said->dictionary) {
        DSI_TRY(make_key(c, DICTIONARY_COLUMN, &key));
        DSI_TRY(dsi_metadata_property_bool(c->m, key, dictionary, &dictionary, c->err));
    }
    c->out->no_dictionary = !dictionary;
    if (said->encoding) {
        DSI_TRY(make_key(c, ENCODING_COLUMN, &key));
        text = dsi_metadata_property(c->m, key);
    }
    if (text) {
        DSI_TRY(read_encoding(key, text, &c->out->encode, c->err));
    }
done:
    return rc;
}

static int read_columns(const struct dsi_metadata *m, const struct dsi_stored *stored,
                        struct dsi_arena *arena, struct dsi_parquet_write_options *out,
                        struct ds_error *err)
{
    struct dsi_parquet_leaf_options *leaves =
        dsi_arena_array(arena, stored->leaf_count, sizeof *leaves);
    const struct said said = {dsi_data_is_said_of_columns(m, BLOOM),
                              dsi_data_is_said_of_columns(m, DICTIONARY_COLUMN),
                              dsi_data_is_said_of_columns(m, ENCODING_COLUMN)};
    bool dictionary = true;
    int64_t bloom_bytes = 0;
    int rc = DS_OK;

    if (!leaves) {
        return dsi_no_memory(err, "reading the write properties");
    }
    DSI_TRY(dsi_metadata_property_bool(m, DICTIONARY, true, &dictionary, err));
    DSI_TRY(dsi_metadata_property_i64(m, BLOOM_BYTES, 1 << 20, 1, &bloom_bytes, err));
    for (size_t i = 0; i < stored->leaf_count; i++) {
        struct column c = {m, stored->leaves[i].node->name, arena, &leaves[i], err};
        DSI_TRY(read_column(&c, &said, dictionary, (size_t)bloom_bytes));
    }
    out->leaves = leaves;
done:
    return rc;
}

static const struct dsi_stored_leaf *leaf_of(const struct dsi_stored *stored, int32_t id)
{
    for (size_t i = 0; i < stored->leaf_count; i++) {
        const struct dsi_stored_leaf *leaf = &stored->leaves[i];
        if (leaf->field->id == id && leaf->field->type.kind != DSI_TYPE_VARIANT) {
            return leaf;
        }
    }
    return NULL;
}

// Floats are left out: formats and engines differ in where NaN belongs.
static bool orders_alike(const struct dsi_sort_field *f,
                         const struct dsi_stored_leaf *leaf)
{
    enum dsi_type_kind kind = leaf ? leaf->field->type.kind : DSI_TYPE_FLOAT;

    return f->transform.kind == DSI_TRANSFORM_IDENTITY && kind != DSI_TYPE_FLOAT &&
           kind != DSI_TYPE_DOUBLE && kind != DSI_TYPE_GEOMETRY &&
           kind != DSI_TYPE_GEOGRAPHY && !leaf->in_list;
}

static int read_sorting(const struct dsi_metadata *m, const struct dsi_stored *stored,
                        int32_t sort_order_id, struct dsi_arena *arena,
                        struct dsi_parquet_write_options *out, struct ds_error *err)
{
    const struct dsi_sort_order *order = NULL;
    struct dsi_parquet_sorting *sorting = NULL;

    for (size_t i = 0; i < m->sort_order_count; i++) {
        order = m->sort_orders[i].order_id == sort_order_id ? &m->sort_orders[i] : order;
    }
    if (!order || sort_order_id == 0) {
        return DS_OK;
    }
    sorting = dsi_arena_array(arena, order->field_count, sizeof *sorting);
    if (!sorting) {
        return dsi_no_memory(err, "reading the sort order");
    }
    out->sorting = sorting;
    for (size_t i = 0; i < order->field_count; i++) {
        const struct dsi_sort_field *f = &order->fields[i];
        const struct dsi_stored_leaf *leaf = leaf_of(stored, f->source_id);
        if (!orders_alike(f, leaf)) {
            break;
        }
        sorting[out->sorting_count++] =
            (struct dsi_parquet_sorting){.leaf = leaf->node->leaf,
                                         .descending = f->descending,
                                         .nulls_first = !f->nulls_last};
    }
    return DS_OK;
}

int dsi_data_write_options(const struct dsi_metadata *m, const struct dsi_stored *stored,
                           int32_t sort_order_id, struct dsi_arena *arena,
                           struct dsi_parquet_write_options *out, struct ds_error *err)
{
    int rc = DS_OK;

    *out = (struct dsi_parquet_write_options){.codec = DSI_COMPRESSION_ZSTD};
    DSI_TRY(read_sizes(m, out, err));
    if (m) {
        DSI_TRY(read_codec(m, out, err));
        DSI_TRY(read_choice(m, out, err));
        DSI_TRY(read_columns(m, stored, arena, out, err));
        DSI_TRY(read_sorting(m, stored, sort_order_id, arena, out, err));
    }
done:
    return rc;
}
