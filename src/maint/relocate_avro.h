// An Avro file written anew with some fields' values changed, and all else as it is:
// whatever fields it has, of whichever version of the format.
//
// (1) Schema, codec, metadata and the order of objects stay; so do values of fields that
//     nobody changes, byte for byte but for the form of counts.
// (2) Each object is walked twice: all of it is seen before any of it is written.
#ifndef DSI_MAINT_RELOCATE_AVRO_H
#define DSI_MAINT_RELOCATE_AVRO_H

#include "codec/avro/avro_value.h"

// Who changes it. All three are called with `arg`, and their failures end the walk.
struct dsi_relocate_fields {
    /// A field of a record, at any depth; `value` begins with its value, encoded.
    int (*see)(void *arg, const struct dsi_avro_field *f, struct ds_slice value,
               struct ds_error *err);
    /// All of an object was seen.
    int (*seen)(void *arg, struct ds_error *err);
    /// The same fields again: DS_ROW when the value was written to `out` otherwise, and
    /// else DS_OK.
    int (*put)(void *arg, const struct dsi_avro_field *f, struct ds_slice value,
               struct dsi_buf *out, struct ds_error *err);
    void *arg;
};

/// Appends the new file to `out`. DS_ECORRUPT where `file` is damaged.
DS_MUST_CHECK int dsi_relocate_avro(struct ds_slice file,
                                    const struct dsi_relocate_fields *fields,
                                    struct dsi_buf *out, struct ds_error *err);

/// A value of a text, perhaps in a union with null: *out.data is NULL when it is null, or
/// no text. Borrowed.
DS_MUST_CHECK int dsi_relocate_text(const struct dsi_avro_type *t, struct ds_slice value,
                                    struct ds_slice *out, struct ds_error *err);

/// A whole number likewise; -1 when it is null, or none.
DS_MUST_CHECK int dsi_relocate_number(const struct dsi_avro_type *t,
                                      struct ds_slice value, int64_t *out,
                                      struct ds_error *err);

/// Writes values in the branch of the old one. DS_ECORRUPT where that is null, or no text
/// (no number).
DS_MUST_CHECK int dsi_relocate_put_text(const struct dsi_avro_type *t,
                                        struct ds_slice value, struct ds_slice text,
                                        struct dsi_buf *out, struct ds_error *err);
DS_MUST_CHECK int dsi_relocate_put_number(const struct dsi_avro_type *t,
                                          struct ds_slice value, int64_t number,
                                          struct dsi_buf *out, struct ds_error *err);

/// Writes null. DS_EUNSUPPORTED for a field that cannot be null.
DS_MUST_CHECK int dsi_relocate_put_null(const struct dsi_avro_field *f,
                                        struct dsi_buf *out, struct ds_error *err);

#endif
