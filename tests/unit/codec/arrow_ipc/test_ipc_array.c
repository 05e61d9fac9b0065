#include "base/fault.h"
#include "codec/arrow_ipc/ipc_array.h"
#include "unit/codec/arrow_ipc/ipc_sample.h"

// A struct of one int32 column over memory of its own, four values.
static int make(struct ArrowArray *out, struct ds_error *err)
{
    static const int32_t values[] = {10, 20, 30, 40};
    struct dsi_buf b = DSI_BUF_INIT;
    struct dsi_ipc_memory *m = NULL;
    int rc = dsi_buf_append(&b, values, sizeof values, err);

    *out = (struct ArrowArray){0};
    rc = rc < 0 ? rc : dsi_ipc_memory_new(&b, &m, err);
    if (rc < 0) {
        return rc;
    }
    rc = dsi_ipc_array_new(NULL, 1, 1, false, out, err);
    if (rc == DS_OK) {
        struct ArrowArray *child = dsi_ipc_array_child(out, 0);
        rc = dsi_ipc_array_new(m, 2, 0, false, child, err);
        if (rc == DS_OK) {
            dsi_ipc_array_set_buffer(child, 1, m->bytes.data);
            child->length = 4;
            out->n_children = 1;
            out->length = 4;
        } else {
            out->release(out);
        }
    }
    dsi_ipc_memory_unref(m);
    return rc;
}

static int32_t value(const struct ArrowArray *a, int64_t i)
{
    return ((const int32_t *)a->buffers[1])[a->offset + i];
}

static void test_ipc_array__lives_as_long_as_one_of_its_children(void **state)
{
    struct ArrowArray a;
    (void)state;

    assert_int_equal(make(&a, NULL), DS_OK);
    struct ArrowArray child = *a.children[0]; // Moved out, as Arrow allows.
    a.children[0]->release = NULL;
    a.release(&a);
    assert_null(a.release);
    assert_int_equal(value(&child, 3), 40);
    child.release(&child);
}

static void test_ipc_array__is_copied_and_cut_without_its_bytes(void **state)
{
    struct ArrowArray a;
    struct ArrowArray copy;
    struct ArrowArray slice;
    (void)state;

    assert_int_equal(make(&a, NULL), DS_OK);
    a.children[0]->null_count = 2;
    assert_int_equal(dsi_ipc_array_copy(&a, &copy, NULL), DS_OK);
    assert_ptr_equal(copy.children[0]->buffers[1], a.children[0]->buffers[1]);
    a.release(&a);
    assert_int_equal(dsi_ipc_array_slice(&copy, 1, 2, &slice, NULL), DS_OK);
    copy.release(&copy);
    assert_int_equal(slice.length, 2);
    assert_int_equal(slice.offset, 0); // Some consumers take no struct with an offset.
    assert_int_equal(slice.children[0]->length, 2);
    assert_int_equal(slice.children[0]->offset, 1);
    assert_int_equal(slice.children[0]->null_count, -1);
    assert_int_equal(value(slice.children[0], 0), 20);
    slice.release(&slice);
}

static void test_ipc_array__can_be_empty_in_every_layout(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_ipc_layout l;
    struct ArrowArray a;
    struct sample s;
    (void)state;

    sample_all(&s);
    assert_int_equal(dsi_ipc_layout_read(&s.schema, &arena, &l, NULL), DS_OK);
    assert_int_equal(dsi_ipc_array_empty(&l.root, &a, NULL), DS_OK);
    for (size_t i = 0; i < s.column_count; i++) {
        const struct ArrowArray *c = a.children[i];
        assert_int_equal(c->length, 0);
        assert_int_equal(c->n_children, s.array.children[i]->n_children);
        assert_int_equal(c->dictionary != NULL, s.array.children[i]->dictionary != NULL);
        for (int64_t b = 1; b < c->n_buffers; b++) {
            assert_non_null(c->buffers[b]);
        }
    }
    a.release(&a);
    dsi_arena_release(&arena);
}

static void test_ipc_array__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct ArrowArray a = {0};
        struct ArrowArray slice = {0};
        struct ds_error err = {0};
        int rc = make(&a, &err);
        if (rc == DS_OK) {
            rc = dsi_ipc_array_slice(&a, 1, 2, &slice, &err);
        }
        dsi_fault_stop();
        assert_true(rc == DS_OK || (rc == DS_ENOMEM && err.message[0] != '\0'));
        assert_int_equal(rc == DS_OK, slice.release != NULL);
        if (a.release) {
            a.release(&a);
        }
        if (slice.release) {
            slice.release(&slice);
        }
    }
    assert_true(plan.target > 10);
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
        cmocka_unit_test(test_ipc_array__lives_as_long_as_one_of_its_children),
        cmocka_unit_test(test_ipc_array__is_copied_and_cut_without_its_bytes),
        cmocka_unit_test(test_ipc_array__can_be_empty_in_every_layout),
        cmocka_unit_test_teardown(test_ipc_array__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("ipc_array", tests, NULL, NULL);
}
