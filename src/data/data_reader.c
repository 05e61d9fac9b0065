// Reading a data file: the rows of a projection that pass, row group by row group.
//
// (1) One row group's chosen chunks are held at a time, and what a batch took.
// (2) A row group is left out by what its statistics, its Bloom filters and its pages'
//     indexes prove, cheapest first, before any of its values is fetched.
#include <assert.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/pool.h"
#include "data/column_layout.h"
#include "data/data_pass.h"
#include "data/data_probe.h"
#include "data/data_schema.h"

enum { BATCH_ROWS_DEFAULT = 65536, BATCH_BYTES_DEFAULT = 64 << 20 };

struct dsi_data_reader {
    struct dsi_data_reader_options options;
    struct dsi_arena arena;
    struct ds_file *file;
    struct dsi_parquet_file parquet;
    struct dsi_data_columns columns;
    int64_t first_row; // Of the file: what this part is to read.
    int64_t end_row;
    size_t next_group;
    int64_t next_base; // Its first row.
    bool begun;        // A row group is being read.
    struct dsi_arena group_arena;
    struct dsi_data_pass pass;
    struct dsi_data_reader_stats stats;
    bool failed;
};

static void end_group(struct dsi_data_reader *r)
{
    dsi_data_columns_end(&r->columns);
    dsi_arena_release(&r->group_arena);
    r->begun = false;
}

void dsi_data_reader_close(struct dsi_data_reader *r)
{
    if (!r) {
        return;
    }
    end_group(r);
    dsi_data_pass_release(&r->pass);
    dsi_data_columns_release(&r->columns);
    dsi_parquet_file_release(&r->parquet);
    dsi_file_close(r->file);
    dsi_arena_release(&r->arena);
    dsi_free(r);
    dsi_pool_end();
}

static int open_file(struct dsi_data_reader *r, struct ds_error *err)
{
    static const char *const names[] = {"Parquet", "Avro", "ORC", "Puffin"};
    const struct dsi_data_file *file = r->options.file;
    int rc = DS_OK;

    if (file->format != DSI_FORMAT_PARQUET) {
        return dsi_fail(err, DS_EUNSUPPORTED, "data files in %s are not read yet",
                        names[file->format]);
    }
    DSI_TRY(dsi_file_open(r->options.storage, file->path, &r->file, err));
    DSI_TRY(dsi_data_footer_read(r->file, &r->parquet, err));
done:
    return rc;
}

// Whether a reader can begin in the middle of a row group without decoding what comes
// before: the rows of a list's pages are known by an index only.
static bool can_cut(const struct dsi_parquet_file *f,
                    const struct dsi_parquet_row_group *g)
{
    for (size_t i = 0; i < f->leaf_count; i++) {
        if (f->leaves[i]->max_rep > 0 && g->columns[i].offset_index_size <= 0) {
            return false;
        }
    }
    return true;
}

// Where part `part` of `count` begins: at about its share of the rows, but at the border
// of a row group where one is near, or has to be. The same for everybody who asks.
static int64_t part_begin(const struct dsi_parquet_file *f, uint32_t part, uint32_t count)
{
    int64_t share = f->row_count / count;
    int64_t row = share * part + f->row_count % count * part / count;
    int64_t base = 0;

    if (part == count) {
        return f->row_count;
    }
    for (size_t i = 0; i < f->row_group_count && base <= row; i++) {
        int64_t end = base + f->row_groups[i].row_count;
        int64_t near = can_cut(f, &f->row_groups[i]) ? share / 4 : (end - base) / 2;
        if (row - base <= near) {
            return base;
        }
        if (row < end && end - row <= near) {
            return end;
        }
        base = end;
    }
    return row;
}

// Where rows are wide, fewer of them make a batch: what does not fit the caches, and the
// pool, is slower and needs more memory. What was asked for beyond the default is kept
// to.
static int64_t narrow(const struct dsi_schema *schema, int64_t rows)
{
    enum { BATCH_BYTES = 16 << 20, OTHER_BYTES = 24, ROWS_MIN = 4096 };
    int64_t width = 1;

    for (size_t i = 0; i < schema->root.field_count; i++) {
        size_t fixed = dsi_layout_width(&schema->root.fields[i].type);
        width += fixed > 0 && fixed < BATCH_BYTES ? (int64_t)fixed : OTHER_BYTES;
    }
    int64_t fit = BATCH_BYTES / width > ROWS_MIN ? BATCH_BYTES / width : ROWS_MIN;
    return rows > BATCH_ROWS_DEFAULT || rows < fit ? rows : fit;
}

static void fill_options(struct dsi_data_reader *r)
{
    if (r->options.batch_rows_max <= 0 ||
        r->options.batch_rows_max > DSI_BATCH_ROWS_MAX) {
        r->options.batch_rows_max = BATCH_ROWS_DEFAULT;
    }
    r->options.batch_rows_max = narrow(r->options.schema, r->options.batch_rows_max);
    if (r->options.batch_bytes_max == 0) {
        r->options.batch_bytes_max = BATCH_BYTES_DEFAULT;
    }
    if (r->options.part_count == 0) {
        r->options.part_count = 1;
        r->options.part = 0;
    }
    assert(r->options.part < r->options.part_count);
}

int dsi_data_reader_open(const struct dsi_data_reader_options *options,
                         struct dsi_data_reader **out, struct ds_error *err)
{
    struct dsi_data_reader *r = dsi_calloc(1, sizeof *r);
    uint32_t part = 0;
    int rc = DS_OK;

    *out = NULL;
    if (!r) {
        return dsi_no_memory(err, "making a data file reader");
    }
    dsi_pool_begin(); // Until dsi_data_reader_close.
    r->options = *options;
    fill_options(r);
    DSI_TRY(open_file(r, err));
    DSI_TRY(dsi_data_columns_init(&r->columns, &r->options, r->file, &r->parquet,
                                  &r->arena, err));
    part = r->options.part;
    r->first_row = part_begin(&r->parquet, part, r->options.part_count);
    r->end_row = part_begin(&r->parquet, part + 1, r->options.part_count);
    r->pass.options = &r->options;
    r->pass.columns = &r->columns;
    *out = r;
    r = NULL;
done:
    dsi_data_reader_close(r);
    return rc < 0 ? dsi_wrap_file(err, rc, "reading", options->file->path) : rc;
}

// Which rows of the row group at hand may pass (2); none: `out` is empty.
static int choose_rows(struct dsi_data_reader *r, struct dsi_row_range all,
                       struct dsi_row_ranges *out, struct ds_error *err)
{
    const struct dsi_data_filter *filter = r->options.filter;
    int64_t rows = r->columns.group->row_count;
    struct dsi_column_metrics *metrics = NULL;
    enum dsi_match m = DSI_MATCH_ALL;
    int rc = DS_OK;

    if (filter) {
        DSI_TRY(dsi_data_columns_metrics(&r->columns, r->columns.group, &r->group_arena,
                                         &metrics, err));
        m = filter->match(filter->arg, rows, metrics, r->columns.count);
    }
    if (m == DSI_MATCH_SOME) {
        DSI_TRY(dsi_data_probe(&r->columns, filter, &m, err));
    }
    *out = (struct dsi_row_ranges){0};
    if (m == DSI_MATCH_SOME) {
        DSI_TRY(dsi_data_select(&r->columns, filter, metrics, all, &r->group_arena, out,
                                err));
    } else if (m == DSI_MATCH_ALL) {
        all.sure = true;
        out->items = dsi_arena_alloc(&r->group_arena, sizeof all);
        if (!out->items) {
            return dsi_no_memory(err, "choosing rows");
        }
        out->items[out->count++] = all;
    }
done:
    return rc;
}

// The row group after this one will be wanted too, as far as anybody can tell before its
// statistics have been looked at.
static void expect_next(struct dsi_data_reader *r)
{
    if (!r->options.filter && r->next_group < r->parquet.row_group_count &&
        r->next_base < r->end_row) {
        dsi_data_columns_expect(&r->columns, &r->parquet.row_groups[r->next_group]);
    }
}

// Begins the next row group that has rows which may pass; none left: `begun` is false.
static int begin_group(struct dsi_data_reader *r, struct ds_error *err)
{
    int rc = DS_OK;

    while (!r->begun && r->next_group < r->parquet.row_group_count) {
        const struct dsi_parquet_row_group *g = &r->parquet.row_groups[r->next_group++];
        int64_t base = r->next_base;
        struct dsi_row_range all = {0, g->row_count, false};
        struct dsi_row_ranges ranges = {0};
        r->next_base += g->row_count;
        all.first = r->first_row > base ? r->first_row - base : 0;
        all.end = r->end_row - base < all.end ? r->end_row - base : all.end;
        if (all.first >= all.end) {
            continue;
        }
        dsi_data_columns_begin(&r->columns, g, base);
        DSI_TRY(choose_rows(r, all, &ranges, err));
        r->begun = ranges.count > 0;
        r->stats.pages_skipped += ranges.pages_skipped;
        if (all.first == 0) { // Each row group is counted by one part.
            *(r->begun ? &r->stats.groups_read : &r->stats.groups_skipped) += 1;
        }
        if (r->begun) {
            dsi_data_columns_choose(&r->columns, ranges);
            dsi_data_pass_begin(&r->pass, ranges);
            expect_next(r);
        } else {
            end_group(r);
        }
    }
done:
    return rc;
}

int dsi_data_reader_next(struct dsi_data_reader *r, struct dsi_batch *out,
                         struct ds_error *err)
{
    int rc = DS_OK;

    *out = (struct dsi_batch){0};
    if (r->failed) {
        return dsi_fail(err, DS_EINVALID, "reading %s: it has failed before",
                        r->options.file->path);
    }
    for (;;) {
        DSI_TRY(begin_group(r, err));
        if (!r->begun) {
            return DS_OK;
        }
        DSI_TRY(dsi_data_pass_next(&r->pass, out, err));
        if (rc == DS_ROW) {
            return rc;
        }
        end_group(r);
    }
done:
    r->failed = true;
    return dsi_wrap_file(err, rc, "reading", r->options.file->path);
}

void dsi_data_reader_stats(const struct dsi_data_reader *r,
                           struct dsi_data_reader_stats *out)
{
    *out = r->stats;
    out->rows_read = r->pass.rows_read;
    out->rows_late = r->pass.rows_late;
    out->bytes_read = r->columns.io.bytes_read;
    out->reads = r->columns.io.reads;
}
