// UUIDs and fixed bytes from bytes and text of any length: polars has no type of one
// length, and DuckDB hands out UUIDs as text.
#include "base/error.h"
#include "base/random.h"
#include "data/arrow_array.h"

// What is wrong with one value; NULL: nothing, and it is in `out`.
static const char *convert(const struct dsi_arrow_view *v, struct ds_slice in,
                           size_t width, uint8_t *out)
{
    struct dsi_uuid uuid;

    if (v->format.kind == DSI_ARROW_TEXT) {
        if (!dsi_uuid_parse((const char *)in.data, in.size, &uuid)) {
            return "text that is no UUID";
        }
        memcpy(out, uuid.bytes, sizeof uuid.bytes);
        return NULL;
    }
    if (in.size != width) {
        return "more or fewer bytes than the column's type has";
    }
    memcpy(out, in.data, width);
    return NULL;
}

int dsi_arrow_convert_sized(struct dsi_batch *b, const struct dsi_arrow_view *v,
                            struct dsi_column *out, struct ds_error *err)
{
    size_t width = dsi_layout_width(&out->field->type);
    struct dsi_column bytes = {.field = out->field};
    uint8_t *values = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_arrow_convert_bytes(b, v, &bytes, err));
    if ((size_t)v->rows <= SIZE_MAX / 2 / width) {
        values = dsi_batch_calloc(b, (size_t)v->rows * width);
    }
    if (!values) {
        return dsi_no_memory(err, "converting a column");
    }
    out->values = values;
    DSI_TRY(dsi_arrow_copy_validity(b, v, out, err));
    for (int64_t i = 0; i < v->rows; i++) {
        if (!dsi_arrow_view_is_null(v, i)) {
            const char *wrong = convert(v, dsi_column_bytes(&bytes, i), width,
                                        values + (size_t)i * width);
            if (wrong) {
                return dsi_arrow_row_error(v, i, wrong, err);
            }
        }
    }
done:
    return rc;
}
