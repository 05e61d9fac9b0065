// A shredded variant's group of a file, for the tests of what reads it:
//
//   optional group v (VARIANT) {
//     required binary metadata;
//     optional binary value;
//     optional group typed_value {
//       required group a { optional binary value; optional int32 typed_value (INT 8); }
//       required group b { optional binary value;
//                          optional group typed_value (LIST) { repeated group list {
//                            required group element {
//                              optional binary value;
//                              optional binary typed_value (STRING); } } } } } }
#ifndef DSI_TEST_VARIANT_GROUP_H
#define DSI_TEST_VARIANT_GROUP_H

#include "codec/parquet/parquet_schema.h"
#include "harness.h"

#define GROUP(n, r, count)                                                               \
    {                                                                                    \
        .name = n, .repetition = r, .child_count = count                                 \
    }
#define BYTES(n, r)                                                                      \
    {                                                                                    \
        .name = n, .repetition = r, .physical = DSI_PARQUET_BYTE_ARRAY                   \
    }

enum { VARIANT_GROUP_FIELDS = 15 };

static const struct dsi_parquet_field variant_group_fields[VARIANT_GROUP_FIELDS] = {
    GROUP("table", DSI_PARQUET_REQUIRED, 1),
    {.name = "v",
     .repetition = DSI_PARQUET_OPTIONAL,
     .child_count = 3,
     .logical.kind = DSI_PARQUET_LOGICAL_VARIANT},
    BYTES("metadata", DSI_PARQUET_REQUIRED),
    BYTES("value", DSI_PARQUET_OPTIONAL),
    GROUP("typed_value", DSI_PARQUET_OPTIONAL, 2),
    GROUP("a", DSI_PARQUET_REQUIRED, 2),
    BYTES("value", DSI_PARQUET_OPTIONAL),
    {.name = "typed_value",
     .repetition = DSI_PARQUET_OPTIONAL,
     .physical = DSI_PARQUET_INT32,
     .logical = {.kind = DSI_PARQUET_LOGICAL_INTEGER, .bit_width = 8, .is_signed = true}},
    GROUP("b", DSI_PARQUET_REQUIRED, 2),
    BYTES("value", DSI_PARQUET_OPTIONAL),
    {.name = "typed_value",
     .repetition = DSI_PARQUET_OPTIONAL,
     .child_count = 1,
     .logical.kind = DSI_PARQUET_LOGICAL_LIST},
    GROUP("list", DSI_PARQUET_REPEATED, 1),
    GROUP("element", DSI_PARQUET_REQUIRED, 2),
    BYTES("value", DSI_PARQUET_OPTIONAL),
    {.name = "typed_value",
     .repetition = DSI_PARQUET_OPTIONAL,
     .physical = DSI_PARQUET_BYTE_ARRAY,
     .logical.kind = DSI_PARQUET_LOGICAL_STRING},
};

// The node of the group, of a schema that has it first.
static const struct dsi_parquet_node *
variant_group(const struct dsi_parquet_field *fields, size_t count,
              struct dsi_arena *arena)
{
    struct dsi_parquet_schema schema;
    assert_int_equal(dsi_parquet_schema_build(fields, count, arena, &schema, NULL),
                     DS_OK);
    return schema.root->first_child;
}

#endif
