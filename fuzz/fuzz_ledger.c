// The ledger: any bytes are refused whole, or give records that lie inside of them and
// come out of a merge as they went in. Any text is a list of files, or none.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "txn/ledger.h"

enum { HEAD_SIZE = 32, SUM_AT = 8, UUID_AT = 16 };
static const char table_uuid[] = "11111111-2222-4333-8444-555555555555";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// How many records there are; -1 when it is refused.
static int64_t read_all(struct ds_slice file)
{
    struct dsi_ledger_record r;
    size_t at = 0;
    int64_t count = 0;
    int rc = DS_ROW;

    while ((rc = dsi_ledger_next(file, table_uuid, &at, &r, NULL)) == DS_ROW) {
        for (size_t i = 0; i < r.count * 16; i++) {
            count += r.identities[i] & 0; // Every byte can be read.
        }
        count++;
    }
    return rc < 0 ? -1 : count;
}

static void check_merge(struct ds_slice file, int64_t count)
{
    struct dsi_metadata m = {.table_uuid = table_uuid};
    struct dsi_buf out = DSI_BUF_INIT;

    if (dsi_ledger_build(&m, &file, 1, NULL, 0, &out, NULL) == DS_OK &&
        read_all(dsi_buf_slice(&out)) != (count < 0 ? 0 : count)) {
        abort();
    }
    dsi_buf_release(&out);
}

static void check_property(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct dsi_buf again = DSI_BUF_INIT;
    struct dsi_ledger ledger;

    if (!text) {
        return;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    struct ds_property p = {DSI_KEY_LEDGER, text};
    struct dsi_metadata m = {.properties = &p, .property_count = 1};
    dsi_ledger_of(&m, &ledger);
    for (size_t i = 0; i < ledger.count; i++) {
        if (strchr(ledger.files[i].name, '/') || strchr(ledger.files[i].name, '.')) {
            abort();
        }
    }
    if (dsi_ledger_format(&ledger, &again, NULL) < 0) {
        abort();
    }
    free(text);
    dsi_buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t uuid[16] = {0x11, 0x11, 0x11, 0x11, 0x22, 0x22, 0x43, 0x33,
                                     0x84, 0x44, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55};
    struct ds_slice file = {data, size};
    uint8_t *whole = malloc(HEAD_SIZE + size);

    check_property(data, size);
    check_merge(file, read_all(file));
    if (whole) { // And as if the sum were right.
        memcpy(whole, "DSLEDGR1", 8);
        memcpy(whole + UUID_AT, uuid, sizeof uuid);
        if (size > 0) {
            memcpy(whole + HEAD_SIZE, data, size);
        }
        uint64_t sum = dsi_xxh64(whole + UUID_AT, HEAD_SIZE - UUID_AT + size);
        for (size_t i = 0; i < 8; i++) {
            whole[SUM_AT + i] = (uint8_t)(sum >> (8 * i));
        }
        file = (struct ds_slice){whole, HEAD_SIZE + size};
        check_merge(file, read_all(file));
        free(whole);
    }
    return 0;
}
