#include "base/sha256.h"
#include "harness.h"

#include <string.h>

// FIPS 180-4's examples, and texts about the length of a block.
static const struct {
    const char *text;
    size_t times;
    const char *sum;
} cases[] = {
    {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"a", 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
    {"a", 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
    {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

static void test_sha256__agrees_with_the_standard(void **state)
{
    char sum[DSI_SHA256_TEXT_SIZE];
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_sha256 s;
        dsi_sha256_init(&s);
        for (size_t j = 0; j < cases[i].times; j++) {
            dsi_sha256_update(&s, cases[i].text, strlen(cases[i].text));
        }
        dsi_sha256_text(&s, sum);
        assert_string_equal(sum, cases[i].sum);
    }
}

static void test_sha256__is_the_same_in_any_pieces(void **state)
{
    uint8_t bytes[300];
    char whole[DSI_SHA256_TEXT_SIZE];
    char parts[DSI_SHA256_TEXT_SIZE];
    struct dsi_sha256 s;
    (void)state;

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    dsi_sha256_init(&s);
    dsi_sha256_update(&s, bytes, sizeof bytes);
    dsi_sha256_text(&s, whole);
    for (size_t piece = 1; piece < 130; piece += 3) {
        dsi_sha256_init(&s);
        for (size_t at = 0; at < sizeof bytes; at += piece) {
            size_t left = sizeof bytes - at;
            dsi_sha256_update(&s, bytes + at, piece < left ? piece : left);
        }
        dsi_sha256_text(&s, parts);
        assert_string_equal(parts, whole);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256__agrees_with_the_standard),
        cmocka_unit_test(test_sha256__is_the_same_in_any_pieces),
    };
    return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
