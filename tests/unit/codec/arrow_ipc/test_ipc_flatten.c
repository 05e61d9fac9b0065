#include "base/fault.h"
#include "codec/arrow_ipc/ipc_flatten.h"
#include "unit/codec/arrow_ipc/ipc_sample.h"

static void test_ipc_flatten__writes_buffers_as_they_are(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_ipc_flat f = {0};
    struct dsi_ipc_layout l;
    struct dsi_ipc_piece p;
    struct sample s;
    (void)state;

    sample_all(&s);
    assert_int_equal(dsi_ipc_layout_read(&s.schema, &arena, &l, NULL), DS_OK);
    dsi_ipc_flat_clear(&f);
    assert_int_equal(
        dsi_ipc_flatten(&f, &l.root.children[0], s.array.children[0], 0, 4, NULL), DS_OK);
    assert_int_equal(f.nodes.size, 16);
    assert_int_equal(dsi_flat_read_int(f.nodes.data, 8), 4);
    assert_int_equal(dsi_flat_read_int(f.nodes.data + 8, 8), 1);
    assert_int_equal(f.buffers.size, 32);
    assert_int_equal(f.body_size, 128); // A bitmap and four ints, padded.
    memcpy(&p, f.pieces.data + sizeof p, sizeof p);
    assert_ptr_equal(p.bytes, s.array.children[0]->buffers[1]);
    assert_int_equal(p.size, 16);
    dsi_ipc_flat_release(&f);
    dsi_arena_release(&arena);
}

static void test_ipc_flatten__counts_the_nulls_of_a_part(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_ipc_flat f = {0};
    struct dsi_ipc_layout l;
    struct sample s;
    (void)state;

    sample_all(&s);
    s.array.children[0]->null_count = -1;
    assert_int_equal(dsi_ipc_layout_read(&s.schema, &arena, &l, NULL), DS_OK);
    for (int64_t from = 0; from < 4; from++) {
        dsi_ipc_flat_clear(&f);
        assert_int_equal(dsi_ipc_flatten(&f, &l.root.children[0], s.array.children[0],
                                         from, 4 - from, NULL),
                         DS_OK);
        assert_int_equal(dsi_flat_read_int(f.nodes.data + 8, 8), from < 3);
    }
    dsi_ipc_flat_release(&f);
    dsi_arena_release(&arena);
}

// What a careless producer may hand over: each is refused with a reason, none is written.
static void test_ipc_flatten__refuses_arrays_that_make_no_sense(void **state)
{
    static const int32_t down[] = {0, 3, 2, 4, 5};
    static const int32_t negative[] = {-1, 3, 3, 4, 5};
    static const int16_t flat[] = {1, 1, 4};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_ipc_flat f = {0};
    struct dsi_ipc_layout l;
    (void)state;

    for (int lie = 0; lie < 18; lie++) {
        struct sample s;
        struct ds_error err = {0};
        size_t column = 0;
        sample_all(&s);
        struct ArrowArray *a = s.array.children[0];
        struct ArrowArray *text = s.array.children[2];
        struct ArrowArray *view = s.array.children[6];
        struct ArrowArray *list = s.array.children[7];
        struct ArrowArray *runs = s.array.children[11];
        int32_t bad_view[16] = {0};
        switch (lie) {
        case 0:
            a->release = NULL;
            break;
        case 1:
            a->length = -1;
            break;
        case 2:
            a->offset = -1;
            break;
        case 3:
            a->length = 3;
            break;
        case 4:
            a->n_buffers = 1;
            break;
        case 5:
            a->buffers = NULL;
            break;
        case 6:
            a->buffers[1] = NULL;
            break;
        case 7:
            a->null_count = 5;
            break;
        case 8:
            a->buffers[0] = NULL;
            break;
        case 9:
            a->n_children = 1;
            break;
        case 10:
            column = 2;
            text->buffers[1] = down;
            break;
        case 11:
            column = 2;
            text->buffers[1] = negative;
            break;
        case 12:
            column = 2;
            text->buffers[2] = NULL;
            break;
        case 13:
            column = 6;
            bad_view[0] = 13;
            bad_view[2] = 1;
            view->buffers[1] = bad_view;
            break;
        case 14:
            column = 7;
            list->children[0]->length = 4;
            break;
        case 15:
            column = 7;
            list->children[0] = NULL;
            break;
        case 16:
            column = 11;
            runs->children[0]->buffers[1] = flat;
            break;
        default:
            column = 12;
            s.array.children[12]->dictionary = NULL;
            break;
        }
        assert_int_equal(dsi_ipc_layout_read(&s.schema, &arena, &l, NULL), DS_OK);
        dsi_ipc_flat_clear(&f);
        int rc = dsi_ipc_flatten(&f, &l.root.children[column], s.array.children[column],
                                 0, 4, &err);
        if (rc != DS_EINVALID) {
            fail_msg("lie %d: %d", lie, rc);
        }
        assert_non_null(strstr(err.message, l.root.children[column].name));
    }
    dsi_ipc_flat_release(&f);
    dsi_arena_release(&arena);
}

static void test_ipc_flatten__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_ipc_layout l;
    struct sample s;
    (void)state;

    sample_all(&s);
    assert_int_equal(dsi_ipc_layout_read(&s.schema, &arena, &l, NULL), DS_OK);
    while (dsi_fault_next(&plan)) {
        struct dsi_ipc_flat f = {.codec = DSI_COMPRESSION_ZSTD,
                                 .level = DSI_COMPRESSION_LEVEL_DEFAULT};
        struct ds_error err = {0};
        int rc = DS_OK;
        dsi_ipc_flat_clear(&f);
        for (size_t i = 0; rc == DS_OK && i < s.column_count; i++) {
            rc =
                dsi_ipc_flatten(&f, &l.root.children[i], s.array.children[i], 1, 2, &err);
        }
        dsi_fault_stop();
        assert_true(rc == DS_OK || (rc == DS_ENOMEM && err.message[0] != '\0'));
        dsi_ipc_flat_release(&f);
    }
    assert_true(plan.target > 5);
    dsi_arena_release(&arena);
}

static int stop_faults(void **state)
{
    (void)state;
    dsi_fault_stop();
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipc_flatten__writes_buffers_as_they_are),
        cmocka_unit_test(test_ipc_flatten__counts_the_nulls_of_a_part),
        cmocka_unit_test(test_ipc_flatten__refuses_arrays_that_make_no_sense),
        cmocka_unit_test_teardown(test_ipc_flatten__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("ipc_flatten", tests, NULL, NULL);
}
