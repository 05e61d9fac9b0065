#include <stdio.h>
#include <stdlib.h>

#include "unit/api/fixture.h"

enum { ROWS = 30000, ROW_SIZE = 16 };

static void test_api_memory__is_kept_until_it_is_released(void **state)
{
    struct fixture f;
    struct ArrowArrayStream stream = {0};
    struct ArrowArray batch = {0};
    char *text = malloc(ROWS * ROW_SIZE);
    size_t size = 0;
    (void)state;

    assert_non_null(text);
    size += (size_t)snprintf(text, ROW_SIZE, "id,s\n");
    for (int i = 0; i < ROWS; i++) {
        size += (size_t)snprintf(text + size, ROW_SIZE, "%d,abc\n", i);
    }
    fixture_init(&f, NULL);
    fixture_append(&f, text);
    ds_release_memory();
    assert_int_equal(ds_table_scan(f.table, NULL, &stream, &f.err), DS_OK);
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    stream.release(&stream);
    ds_release_memory();
    const int64_t *ids = batch.children[0]->buffers[1]; // What is in use is not touched.
    assert_int_equal(ids[batch.length - 1], batch.length - 1);
    batch.release(&batch);
    assert_true(ds_release_memory() >= ROWS * sizeof *ids);
    assert_int_equal(ds_release_memory(), 0);
    fixture_release(&f);
    free(text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_memory__is_kept_until_it_is_released),
    };
    return cmocka_run_group_tests_name("api_memory", tests, NULL, NULL);
}
