// A schema with a column of every kind, and filters bound to it: what the tests of
// expressions share.
#ifndef DSI_TEST_EXPR_CASE_H
#define DSI_TEST_EXPR_CASE_H

#include "base/error.h"
#include "base/text.h"
#include "model/expr.h"

struct expr_case {
    struct dsi_arena arena;
    struct dsi_schema schema;
    struct ds_error err;
};

static const char expr_case_schema[] =
    "{\"type\":\"struct\",\"schema-id\":0,\"fields\":["
    "{\"id\":1,\"name\":\"i\",\"required\":false,\"type\":\"int\"},"
    "{\"id\":2,\"name\":\"l\",\"required\":false,\"type\":\"long\"},"
    "{\"id\":3,\"name\":\"f\",\"required\":false,\"type\":\"float\"},"
    "{\"id\":4,\"name\":\"d\",\"required\":false,\"type\":\"double\"},"
    "{\"id\":5,\"name\":\"dec\",\"required\":false,\"type\":\"decimal(9, 2)\"},"
    "{\"id\":6,\"name\":\"date\",\"required\":false,\"type\":\"date\"},"
    "{\"id\":7,\"name\":\"ts\",\"required\":false,\"type\":\"timestamp\"},"
    "{\"id\":8,\"name\":\"tz\",\"required\":false,\"type\":\"timestamptz\"},"
    "{\"id\":9,\"name\":\"origin\",\"required\":false,\"type\":\"string\"},"
    "{\"id\":10,\"name\":\"ok\",\"required\":false,\"type\":\"boolean\"},"
    "{\"id\":11,\"name\":\"Odd name\",\"required\":false,\"type\":\"int\"},"
    "{\"id\":12,\"name\":\"u\",\"required\":false,\"type\":\"uuid\"},"
    "{\"id\":13,\"name\":\"b\",\"required\":false,\"type\":\"binary\"},"
    "{\"id\":14,\"name\":\"s\",\"required\":false,\"type\":{\"type\":\"struct\","
    "\"fields\":["
    "{\"id\":15,\"name\":\"x\",\"required\":false,\"type\":\"int\"}]}},"
    "{\"id\":16,\"name\":\"list\",\"required\":false,\"type\":{\"type\":\"list\","
    "\"element-id\":17,\"element\":\"int\",\"element-required\":false}},"
    "{\"id\":18,\"name\":\"t\",\"required\":false,\"type\":\"time\"}]}";

static inline int expr_case_init(struct expr_case *c)
{
    *c = (struct expr_case){.arena = DSI_ARENA_INIT};
    return dsi_schema_from_json(dsi_slice_text(expr_case_schema), &c->arena, &c->schema,
                                &c->err);
}

static inline int expr_case_bind(struct expr_case *c, const char *filter,
                                 const struct dsi_bound **out)
{
    const struct dsi_expr *e = NULL;
    int rc = dsi_expr_parse(filter, &c->arena, &e, &c->err);

    *out = NULL;
    return rc < 0 ? rc : dsi_expr_bind(e, &c->schema, &c->arena, out, &c->err);
}

#endif
