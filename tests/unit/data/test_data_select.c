#include "data/data_select.h"

#include "base/fault.h"
#include "unit/data/passing.h"

enum { ROWS = 1000, PAGE = 100 };

static int choose(struct passing *p, const struct passing_filter *f,
                  struct dsi_row_range all, struct dsi_arena *arena,
                  struct dsi_row_ranges *out, struct ds_error *err)
{
    struct dsi_data_filter filter = passing_of(f);
    struct dsi_data_reader_options options = {
        .storage = p->storage, .file = &p->file, .schema = &p->schema, .filter = &filter};
    struct dsi_column_metrics *metrics = NULL;
    struct passing_open o;
    int rc = passing_open(p, &options, &o, err);

    if (rc == DS_OK) {
        assert_int_equal(o.parquet.row_group_count, 1);
        dsi_data_columns_begin(&o.columns, &o.parquet.row_groups[0], 0);
        rc = dsi_data_columns_metrics(&o.columns, &o.parquet.row_groups[0], arena,
                                      &metrics, err);
    }
    if (rc == DS_OK) {
        rc = dsi_data_select(&o.columns, &filter, metrics, all, arena, out, err);
    }
    passing_close(&o);
    return rc;
}

static void test_data_select__leaves_out_pages_by_their_bounds(void **state)
{
    struct dsi_row_range all = {0, ROWS, false};
    struct dsi_row_ranges r;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct passing p;
    (void)state;

    passing_init(&p, 1, ROWS, NULL, "100");
    struct passing_filter f = {250, 520, 500};
    assert_int_equal(choose(&p, &f, all, &arena, &r, NULL), DS_OK);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.items[0].first, 200);
    assert_int_equal(r.items[0].end, 600);
    assert_false(r.items[0].sure);
    assert_int_equal(r.pages_skipped, 6);

    f.per_mille = 1000; // Whole pages pass then.
    assert_int_equal(choose(&p, &f, all, &arena, &r, NULL), DS_OK);
    assert_int_equal(r.count, 3);
    assert_int_equal(r.items[1].first, 300);
    assert_int_equal(r.items[1].end, 500);
    assert_true(r.items[1].sure && !r.items[0].sure && !r.items[2].sure);

    all = (struct dsi_row_range){350, 430, false}; // A part of the group.
    assert_int_equal(choose(&p, &f, all, &arena, &r, NULL), DS_OK);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.items[0].first, 350);
    assert_int_equal(r.items[0].end, 430);
    assert_true(r.items[0].sure);

    f = (struct passing_filter){2000, 3000, 1000};
    assert_int_equal(choose(&p, &f, all, &arena, &r, NULL), DS_OK);
    assert_int_equal(r.count, 0);
    dsi_arena_release(&arena);
    passing_release(&p);
}

// Whatever becomes of the index, no row that passes is lost while the file's bytes stay
// what they are: a broken index is none.
static void test_data_select__does_without_an_index_that_is_broken(void **state)
{
    struct dsi_row_range all = {0, ROWS, false};
    struct passing_filter f = {250, 520, 1000};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct dsi_row_ranges r;
    struct passing_open o;
    struct passing p;
    (void)state;

    passing_init(&p, 1, ROWS, NULL, "100");
    struct dsi_data_reader_options options = {
        .storage = p.storage, .file = &p.file, .schema = &p.schema};
    assert_int_equal(passing_open(&p, &options, &o, NULL), DS_OK);
    const struct dsi_parquet_chunk *chunk = &o.parquet.row_groups[0].columns[0];
    assert_true(chunk->offset_index_offset > 0 && chunk->column_index_offset > 0);
    size_t at[] = {(size_t)chunk->offset_index_offset,
                   (size_t)chunk->column_index_offset};
    passing_close(&o);
    assert_int_equal(dsi_storage_read(p.storage, p.file.path, &bytes, NULL), DS_OK);
    for (size_t i = 0; i < 2; i++) {
        uint8_t kept = bytes.data[at[i]];
        bytes.data[at[i]] = 0xff;
        assert_int_equal(
            dsi_storage_put(p.storage, p.file.path, dsi_buf_slice(&bytes), 0, NULL),
            DS_OK);
        assert_int_equal(choose(&p, &f, all, &arena, &r, NULL), DS_OK);
        assert_int_equal(r.count, 1);
        assert_int_equal(r.items[0].first, 0);
        assert_int_equal(r.items[0].end, ROWS);
        bytes.data[at[i]] = kept;
    }
    dsi_buf_release(&bytes);
    dsi_arena_release(&arena);
    passing_release(&p);
}

static void test_data_select__survives_every_fault(void **state)
{
    struct dsi_row_range all = {0, ROWS, false};
    struct passing_filter f = {250, 520, 1000};
    struct dsi_fault_plan plan = {0};
    struct passing p;
    (void)state;

    passing_init(&p, 1, ROWS, NULL, "100");
    while (dsi_fault_next(&plan)) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_row_ranges r = {0};
        struct ds_error err = {0};
        int rc = choose(&p, &f, all, &arena, &r, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK || err.message[0] != '\0');
        assert_int_equal(rc < 0, plan.name != NULL);
        assert_true(rc < 0 || r.count == 3);
        dsi_arena_release(&arena);
    }
    passing_release(&p);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_select__leaves_out_pages_by_their_bounds),
        cmocka_unit_test(test_data_select__does_without_an_index_that_is_broken),
        cmocka_unit_test(test_data_select__survives_every_fault),
    };
    return cmocka_run_group_tests_name("data_select", tests, NULL, NULL);
}
