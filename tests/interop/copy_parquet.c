// Reads a Parquet file and writes its rows again, nested ones too: what other
// implementations compare with the original, see test_parquet_peers.py.
//
// usage: copy_parquet FROM TO ROWS_PER_BATCH CODEC [ENCODING]
// Each column has a Bloom filter in the copy. CODEC is the number in codec/compress.
// ENCODING is "all" (any encoding may be chosen), or one that every column is to have, if
// it can, without a dictionary: "plain", "delta", "prefix", "split".
#include "base/alloc.h"
#include "codec/parquet/parquet_read.h"
#include "codec/parquet/parquet_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAVES_MAX = 256, FIELDS_MAX = 1024 };

struct copy {
    struct dsi_buf bytes;
    struct dsi_parquet_file file;
    struct dsi_parquet_field fields[FIELDS_MAX];
    size_t field_count;
    dsi_parquet_reader *readers[LEAVES_MAX];
    struct dsi_parquet_column columns[LEAVES_MAX];
    struct dsi_parquet_input inputs[LEAVES_MAX];
    struct dsi_parquet_leaf_options leaves[LEAVES_MAX];
    dsi_parquet_writer *writer;
    size_t batch;
};

static int load(const char *path, struct dsi_buf *out, struct ds_error *err)
{
    uint8_t bytes[65536];
    size_t n = 0;
    int rc = DS_OK;
    FILE *f = fopen(path, "rb");

    if (!f) {
        perror(path);
        return DS_EIO;
    }
    while (rc == DS_OK && (n = fread(bytes, 1, sizeof bytes, f)) > 0) {
        rc = dsi_buf_append(out, bytes, n, err);
    }
    fclose(f);
    return rc;
}

static int sink(void *arg, struct ds_slice bytes, struct ds_error *err)
{
    (void)err;
    return fwrite(bytes.data, 1, bytes.size, arg) == bytes.size ? DS_OK : DS_EIO;
}

// The fields below a node, depth first.
static void add_fields(struct copy *c, const struct dsi_parquet_node *parent)
{
    const struct dsi_parquet_node *n = parent->first_child;

    for (; n && c->field_count < FIELDS_MAX; n = n->next) {
        c->fields[c->field_count++] = n->field;
        add_fields(c, n);
    }
}

static int parse(struct copy *c, struct ds_error *err)
{
    struct ds_slice b = dsi_buf_slice(&c->bytes);
    size_t size = 0;
    int rc = b.size < DSI_PARQUET_FILE_SIZE_MIN ? DS_ECORRUPT : DS_OK;

    if (rc == DS_OK) {
        rc = dsi_parquet_footer_size(b.data + b.size - DSI_PARQUET_TAIL_SIZE,
                                     (int64_t)b.size, &size, err);
    }
    if (rc == DS_OK) {
        struct ds_slice footer = {b.data + b.size - size, size};
        rc = dsi_parquet_file_parse(footer, (int64_t)b.size, &c->file, err);
    }
    if (rc == DS_OK) {
        add_fields(c, c->file.root);
    }
    return rc == DS_OK &&
                   (c->file.leaf_count > LEAVES_MAX || c->field_count == FIELDS_MAX)
               ? DS_EUNSUPPORTED
               : rc;
}

static int copy_batch(struct copy *c, size_t *rows, struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; rc == DS_OK && i < c->file.leaf_count; i++) {
        struct dsi_parquet_column *k = &c->columns[i];
        const struct dsi_parquet_node *leaf = c->file.leaves[i];
        bool bytes = leaf->field.physical == DSI_PARQUET_BYTE_ARRAY;
        bool nested = leaf->parent != c->file.root;
        dsi_parquet_column_release(k);
        rc = dsi_parquet_reader_read(c->readers[i], c->batch, k, rows, err);
        c->inputs[i] = (struct dsi_parquet_input){
            .validity = !nested && k->null_count > 0 ? k->validity.data : NULL,
            .defs = nested ? k->defs.data : NULL,
            .reps = leaf->max_rep > 0 ? k->reps.data : NULL,
            .slots = k->slots,
            .values = bytes ? NULL : k->values.data,
            .offsets = bytes ? k->values.data : NULL,
            .bytes = k->bytes.data};
    }
    if (rc == DS_OK && *rows > 0) {
        rc = dsi_parquet_writer_write(c->writer, c->inputs, *rows, err);
    }
    return rc;
}

static int copy_group(struct copy *c, const struct dsi_parquet_row_group *g,
                      struct ds_error *err)
{
    static const struct dsi_parquet_read_options levels = {.keep_levels = true};
    size_t rows = c->file.leaf_count > 0;
    int rc = DS_OK;

    for (size_t i = 0; rc == DS_OK && i < c->file.leaf_count; i++) {
        struct ds_slice bytes = {c->bytes.data + g->columns[i].offset,
                                 (size_t)g->columns[i].size};
        dsi_parquet_reader_free(c->readers[i]);
        rc = dsi_parquet_reader_new(c->file.leaves[i], &g->columns[i], bytes, &levels,
                                    &c->readers[i], err);
    }
    while (rc == DS_OK && rows > 0) {
        rc = copy_batch(c, &rows, err);
    }
    return rc;
}

static void set_encoding(struct copy *c, const char *name,
                         struct dsi_parquet_write_options *o)
{
    static const struct {
        const char *name;
        enum dsi_parquet_encode encode;
    } names[] = {{"plain", DSI_PARQUET_ENCODE_PLAIN},
                 {"delta", DSI_PARQUET_ENCODE_DELTA},
                 {"prefix", DSI_PARQUET_ENCODE_DELTA_PREFIX},
                 {"split", DSI_PARQUET_ENCODE_SPLIT}};

    if (strcmp(name, "all") == 0) {
        o->choice = DSI_PARQUET_CHOICE_ALL;
        return;
    }
    o->no_dictionary = true;
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        for (size_t i = 0; i < LEAVES_MAX && strcmp(name, names[n].name) == 0; i++) {
            c->leaves[i].encode = names[n].encode;
        }
    }
}

int main(int argc, char **argv)
{
    static struct copy c;
    struct ds_error err = {0};
    int rc = DS_EINVALID;
    FILE *to = argc == 5 || argc == 6 ? fopen(argv[2], "wb") : NULL;

    if (!to) {
        fprintf(stderr, "usage: copy_parquet FROM TO ROWS_PER_BATCH CODEC [ENCODING]\n");
        return 2;
    }
    c.batch = strtoul(argv[3], NULL, 10);
    struct dsi_parquet_write_options o = {
        .codec = (enum dsi_compression)strtol(argv[4], NULL, 10), .row_group_rows = 5000};
    for (size_t i = 0; i < LEAVES_MAX; i++) {
        c.leaves[i].bloom_filter = true;
    }
    o.leaves = c.leaves;
    if (argc == 6) {
        set_encoding(&c, argv[5], &o);
    }
    rc = load(argv[1], &c.bytes, &err);
    rc = rc < 0 ? rc : parse(&c, &err);
    rc = rc < 0 ? rc
                : dsi_parquet_writer_new(c.fields, c.field_count, &o, &c.writer, &err);
    if (rc == DS_OK) {
        dsi_parquet_writer_output(c.writer, sink, to);
    }
    for (size_t g = 0; rc == DS_OK && g < c.file.row_group_count; g++) {
        rc = copy_group(&c, &c.file.row_groups[g], &err);
    }
    rc = rc < 0 ? rc : dsi_parquet_writer_finish(c.writer, NULL, &err);
    for (size_t i = 0; i < LEAVES_MAX; i++) {
        dsi_parquet_reader_free(c.readers[i]);
        dsi_parquet_column_release(&c.columns[i]);
    }
    dsi_parquet_writer_free(c.writer);
    dsi_parquet_file_release(&c.file);
    dsi_buf_release(&c.bytes);
    if (rc < 0) {
        fprintf(stderr, "copy_parquet: %s\n", err.message);
    }
    return fclose(to) == 0 && rc == DS_OK ? 0 : 1;
}
