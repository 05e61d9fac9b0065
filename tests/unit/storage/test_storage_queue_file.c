#include "queue_fixture.h"

static void test_storage_queue_file__is_made_once(void **state)
{
    struct dsi_queue *a = queue_open();
    struct stat st;
    (void)state;

    assert_non_null(a);
    assert_true(dsi_queue_is_ours(a));
    assert_true(dsi_queue_is_current(a));
    assert_int_equal(stat(queue_path, &st), 0);
    ino_t inode = st.st_ino;
    struct dsi_queue *b = queue_open();
    assert_int_equal(stat(queue_path, &st), 0);
    assert_int_equal(st.st_ino, inode);
    assert_int_equal(st.st_size, DSI_QUEUE_FILE_SIZE);
    assert_true(st.st_blocks * 512 <= 2 * DSI_QUEUE_AT_INTENTS); // The rest is holes.
    assert_true(storage_root_has_no_temporaries(&root));
    dsi_queue_free(a);
    dsi_queue_free(b);
}

static void test_storage_queue_file__is_replaced_when_it_is_another(void **state)
{
    const struct {
        uint64_t at;
        const char *bytes;
    } damages[] = {{0, "x"},                       // No queue,
                   {8, "\x02"},                    // another version,
                   {32, "other"},                  // another start of the machine,
                   {80, "12345678"},               // a checksum,
                   {DSI_QUEUE_AT_CONTROL, "xyz"}}; // another file's control.
    (void)state;

    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct dsi_queue *a = queue_open();
        struct dsi_queue *b = NULL;
        assert_non_null(a);
        queue_scribble(damages[i].at, damages[i].bytes, strlen(damages[i].bytes));
        assert_int_equal(dsi_queue_find(queue_path, &b, NULL), DS_ENOTFOUND);
        b = queue_open();
        assert_non_null(b);
        assert_false(dsi_queue_is_current(a));
        assert_true(dsi_queue_is_current(b));
        dsi_queue_free(a);
        dsi_queue_free(b);
    }
    assert_true(storage_root_has_no_temporaries(&root));
}

int main(void)
{
#define QUEUE_TEST(name) cmocka_unit_test_setup_teardown(name, queue_make, queue_end)
    static const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_storage_queue_file__is_made_once),
        QUEUE_TEST(test_storage_queue_file__is_replaced_when_it_is_another),
    };
    return cmocka_run_group_tests_name("storage_queue_file", tests, NULL, NULL);
}
