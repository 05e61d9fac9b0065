// One record of CSV (RFC 4180): cells between delimiters, quotes doubled inside quotes.
#include "data/text_reader.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

void dsi_csv_record_release(struct dsi_csv_record *record)
{
    dsi_free(record->cells);
    dsi_buf_release(&record->text);
    *record = (struct dsi_csv_record){NULL, 0, 0, DSI_BUF_INIT};
}

static int add_cell(struct dsi_csv_record *record, struct dsi_csv_cell cell,
                    struct ds_error *err)
{
    if (record->count == record->room) {
        size_t room = record->room ? record->room * 2 : 16;
        struct dsi_csv_cell *cells = dsi_realloc(record->cells, room * sizeof *cells);
        if (!cells) {
            return dsi_no_memory(err, "reading CSV");
        }
        record->cells = cells;
        record->room = room;
    }
    record->cells[record->count++] = cell;
    return DS_OK;
}

// Takes the quoted cell at *at (on its first quote); what it holds goes to `out`.
static int take_quoted(struct ds_slice text, size_t *at, struct dsi_buf *out,
                       struct ds_slice *cell, struct ds_error *err)
{
    size_t start = out->size;
    size_t i = *at + 1;

    for (;;) {
        const uint8_t *quote =
            i < text.size ? memchr(text.data + i, '"', text.size - i) : NULL;
        if (!quote) {
            return dsi_fail(err, DS_EINVALID, "a quoted cell that does not end");
        }
        size_t end = (size_t)(quote - text.data);
        bool doubled = end + 1 < text.size && text.data[end + 1] == '"';
        // Room was reserved for the whole record: what was handed out does not move.
        memcpy(out->data + out->size, text.data + i, end + doubled - i);
        out->size += end + doubled - i;
        i = end + 1 + doubled;
        if (!doubled) {
            break;
        }
    }
    *cell = (struct ds_slice){out->data + start, out->size - start};
    *at = i;
    return DS_OK;
}

int dsi_csv_split(struct ds_slice text, char delimiter, struct dsi_csv_record *record,
                  struct ds_error *err)
{
    size_t at = 0;
    int rc = DS_OK;

    record->count = 0;
    record->text.size = 0;
    DSI_TRY(dsi_buf_reserve(&record->text, text.size + 1, err));
    for (;;) {
        struct dsi_csv_cell cell = {.column = at + 1};
        if (at < text.size && text.data[at] == '"') {
            cell.quoted = true;
            DSI_TRY(take_quoted(text, &at, &record->text, &cell.text, err));
        } else {
            const uint8_t *end =
                at < text.size ? memchr(text.data + at, delimiter, text.size - at) : NULL;
            size_t stop = end ? (size_t)(end - text.data) : text.size;
            cell.text = (struct ds_slice){text.data + at, stop - at};
            if (cell.text.size > 0 && memchr(cell.text.data, '"', cell.text.size)) {
                return dsi_fail(
                    err, DS_EINVALID,
                    "column %zu: a quote inside a cell that has none around it", at + 1);
            }
            at = stop;
        }
        DSI_TRY(add_cell(record, cell, err));
        if (at >= text.size) {
            break;
        }
        if (text.data[at] != (uint8_t)delimiter) {
            return dsi_fail(err, DS_EINVALID, "column %zu: text after a closing quote",
                            at + 1);
        }
        at++;
    }
done:
    return rc;
}
