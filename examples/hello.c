#include <datashard/datashard.h>

#include <inttypes.h>
#include <stdio.h>

int main(void)
{
    struct ds_error err = {0};
    struct ds_table_spec spec = {.struct_size = sizeof spec, .if_absent = true};
    struct ds_property engine = {"owner", "hello"};
    struct ds_properties properties = {&engine, 1};
    ds_table *table = NULL;
    int64_t rows = 0;

    spec.schema_json =
        "{\"type\": \"struct\", \"fields\": [{\"id\": 1, \"name\": \"date\","
        " \"required\": false, \"type\": \"timestamp\"}]}";
    int rc = ds_table_create("flights", &spec, &table, &err);
    if (rc == DS_OK) {
        rc = ds_table_set_properties(table, &properties, NULL, NULL, &err);
    }
    if (rc == DS_OK) {
        rc = ds_table_count(table, NULL, &rows, NULL, &err);
    }
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", ds_status_text(rc), err.message);
    } else {
        printf("flights: %" PRId64 " rows\n", rows);
    }
    ds_table_free(table);
    return rc < 0;
}
