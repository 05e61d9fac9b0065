#include "codec/kernel/kernel_utf8.h"

#include "base/text.h"
#include "guarded.h"

// The decoder of RFC 3629 in base/text.c is the judge.
static enum dsi_text_kind expected(const uint8_t *bytes, size_t size)
{
    bool ascii = true;
    for (size_t i = 0; i < size; i++) {
        ascii = ascii && bytes[i] < 0x80;
    }
    if (ascii) {
        return DSI_TEXT_ASCII;
    }
    return dsi_utf8_valid((struct ds_slice){bytes, size}) ? DSI_TEXT_UTF8 : DSI_TEXT_BAD;
}

static void check(const uint8_t *bytes, size_t size)
{
    enum dsi_text_kind want = expected(bytes, size);

    for (int level = DSI_CPU_SCALAR; level <= (int)dsi_cpu_level_max(); level++) {
        const struct dsi_kernels *k = dsi_kernels_at((enum dsi_cpu_level)level);
        enum dsi_text_kind got = k->text_kind(bytes, size);
        if (got != want) {
            fail_msg("%s: %d instead of %d for %zu bytes, %02x %02x %02x %02x …",
                     dsi_cpu_level_name(k->level), (int)got, (int)want, size, bytes[0],
                     size > 1 ? bytes[1] : 0, size > 2 ? bytes[2] : 0,
                     size > 3 ? bytes[3] : 0);
        }
    }
}

// Every two leading bytes, with what may or may not follow, at the start and the end of
// blocks and across them.
static void test_kernel_utf8__judges_every_sequence_wherever_it_stands(void **state)
{
    static const uint8_t ends[][2] = {{'a', 'a'},   {0x80, 'a'},  {0x80, 0x80},
                                      {0xbf, 0xbf}, {0xc2, 0x80}, {0xff, 0x80}};
    static const size_t places[] = {0, 13, 15, 29, 31, 61, 62, 63, 127};
    struct guarded in = guarded_new();
    (void)state;

    for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
        uint8_t *at = guarded_last(&in, places[p] + 4);
        memset(at, 'x', places[p]);
        for (unsigned pair = 0x8000; pair < 0x10000; pair += p < 2 ? 1 : 7) {
            for (size_t e = 0; e < sizeof ends / sizeof *ends; e++) {
                uint8_t *here = at + places[p];
                here[0] = (uint8_t)(pair >> 8);
                here[1] = (uint8_t)pair;
                here[2] = ends[e][0];
                here[3] = ends[e][1];
                check(at, places[p] + 4);
            }
        }
    }
    guarded_free(&in);
}

static size_t put_character(uint8_t *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

static void test_kernel_utf8__judges_text_of_every_length_cut_and_damaged(void **state)
{
    static const uint32_t tops[] = {0x80, 0x800, 0x10000, 0x110000};
    struct guarded in = guarded_new();
    uint8_t text[400];
    uint64_t random = 5;
    (void)state;

    for (int round = 0; round < 20000; round++) {
        size_t size = 0;
        size_t want = next_random(&random) % 300;
        while (size < want) {
            uint32_t c = (uint32_t)(next_random(&random) %
                                    tops[next_random(&random) % (1 + round % 4)]);
            size += put_character(text + size, c >= 0xd800 && c < 0xe000 ? 'x' : c);
        }
        size = round % 3 == 0 ? want : size; // Perhaps within a character.
        uint8_t *at = guarded_last(&in, size);
        memcpy(at, text, size);
        if (round % 2 == 0 && size > 0) {
            at[next_random(&random) % size] = (uint8_t)next_random(&random);
        }
        check(at, size);
    }
    guarded_free(&in);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernel_utf8__judges_every_sequence_wherever_it_stands),
        cmocka_unit_test(test_kernel_utf8__judges_text_of_every_length_cut_and_damaged),
    };
    return cmocka_run_group_tests_name("kernel_utf8", tests, NULL, NULL);
}
