// From a filter's literal to a value of a column's type, without rounding it.
#ifndef DSI_MODEL_EXPR_LITERAL_H
#define DSI_MODEL_EXPR_LITERAL_H

#include "model/expr.h"

struct dsi_fit {
    int side;               // -1, +1: below, above every value of the type. 0: `floor`.
    bool exact;             // The literal is `floor`; else it lies just above.
    struct dsi_value floor; // The greatest value of the type that is not above.
};

/// DS_EINVALID when the literal is nothing a column of this type compares with; the
/// message ends a sentence that names both. Never for a NULL literal.
DS_MUST_CHECK int dsi_expr_fit(const struct dsi_literal *literal,
                               const struct dsi_type *type, struct dsi_arena *arena,
                               struct dsi_fit *out, struct ds_error *err);

#endif
