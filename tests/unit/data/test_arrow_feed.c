#include "data/arrow_feed.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/fault.h"
#include "unit/data/producer.h"

// A stream of one array, which counts when it is let go.
struct one {
    struct ArrowArray array;
    struct ArrowArray given; // What is behind the array that was given.
    int released;
    bool failing;
};

static void release_one(struct ArrowArray *a)
{
    struct one *o = a->private_data;
    o->released++;
    o->given.release(&o->given);
    a->release = NULL;
}

static int next_one(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    struct one *o = s->private_data;
    if (o->failing) {
        return 5;
    }
    *out = o->array;
    o->array.release = NULL;
    return 0;
}

static const char *why(struct ArrowArrayStream *s)
{
    (void)s;
    return "out of paper";
}

static void release_stream(struct ArrowArrayStream *s)
{
    s->release = NULL;
}

static struct ArrowArrayStream stream_of(struct one *o)
{
    return (struct ArrowArrayStream){.get_next = next_one,
                                     .get_last_error = why,
                                     .release = release_stream,
                                     .private_data = o};
}

// The rows of a batch from `skip` on, as an array that begins there. Takes the batch.
static void offer(struct one *o, struct dsi_batch *b, int64_t skip)
{
    *o = (struct one){0};
    assert_int_equal(dsi_arrow_export_batch(b, &o->given, NULL), DS_OK);
    o->array = o->given;
    o->array.offset = skip;
    o->array.length -= skip;
    o->array.private_data = o;
    o->array.release = release_one;
}

// The same ones each time.
static struct dsi_batch many_rows(const struct dsi_schema *schema, int64_t rows)
{
    struct rows_random random = {7};
    struct dsi_batch b;
    assert_int_equal(rows_make(&random, schema, rows, &b, NULL), DS_OK);
    return b;
}

static struct dsi_schema few_columns(struct dsi_field *fields)
{
    fields[0] = (struct dsi_field){.id = 1, .name = "n", .type.kind = DSI_TYPE_LONG};
    fields[1] = (struct dsi_field){.id = 2, .name = "s", .type.kind = DSI_TYPE_STRING};
    fields[2] = (struct dsi_field){.id = 3, .name = "b", .type.kind = DSI_TYPE_BOOLEAN};
    return rows_schema(fields, 3);
}

// Reads all of `o`, and compares with the rows of `b` from `skip` on. How many batches.
static int read_all(struct one *o, const struct dsi_schema *schema,
                    const struct dsi_batch *b, int64_t skip, struct ds_error *err)
{
    struct ArrowArrayStream stream = stream_of(o);
    struct ArrowSchema arrow = {0};
    struct dsi_arrow_import *im = NULL;
    struct dsi_batch batch = {0};
    int64_t at = skip;
    int pieces = 0;
    int rc = DS_OK;

    assert_int_equal(dsi_arrow_schema_write(schema, &arrow, NULL), DS_OK);
    assert_int_equal(dsi_arrow_import_new(&arrow, schema, &im, NULL), DS_OK);
    struct dsi_arrow_feed feed = dsi_arrow_feed_open(&stream, &arrow, im);
    while ((rc = dsi_arrow_feed_next(&feed, &batch, err)) == DS_ROW) {
        assert_int_equal(feed.rows, at - skip + batch.rows);
        for (int64_t i = 0; i < batch.rows; i++) {
            rows_assert_same(&batch, i, b, at + i);
        }
        at += batch.rows;
        pieces++;
        dsi_batch_release(&batch);
    }
    dsi_arrow_feed_close(&feed);
    dsi_arrow_import_free(im);
    arrow.release(&arrow);
    if (rc == DS_OK) {
        assert_int_equal(at, b->rows);
    }
    return rc < 0 ? rc : pieces;
}

static void test_arrow_feed__cuts_what_is_large(void **state)
{
    static const struct {
        int64_t rows;
        int64_t skip;
        int pieces;
    } cases[] = {
        {10, 0, 1},
        {2 * DSI_ARROW_FEED_ROWS, 0, 1},
        {2 * DSI_ARROW_FEED_ROWS + 2, 0, 3},
        {2 * DSI_ARROW_FEED_ROWS + 5, 5, 1},
        {3 * DSI_ARROW_FEED_ROWS + 7, 7, 3},
        {40 * DSI_ARROW_FEED_ROWS, 1, 16},
    };
    struct dsi_field fields[3];
    struct dsi_schema schema = few_columns(fields);
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dsi_batch b = many_rows(&schema, cases[i].rows);
        struct dsi_batch same = many_rows(&schema, cases[i].rows);
        struct ds_error err = {0};
        struct one o;
        offer(&o, &same, cases[i].skip);
        int pieces = read_all(&o, &schema, &b, cases[i].skip, &err);
        if (pieces != cases[i].pieces) {
            fail_msg("case %zu: %d pieces: %s", i, pieces, err.message);
        }
        assert_int_equal(o.released, 1);
        dsi_batch_release(&b);
    }
}

static void test_arrow_feed__lets_go_of_what_nobody_took(void **state)
{
    struct dsi_field fields[3];
    struct dsi_schema schema = few_columns(fields);
    struct dsi_batch b = many_rows(&schema, 3 * DSI_ARROW_FEED_ROWS);
    struct dsi_arrow_import *im = NULL;
    struct ArrowSchema arrow = {0};
    struct dsi_batch piece;
    struct one o;
    (void)state;

    assert_int_equal(dsi_arrow_schema_write(&schema, &arrow, NULL), DS_OK);
    assert_int_equal(dsi_arrow_import_new(&arrow, &schema, &im, NULL), DS_OK);
    struct dsi_batch same = many_rows(&schema, b.rows);
    offer(&o, &same, 0);
    struct ArrowArrayStream stream = stream_of(&o);
    struct dsi_arrow_feed feed = dsi_arrow_feed_open(&stream, &arrow, im);
    assert_int_equal(dsi_arrow_feed_next(&feed, &piece, NULL), DS_ROW);
    dsi_arrow_feed_close(&feed);
    assert_int_equal(o.released, 0); // The piece still needs it.
    rows_assert_same(&piece, DSI_ARROW_FEED_ROWS - 1, &b, DSI_ARROW_FEED_ROWS - 1);
    dsi_batch_release(&piece);
    assert_int_equal(o.released, 1);
    dsi_arrow_feed_close(&feed);
    dsi_arrow_import_free(im);
    arrow.release(&arrow);
    dsi_batch_release(&b);
}

static void test_arrow_feed__passes_on_what_the_producer_said(void **state)
{
    struct dsi_field fields[3];
    struct dsi_schema schema = few_columns(fields);
    struct dsi_batch none = {0};
    struct one o = {.failing = true};
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(read_all(&o, &schema, &none, 0, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "out of paper"));
}

// A row that does not fit is named by its place in the whole stream.
static void test_arrow_feed__numbers_rows_from_the_first(void **state)
{
    enum { BAD = 2 * DSI_ARROW_FEED_ROWS + 100, ROWS = 3 * DSI_ARROW_FEED_ROWS };
    struct dsi_field field = {.id = 1, .name = "c", .type.kind = DSI_TYPE_STRING};
    struct dsi_schema schema = rows_schema(&field, 1);
    int32_t *offsets = calloc(ROWS + 1, sizeof *offsets);
    struct dsi_arrow_import *im = NULL;
    struct dsi_batch piece;
    struct ds_error err = {0};
    struct producer p;
    int rc = DS_ROW;
    (void)state;

    assert_non_null(offsets);
    for (int i = BAD + 1; i <= ROWS; i++) {
        offsets[i] = 1; // One byte, of one row.
    }
    producer_init(&p, "u", ROWS, 3, offsets, "\xff");
    p.array.length = ROWS;
    struct one o = {.array = p.array};
    struct ArrowArrayStream stream = stream_of(&o);
    assert_int_equal(dsi_arrow_import_new(&p.schema, &schema, &im, NULL), DS_OK);
    struct dsi_arrow_feed feed = dsi_arrow_feed_open(&stream, &p.schema, im);
    for (int i = 0; rc == DS_ROW; i++) {
        rc = dsi_arrow_feed_next(&feed, &piece, &err);
        if (rc != (i < 2 ? DS_ROW : DS_EINVALID)) {
            fail_msg("piece %d: %d: %s", i, rc, err.message);
        }
        dsi_batch_release(&piece);
    }
    dsi_arrow_feed_close(&feed);
    char number[32];
    snprintf(number, sizeof number, "row %d", (int)BAD);
    if (!strstr(err.message, number)) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(p.released, 1);
    dsi_arrow_import_free(im);
    free(offsets);
}

static void test_arrow_feed__releases_once_whatever_fails(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct dsi_field fields[3];
    struct dsi_schema schema = few_columns(fields);
    struct dsi_arrow_import *im = NULL;
    struct ArrowSchema arrow = {0};
    struct one o;
    (void)state;

    assert_int_equal(dsi_arrow_schema_write(&schema, &arrow, NULL), DS_OK);
    assert_int_equal(dsi_arrow_import_new(&arrow, &schema, &im, NULL), DS_OK);
    for (;;) {
        struct dsi_batch b = many_rows(&schema, 3 * DSI_ARROW_FEED_ROWS);
        offer(&o, &b, 0);
        if (!dsi_fault_next(&plan)) {
            break;
        }
        struct ArrowArrayStream stream = stream_of(&o);
        struct dsi_arrow_feed feed = dsi_arrow_feed_open(&stream, &arrow, im);
        struct ds_error err = {0};
        struct dsi_batch piece;
        int rc = DS_OK;
        while ((rc = dsi_arrow_feed_next(&feed, &piece, &err)) == DS_ROW) {
            dsi_batch_release(&piece);
        }
        dsi_arrow_feed_close(&feed);
        dsi_fault_stop();
        assert_true(rc == DS_OK || err.message[0] != '\0');
        assert_int_equal(o.released, 1);
    }
    assert_true(plan.target > 3);
    o.array.release(&o.array);
    dsi_arrow_import_free(im);
    arrow.release(&arrow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrow_feed__cuts_what_is_large),
        cmocka_unit_test(test_arrow_feed__lets_go_of_what_nobody_took),
        cmocka_unit_test(test_arrow_feed__passes_on_what_the_producer_said),
        cmocka_unit_test(test_arrow_feed__numbers_rows_from_the_first),
        cmocka_unit_test(test_arrow_feed__releases_once_whatever_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
