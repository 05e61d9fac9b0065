#include "datashard/status.h"
#include "harness.h"

#include <string.h>

static void test_api_status__has_a_text_and_a_code_for_every_status(void **state)
{
    static const int all[] = {
#define X(name, value, http, pyexc, text) DS_E##name,
        DS_STATUS_MAP(X)
#undef X
    };
    (void)state;

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        assert_true(all[i] < 0);
        assert_string_not_equal(ds_status_text(all[i]), "unknown status");
        assert_in_range(ds_status_http(all[i]), 400, 599);
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(all[i], all[k]);
            assert_string_not_equal(ds_status_text(all[i]), ds_status_text(all[k]));
        }
    }
    assert_string_equal(ds_status_text(DS_OK), "ok");
    assert_string_equal(ds_status_text(-999), "unknown status");
    assert_int_equal(ds_status_http(DS_OK), 200);
    assert_int_equal(ds_status_http(-999), 500);
}

static void test_api_status__never_answers_503_for_an_unknown_outcome(void **state)
{
    (void)state;
    assert_int_equal(ds_status_http(DS_EUNKNOWN), 500); // Clients send a 503 again.
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_status__has_a_text_and_a_code_for_every_status),
        cmocka_unit_test(test_api_status__never_answers_503_for_an_unknown_outcome),
    };
    return cmocka_run_group_tests_name("api_status", tests, NULL, NULL);
}
