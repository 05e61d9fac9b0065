#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

static void kernel_fill(void *bytes, size_t size)
{
    uint8_t *at = bytes;
    while (size > 0) {
        ssize_t n = getrandom(at, size, 0);
        if (n > 0) {
            at += n;
            size -= (size_t)n;
        } else if (n < 0 && errno != EINTR) {
            abort(); // No kernel this runs on lacks it; a guessable identity is worse.
        }
    }
}

static const struct dsi_random_ops kernel_random = {kernel_fill};
static const struct dsi_random_ops *random_ops = &kernel_random;

void dsi_random_set(const struct dsi_random_ops *ops)
{
    random_ops = ops ? ops : &kernel_random;
}

void dsi_random_fill(void *bytes, size_t size)
{
    random_ops->fill(bytes, size);
}

uint64_t dsi_random_u64(void)
{
    uint64_t v = 0;
    dsi_random_fill(&v, sizeof v);
    return v;
}

uint64_t dsi_random_below(uint64_t below)
{
    if (below == 0) {
        return 0;
    }
    uint64_t limit = UINT64_MAX - UINT64_MAX % below; // Above it the remainder is biased.
    uint64_t v = 0;
    do {
        v = dsi_random_u64();
    } while (v >= limit);
    return v % below;
}

static void stamp(struct dsi_uuid *u, uint8_t version)
{
    u->bytes[6] = (uint8_t)((u->bytes[6] & 0x0f) | (version << 4));
    u->bytes[8] = (uint8_t)((u->bytes[8] & 0x3f) | 0x80);
}

struct dsi_uuid dsi_uuid_v4(void)
{
    struct dsi_uuid u = {{0}};
    dsi_random_fill(u.bytes, sizeof u.bytes);
    stamp(&u, 4);
    return u;
}

struct dsi_uuid dsi_uuid_v7(void)
{
    struct dsi_uuid u = dsi_uuid_v4();
    uint64_t ms = (uint64_t)dsi_clock_wall_ms();
    for (int i = 0; i < 6; i++) {
        u.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    }
    stamp(&u, 7);
    return u;
}

void dsi_uuid_format(const struct dsi_uuid *uuid, char out[DSI_UUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    char *at = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *at++ = '-';
        }
        *at++ = digits[uuid->bytes[i] >> 4];
        *at++ = digits[uuid->bytes[i] & 15];
    }
    *at = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool dsi_uuid_parse(const char *text, size_t size, struct dsi_uuid *out)
{
    struct dsi_uuid u = {{0}};
    size_t at = 0;

    if (size != DSI_UUID_TEXT_SIZE - 1) {
        return false;
    }
    for (int i = 0; i < 16; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-') {
            return false;
        }
        int high = hex_value(text[at]);
        int low = hex_value(text[at + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        u.bytes[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    *out = u;
    return true;
}
