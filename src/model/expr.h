// Filter expressions: as a person wrote them (`struct dsi_expr`), and bound to a schema
// (`struct dsi_bound`), which is what everything else looks at.
//
// What a filter means, by SQL's three-valued logic and Iceberg's "Expressions Spec":
//
// (1) A row passes where the filter is TRUE. A comparison with null is not TRUE, nor is
//     its negation.
// (2) A bound expression has no NOT: negation was pushed to the leaves, each of which
//     stands for exactly the values where it is TRUE. So AND is intersection, OR is
//     union, and evaluating needs no third value.
// (3) Floats compare by IEEE 754: -0.0 equals 0.0. Less, greater and equal are FALSE for
//     NaN (not unknown), so `x <> 5` and `not (x < 5)` are TRUE for it. NaN is no
//     literal; `x is nan` asks. IS [NOT] NAN is never unknown: null is not NaN. This is
//     what the Iceberg specification says and what PyIceberg does; Spark and DuckDB order
//     NaN last when they look at rows themselves.
// (4) A literal is never rounded to fit its column, so `i < 2.5` is `i <= 2` and
//     `i < 5000000000` is `i is not null` for an int; only a float column takes the
//     nearest float, as Iceberg's own binding does.
#ifndef DSI_MODEL_EXPR_H
#define DSI_MODEL_EXPR_H

#include "model/value.h"

enum dsi_expr_op {
    DSI_EXPR_TRUE,
    DSI_EXPR_FALSE,
    DSI_EXPR_AND, // Children, at least one.
    DSI_EXPR_OR,
    DSI_EXPR_NOT, // One child; never in a bound expression.
    DSI_EXPR_EQ,  // A column and one literal, up to GE.
    DSI_EXPR_NE,
    DSI_EXPR_LT,
    DSI_EXPR_LE,
    DSI_EXPR_GT,
    DSI_EXPR_GE,
    DSI_EXPR_IN, // A column and a set.
    DSI_EXPR_NOT_IN,
    DSI_EXPR_IS_NULL, // A column.
    DSI_EXPR_NOT_NULL,
    DSI_EXPR_IS_NAN,
    DSI_EXPR_NOT_NAN,
    DSI_EXPR_STARTS_WITH, // A string column and one literal.
    DSI_EXPR_NOT_STARTS_WITH,
    DSI_EXPR_TRUTH, // A boolean column by itself; never in a bound expression.
};

enum dsi_literal_kind {
    DSI_LITERAL_STRING, // 'SEA'
    DSI_LITERAL_NUMBER, // 60, -1.5e3
    DSI_LITERAL_BOOL,   // true, false: text "true", "false"
    DSI_LITERAL_NULL,
    DSI_LITERAL_TYPED, // DATE '…', TIMESTAMP '…': `type` holds the kind.
};

struct dsi_literal {
    enum dsi_literal_kind kind;
    enum dsi_type_kind type; // Of TYPED only.
    const char *text;        // Without quotes; terminated, and without NUL inside.
    size_t size;
    size_t position; // Of its first byte in the filter's text.
};

// As written. Immutable, in one arena.
struct dsi_expr {
    enum dsi_expr_op op;
    const struct dsi_expr *const *children; // AND, OR, NOT.
    size_t child_count;
    const char *column; // As written, without quotes: "a", "a.b".
    size_t position;    // Of the column.
    const struct dsi_literal *literals;
    size_t literal_count;
};

// Bound to a schema. Immutable, in one arena; borrows from the schema.
struct dsi_bound {
    enum dsi_expr_op op;
    const struct dsi_bound *const *children; // AND, OR.
    size_t child_count;
    const struct dsi_field *field;  // A leaf's column.
    const struct dsi_value *values; // Of the field's type. Sets: ascending, no two equal.
    size_t value_count;
};

// What is known of many rows at once. NONE and ALL are proofs.
enum dsi_match { DSI_MATCH_NONE, DSI_MATCH_SOME, DSI_MATCH_ALL };

enum {
    DSI_EXPR_TEXT_MAX = 1 << 20, // Bytes of text.
    DSI_EXPR_DEPTH_MAX = 64,     // Parentheses and NOTs inside one another.
    DSI_EXPR_NODES_MAX = 65536,  // Predicates and literals together.
};

/// Reads a filter (see ds_scan_options.filter) into the arena. DS_EINVALID with the
/// place, what was expected, and the text around it.
DS_MUST_CHECK int dsi_expr_parse(const char *text, struct dsi_arena *arena,
                                 const struct dsi_expr **out, struct ds_error *err);

/// Binds names and literals to a schema, and pushes NOT down. DS_EINVALID for an unknown
/// column (with the names that look alike) and for a literal that is no value of its
/// column's type. `schema` must outlive the result.
DS_MUST_CHECK int dsi_expr_bind(const struct dsi_expr *e, const struct dsi_schema *schema,
                                struct dsi_arena *arena, const struct dsi_bound **out,
                                struct ds_error *err);

/// Compares two values as filters do: numerically for floats; int and date alike, an int
/// with a long, a float with a double. False when they do not compare (kinds that do not
/// go together, null, NaN).
bool dsi_bound_compare(const struct dsi_value *a, const struct dsi_value *b, int *order);

/// Whether one value, null included, makes the leaf TRUE. For AND and OR of leaves on one
/// column likewise. *known is false when the value does not compare with the literals.
bool dsi_bound_value(const struct dsi_bound *e, const struct dsi_value *v, bool *known);

/// The ids of the columns an expression looks at, ascending, none twice, in the arena.
DS_MUST_CHECK int dsi_bound_fields(const struct dsi_bound *e, struct dsi_arena *arena,
                                   int32_t **ids, size_t *count, struct ds_error *err);

/// "(origin = "SEA" and delay > 60)", for tests and for people. Appends.
DS_MUST_CHECK int dsi_bound_format(const struct dsi_bound *e, struct dsi_buf *out,
                                   struct ds_error *err);

#endif
