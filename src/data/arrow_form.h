// Other forms in which text and binary columns may leave: views, dictionaries.
#ifndef DSI_DATA_ARROW_FORM_H
#define DSI_DATA_ARROW_FORM_H

#include "data/column_layout.h"

// What was asked for. All zero: every column in its plain form.
struct dsi_arrow_form {
    bool views;                    // STRING and BINARY as views into their bytes.
    bool dictionaries;             // Every STRING as a dictionary,
    const int32_t *dictionary_ids; // and the STRING and BINARY columns of these ids.
    size_t dictionary_count;
};

enum dsi_arrow_form_kind { DSI_FORM_PLAIN, DSI_FORM_VIEW, DSI_FORM_DICTIONARY };

/// The form a field leaves in; a dictionary goes before a view. `form` may be NULL. The
/// parts of a variant are always plain.
enum dsi_arrow_form_kind dsi_arrow_form_of(const struct dsi_arrow_form *form,
                                           const struct dsi_field *f);

/// Finds the ids of dictionary columns by their full names ("a.b"); they are in the
/// arena. DS_EINVALID: there is no such column, or it is neither text nor binary.
DS_MUST_CHECK int dsi_arrow_form_resolve(const struct dsi_schema *schema,
                                         const char *const *names, size_t count,
                                         struct dsi_arena *arena,
                                         struct dsi_arrow_form *form,
                                         struct ds_error *err);

// The buffers of a column's other form; they belong to its batch. Row 0 is the first.
struct dsi_arrow_buffers {
    const uint8_t *validity; // NULL: no nulls.
    const void *values;      // 16 byte views; or int32_t, which entry each row is.
    const uint8_t *bytes;    // What views point into; the entries of a dictionary.
    const int64_t *size;     // Of the bytes.
    const int32_t *offsets;  // Of a dictionary's entries.
    int64_t entries;
};

/// Views of a STRING or BINARY column with 32 bit offsets; bytes are not copied.
DS_MUST_CHECK int dsi_arrow_form_views(struct dsi_batch *b, const struct dsi_column *c,
                                       struct dsi_arrow_buffers *out,
                                       struct ds_error *err);

/// A dictionary of the values of a STRING or BINARY column, in the order of their first
/// rows, each once.
DS_MUST_CHECK int dsi_arrow_form_dictionary(struct dsi_batch *b,
                                            const struct dsi_column *c,
                                            struct dsi_arrow_buffers *out,
                                            struct ds_error *err);

#endif
