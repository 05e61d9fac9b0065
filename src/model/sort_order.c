#include "model/partition.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "model/parts_json.h"

bool dsi_sort_order_equal(const struct dsi_sort_order *a, const struct dsi_sort_order *b)
{
    if (a->field_count != b->field_count) {
        return false;
    }
    for (size_t i = 0; i < a->field_count; i++) {
        const struct dsi_sort_field *f = &a->fields[i];
        const struct dsi_sort_field *g = &b->fields[i];
        if (f->source_id != g->source_id || f->descending != g->descending ||
            f->nulls_last != g->nulls_last ||
            strcmp(f->transform.text, g->transform.text) != 0) {
            return false;
        }
    }
    return true;
}

int dsi_sort_order_check(const struct dsi_sort_order *order,
                         const struct dsi_schema *schema, struct ds_error *err)
{
    for (size_t i = 0; i < order->field_count; i++) {
        const struct dsi_sort_field *f = &order->fields[i];
        const struct dsi_field *source = dsi_schema_field(schema, f->source_id);
        struct dsi_type result;
        if (!source || !dsi_type_is_primitive(&source->type)) {
            return dsi_fail(err, DS_EINVALID,
                            "sort field %zu is made from column %d, which "
                            "%s",
                            i + 1, (int)f->source_id,
                            source ? "holds more than one value"
                                   : "the schema does not have");
        }
        int rc = dsi_transform_result(&f->transform, &source->type, &result, err);
        if (rc < 0) {
            return dsi_wrap(err, rc, "sort field %zu", i + 1);
        }
    }
    return DS_OK;
}

static int read_choice(struct dsi_json_reader *r, const char *no, const char *yes,
                       bool *out, struct ds_error *err)
{
    const char *text = NULL;
    int rc = dsi_json_string(r, &text, err);

    if (rc < 0) {
        return rc;
    }
    *out = dsi_text_equal_nocase(text, yes);
    return *out || dsi_text_equal_nocase(text, no)
               ? DS_OK
               : dsi_corrupt(err, "%s: a sort field says '%.40s', expected %s or %s",
                             r->what, text, no, yes);
}

static int read_sort_field(struct dsi_json_reader *r, void *item, struct ds_error *err)
{
    struct dsi_sort_field *f = item;
    struct dsi_made_from from = DSI_MADE_FROM_INIT;
    struct ds_slice key = {NULL, 0};
    const char *lacks = NULL;
    bool direction = false;
    bool nulls = false;
    int rc = DS_OK;

    *f = (struct dsi_sort_field){.source_id = -1};
    DSI_TRY(dsi_json_object_begin(r, err));
    while ((rc = dsi_json_object_next(r, &key, err)) == DS_ROW) {
        if (dsi_json_key_is(key, "direction")) {
            DSI_TRY(read_choice(r, "asc", "desc", &f->descending, err));
            direction = true;
        } else if (dsi_json_key_is(key, "null-order")) {
            DSI_TRY(read_choice(r, "nulls-first", "nulls-last", &f->nulls_last, err));
            nulls = true;
        } else {
            DSI_TRY(dsi_made_from_member(r, key, &from, err));
        }
    }
    DSI_TRY(rc);
    lacks = dsi_made_from_end(&from);
    lacks = lacks ? lacks : !direction ? "direction" : nulls ? NULL : "null-order";
    if (lacks) {
        return dsi_corrupt(err, "%s: a sort field has no '%s'", r->what, lacks);
    }
    f->source_id = from.source_id;
    f->transform = from.transform;
done:
    return rc;
}

static int read_sort_fields(struct dsi_json_reader *r, void *order, struct ds_error *err)
{
    static const struct dsi_part_list list = {.doing = "reading a sort order",
                                              .item_size = sizeof(struct dsi_sort_field),
                                              .read = read_sort_field};
    struct dsi_sort_order *out = order;
    void *fields = NULL;
    int rc = dsi_part_list_read(r, &list, &fields, &out->field_count, err);

    out->fields = fields;
    return rc;
}

int dsi_sort_order_read(struct dsi_json_reader *r, struct dsi_sort_order *out,
                        struct ds_error *err)
{
    static const struct dsi_part part = {.name = "sort order",
                                         .doing = "reading a sort order",
                                         .id_key = "order-id",
                                         .id_min = INT32_MIN,
                                         .fields = read_sort_fields};

    *out = (struct dsi_sort_order){.order_id = 0};
    int rc = dsi_part_read(r, &part, out, &out->order_id, &out->raw, err);
    if (rc == DS_OK && (out->order_id == 0) != (out->field_count == 0)) {
        return dsi_corrupt(err,
                           "%s: sort order %d has %zu fields; 0 is the one without any",
                           r->what, (int)out->order_id, out->field_count);
    }
    return rc;
}

int dsi_sort_order_from_json(struct ds_slice json, struct dsi_arena *arena,
                             struct dsi_sort_order *out, struct ds_error *err)
{
    struct dsi_json_reader r;
    int rc = DS_OK;

    dsi_json_reader_init(&r, json, arena, "sort order");
    DSI_TRY(dsi_sort_order_read(&r, out, err));
    DSI_TRY(dsi_json_end(&r, err));
done:
    return rc;
}

void dsi_sort_order_write(struct dsi_json_writer *w, const struct dsi_sort_order *order)
{
    if (order->raw.size > 0) {
        dsi_json_write_raw(w, order->raw);
        return;
    }
    dsi_json_write_object_begin(w);
    dsi_json_write_member_i64(w, "order-id", order->order_id);
    dsi_json_write_key(w, "fields");
    dsi_json_write_array_begin(w);
    for (size_t i = 0; i < order->field_count; i++) {
        const struct dsi_sort_field *f = &order->fields[i];
        dsi_json_write_object_begin(w);
        dsi_json_write_member_string(w, "transform", f->transform.text);
        dsi_json_write_member_i64(w, "source-id", f->source_id);
        dsi_json_write_member_string(w, "direction", f->descending ? "desc" : "asc");
        dsi_json_write_member_string(w, "null-order",
                                     f->nulls_last ? "nulls-last" : "nulls-first");
        dsi_json_write_object_end(w);
    }
    dsi_json_write_array_end(w);
    dsi_json_write_object_end(w);
}

int dsi_sort_order_to_json(const struct dsi_sort_order *order, struct dsi_buf *out,
                           struct ds_error *err)
{
    struct dsi_json_writer w;
    dsi_json_writer_init(&w, out, err);
    dsi_sort_order_write(&w, order);
    return dsi_json_writer_finish(&w);
}
