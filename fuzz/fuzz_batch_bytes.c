// Rows as bytes: any bytes are refused with words, or a batch whose every value can be
// looked at, and which is the same after it has been written and read again. The first
// byte says which schema.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch_bytes.h"
#include "data/column_layout.h"

#define FIELD(id, name, required, ...)                                                   \
    {                                                                                    \
        id, required, name, NULL, {__VA_ARGS__}, NULL, NULL                              \
    }

static const struct dsi_field flat[] = {
    FIELD(1, "b", false, .kind = DSI_TYPE_BOOLEAN),
    FIELD(2, "l", true, .kind = DSI_TYPE_LONG),
    FIELD(3, "dec", false, .kind = DSI_TYPE_DECIMAL, .precision = 20),
    FIELD(4, "t", false, .kind = DSI_TYPE_TIME),
    FIELD(5, "s", false, .kind = DSI_TYPE_STRING),
    FIELD(6, "f", false, .kind = DSI_TYPE_FIXED, .length = 3),
    FIELD(7, "n", false, .kind = DSI_TYPE_UNKNOWN),
    FIELD(8, "v", false, .kind = DSI_TYPE_VARIANT),
};
static const struct dsi_field entries[] = {
    FIELD(3, "key", true, .kind = DSI_TYPE_STRING),
    FIELD(4, "value", false, .kind = DSI_TYPE_STRUCT, .fields = flat, .field_count = 8),
};
static const struct dsi_field elements[] = {
    FIELD(5, "element", false, .kind = DSI_TYPE_MAP, .fields = entries, .field_count = 2),
};
static const struct dsi_field inner[] = {
    FIELD(6, "m", true, .kind = DSI_TYPE_LIST, .fields = elements, .field_count = 1),
    FIELD(7, "i", true, .kind = DSI_TYPE_INT),
};
static const struct dsi_field nested[] = {
    FIELD(8, "st", false, .kind = DSI_TYPE_STRUCT, .fields = inner, .field_count = 2),
    FIELD(9, "li", false, .kind = DSI_TYPE_LIST, .fields = inner + 1, .field_count = 1),
};
static const struct dsi_schema schemas[] = {
    {.root = {.kind = DSI_TYPE_STRUCT, .fields = flat, .field_count = 8}},
    {.root = {.kind = DSI_TYPE_STRUCT, .fields = nested, .field_count = 2}},
    {.root = {.kind = DSI_TYPE_STRUCT, .fields = flat + 4, .field_count = 1}},
};

static uint64_t look(const struct dsi_column *c)
{
    uint64_t sum = 0;

    for (int64_t i = 0; i < c->length && i < 1000; i++) {
        if (dsi_layout_of(&c->field->type) != DSI_LAYOUT_NESTED) {
            struct dsi_value v;
            dsi_column_value(c, i, &v);
            for (size_t k = 0; !v.null && k < v.as.bytes.size &&
                               dsi_layout_of(&c->field->type) == DSI_LAYOUT_BYTES;
                 k++) {
                sum += v.as.bytes.data[k];
            }
        } else if (dsi_layout_has_offsets(&c->field->type) &&
                   dsi_column_offset(c, i) > dsi_column_offset(c, i + 1)) {
            abort();
        }
    }
    for (size_t i = 0; i < c->child_count; i++) {
        sum += look(&c->children[i]);
    }
    return sum;
}

// What is written of a batch that was read: tidy, so the same bytes each time.
static void write(const struct dsi_batch *b, struct dsi_buf *out)
{
    if (dsi_batch_encode(b, out, NULL) != DS_OK) {
        abort();
    }
}

static void again(const struct dsi_batch *b)
{
    struct dsi_buf once = DSI_BUF_INIT;
    struct dsi_buf twice = DSI_BUF_INIT;
    struct dsi_batch got;
    size_t at = 0;

    write(b, &once);
    if (dsi_batch_decode(b->schema, dsi_buf_slice(&once), &at, &got, NULL) != DS_ROW ||
        at != once.size || got.rows != b->rows) {
        abort();
    }
    write(&got, &twice);
    if (once.size != twice.size || memcmp(once.data, twice.data, once.size) != 0) {
        abort();
    }
    dsi_batch_release(&got);
    dsi_buf_release(&once);
    dsi_buf_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static volatile uint64_t sum;
    struct ds_error err = {0};
    struct dsi_batch b;
    size_t at = 0;
    int rc = DS_OK;

    if (size == 0) {
        return 0;
    }
    const struct dsi_schema *schema = &schemas[data[0] % 3];
    struct ds_slice bytes = {data + 1, size - 1};
    while ((rc = dsi_batch_decode(schema, bytes, &at, &b, &err)) == DS_ROW) {
        for (size_t i = 0; i < b.column_count; i++) {
            sum += look(&b.columns[i]);
        }
        if (b.rows < 100000) {
            again(&b);
        }
        dsi_batch_release(&b);
    }
    if (rc != DS_OK && (rc != DS_ECORRUPT || err.message[0] == '\0')) {
        abort();
    }
    return 0;
}
