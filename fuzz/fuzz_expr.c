// Any text as a filter: parsed, bound to a schema, written out, never a crash.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema_json[] =
    "{\"type\":\"struct\",\"schema-id\":0,\"fields\":["
    "{\"id\":1,\"name\":\"i\",\"required\":false,\"type\":\"int\"},"
    "{\"id\":2,\"name\":\"d\",\"required\":false,\"type\":\"double\"},"
    "{\"id\":3,\"name\":\"dec\",\"required\":false,\"type\":\"decimal(9, 2)\"},"
    "{\"id\":4,\"name\":\"date\",\"required\":false,\"type\":\"date\"},"
    "{\"id\":5,\"name\":\"ts\",\"required\":false,\"type\":\"timestamptz\"},"
    "{\"id\":6,\"name\":\"s\",\"required\":false,\"type\":\"string\"},"
    "{\"id\":7,\"name\":\"b\",\"required\":false,\"type\":\"boolean\"},"
    "{\"id\":8,\"name\":\"u\",\"required\":false,\"type\":\"uuid\"},"
    "{\"id\":9,\"name\":\"bin\",\"required\":false,\"type\":\"binary\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_schema schema = {0};
    const struct dsi_expr *e = NULL;
    const struct dsi_bound *bound = NULL;
    struct ds_error err = {0};
    char *text = malloc(size + 1);

    if (!text) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    if (dsi_expr_parse(text, &arena, &e, &err) == DS_OK &&
        dsi_schema_from_json(dsi_slice_text(schema_json), &arena, &schema, &err) ==
            DS_OK &&
        dsi_expr_bind(e, &schema, &arena, &bound, &err) == DS_OK &&
        dsi_bound_format(bound, &out, &err) < 0) {
        abort();
    }
    free(text);
    dsi_buf_release(&out);
    dsi_arena_release(&arena);
    return 0;
}
