// Bytes as a file that shall join a table: one of its own columns, partitioned by the
// first, without a partition, and with columns it has not. What is said of it must hold
// together.
#include <stdlib.h>
#include <string.h>

#include "data/data_adopt.h"
#include "data/data_file.h"
#include "data/data_mapping.h"

#define PLACE "memory:///f"

// A table of these columns that names them; NULL: there is none.
static struct dsi_metadata *make_table(const struct dsi_schema *schema,
                                       const struct dsi_partition_spec *spec,
                                       struct dsi_arena *arena)
{
    struct dsi_metadata_new make = {.table_uuid = "00000000-0000-0000-0000-000000000000",
                                    .location = "memory:///t",
                                    .schema = schema,
                                    .spec = spec};
    struct dsi_metadata_edit *edit = NULL;
    struct dsi_metadata *plain = NULL;
    struct dsi_metadata *mapped = NULL;
    const char *mapping = NULL;

    if (dsi_metadata_new(&make, &plain, NULL) == DS_OK &&
        dsi_data_mapping_complete(plain, arena, &mapping, NULL) == DS_OK && mapping &&
        dsi_metadata_edit_new(plain, &edit, NULL) == DS_OK) {
        if (dsi_metadata_edit_set_property(edit, DSI_NAME_MAPPING_KEY, mapping, NULL) <
            0) {
            dsi_metadata_edit_free(edit);
        } else if (dsi_metadata_edit_finish(edit, 0, NULL, &mapped, NULL, NULL) < 0) {
            mapped = NULL;
        }
    }
    dsi_metadata_unref(plain);
    return mapped;
}

static void check_column(const struct dsi_schema *schema,
                         const struct dsi_column_metrics *m)
{
    const struct dsi_field *f = dsi_schema_field(schema, m->field_id);
    struct dsi_value low;
    struct dsi_value high;

    if (!f || m->column_size < 0 ||
        (m->null_count >= 0 && m->null_count > m->value_count)) {
        abort();
    }
    if (m->lower.data && dsi_value_from_bytes(&f->type, m->lower, &low, NULL) < 0) {
        abort();
    }
    if (m->upper.data && (dsi_value_from_bytes(&f->type, m->upper, &high, NULL) < 0 ||
                          !m->lower.data || dsi_value_compare(&low, &high) > 0)) {
        abort();
    }
}

static void adopt(ds_storage *s, const struct dsi_metadata *table)
{
    struct dsi_data_adopt_options options = {
        .storage = s, .metadata = table, .location = PLACE};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_data_file f;
    struct ds_error err = {0};
    bool by_name = false;
    int rc = dsi_data_adopt(&options, &arena, &f, &by_name, &err);

    if (rc < 0 && err.message[0] == '\0') {
        abort(); // A failure without words.
    }
    if (rc == DS_OK) {
        const struct dsi_partition_spec *spec = dsi_metadata_default_spec(table);
        if (f.record_count < 0 || f.partition_count != spec->field_count) {
            abort();
        }
        for (size_t i = 0; i < f.column_count; i++) {
            check_column(dsi_metadata_current_schema(table), &f.columns[i]);
            if (i > 0 && f.columns[i].field_id <= f.columns[i - 1].field_id) {
                abort();
            }
        }
    }
    dsi_arena_release(&arena);
}

static void adopt_into(ds_storage *s, const struct dsi_schema *schema,
                       const struct dsi_partition_spec *spec)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_metadata *table = make_table(schema, spec, &arena);

    if (table) {
        adopt(s, table);
    }
    dsi_metadata_unref(table);
    dsi_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dsi_field other = {
        .id = 1, .name = "id", .type = {.kind = DSI_TYPE_LONG}};
    const struct dsi_schema fixed = {
        .root = {.kind = DSI_TYPE_STRUCT, .fields = &other, .field_count = 1},
        .highest_id = 1};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema schema;
    ds_storage *s = NULL;

    if (dsi_storage_mem_new(&s, NULL) < 0 ||
        dsi_storage_put(s, PLACE, (struct ds_slice){data, size}, 0, NULL) < 0) {
        abort();
    }
    adopt_into(s, &fixed, NULL);
    if (dsi_data_file_schema(s, PLACE, &arena, &schema, NULL) == DS_OK &&
        schema.root.field_count > 0) {
        struct dsi_partition_field field = {
            .source_id = schema.root.fields[0].id,
            .field_id = 1000,
            .name = "p",
            .transform = {.kind = DSI_TRANSFORM_IDENTITY, .text = "identity"}};
        struct dsi_partition_spec spec = {.fields = &field, .field_count = 1};
        adopt_into(s, &schema, NULL);
        adopt_into(s, &schema, &spec);
    }
    dsi_arena_release(&arena);
    dsi_storage_free(s);
    return 0;
}
