#include "data/text_writer.h"

#include "base/error.h"
#include "base/text.h"
#include "data/text_json.h"

static int append_csv(struct ds_slice text, struct dsi_buf *out, struct ds_error *err)
{
    bool quote = text.size == 0; // An empty text is not null.
    int rc = DS_OK;

    for (size_t i = 0; i < text.size && !quote; i++) {
        uint8_t c = text.data[i];
        quote = c == ',' || c == '"' || c == '\n' || c == '\r';
    }
    if (!quote) {
        return dsi_buf_append(out, text.data, text.size, err);
    }
    DSI_TRY(dsi_buf_append_byte(out, '"', err));
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"') {
            DSI_TRY(dsi_buf_append_byte(out, '"', err));
        }
        DSI_TRY(dsi_buf_append_byte(out, text.data[i], err));
    }
    DSI_TRY(dsi_buf_append_byte(out, '"', err));
done:
    return rc;
}

int dsi_text_write_cell(const struct dsi_column *column, int64_t row, struct dsi_buf *out,
                        bool *null, struct ds_error *err)
{
    struct dsi_value v;

    *null = dsi_column_is_null(column, row);
    if (*null) {
        return DS_OK;
    }
    if (dsi_layout_of(&column->field->type) == DSI_LAYOUT_NESTED) {
        struct dsi_buf scratch = DSI_BUF_INIT;
        struct dsi_json_writer w;
        dsi_json_writer_init(&w, out, err);
        dsi_text_json_write(column, row, &w, &scratch);
        dsi_buf_release(&scratch);
        return dsi_json_writer_finish(&w);
    }
    dsi_column_value(column, row, &v);
    return dsi_value_format(&v, &column->field->type, out, err);
}

int dsi_text_write_begin(enum ds_rows_format format, const struct dsi_schema *schema,
                         struct dsi_buf *out, struct ds_error *err)
{
    int rc = DS_OK;

    if (format == DS_ROWS_JSON) {
        return dsi_buf_append_text(out, "[", err);
    }
    if (format == DS_ROWS_JSONL) {
        return DS_OK;
    }
    for (size_t i = 0; i < schema->root.field_count; i++) {
        if (i > 0) {
            DSI_TRY(dsi_buf_append_byte(out, ',', err));
        }
        DSI_TRY(append_csv(dsi_slice_text(schema->root.fields[i].name), out, err));
    }
    DSI_TRY(dsi_buf_append_byte(out, '\n', err));
done:
    return rc;
}

static int write_csv_row(const struct dsi_batch *b, int64_t row, struct dsi_buf *out,
                         struct ds_error *err)
{
    struct dsi_buf text = DSI_BUF_INIT;
    bool null = false;
    int rc = DS_OK;

    for (size_t i = 0; i < b->column_count; i++) {
        if (i > 0) {
            DSI_TRY(dsi_buf_append_byte(out, ',', err));
        }
        text.size = 0;
        DSI_TRY(dsi_text_write_cell(&b->columns[i], row, &text, &null, err));
        if (!null) {
            DSI_TRY(append_csv(dsi_buf_slice(&text), out, err));
        }
    }
    DSI_TRY(dsi_buf_append_byte(out, '\n', err));
done:
    dsi_buf_release(&text);
    return rc;
}

static int write_json_row(const struct dsi_batch *b, int64_t row, struct dsi_buf *out,
                          struct ds_error *err)
{
    struct dsi_buf scratch = DSI_BUF_INIT;
    struct dsi_json_writer w;

    dsi_json_writer_init(&w, out, err);
    dsi_json_write_object_begin(&w);
    for (size_t i = 0; i < b->column_count; i++) {
        dsi_json_write_key(&w, b->columns[i].field->name);
        dsi_text_json_write(&b->columns[i], row, &w, &scratch);
    }
    dsi_json_write_object_end(&w);
    dsi_buf_release(&scratch);
    return dsi_json_writer_finish(&w);
}

int dsi_text_write_row(enum ds_rows_format format, const struct dsi_batch *b, int64_t row,
                       bool first, struct dsi_buf *out, struct ds_error *err)
{
    int rc = DS_OK;

    if (format == DS_ROWS_CSV) {
        return write_csv_row(b, row, out, err);
    }
    if (format == DS_ROWS_JSON) {
        DSI_TRY(dsi_buf_append_text(out, first ? "\n " : ",\n ", err));
    }
    DSI_TRY(write_json_row(b, row, out, err));
    if (format == DS_ROWS_JSONL) {
        DSI_TRY(dsi_buf_append_byte(out, '\n', err));
    }
done:
    return rc;
}

int dsi_text_write_end(enum ds_rows_format format, struct dsi_buf *out,
                       struct ds_error *err)
{
    return format == DS_ROWS_JSON ? dsi_buf_append_text(out, "\n]\n", err) : DS_OK;
}
