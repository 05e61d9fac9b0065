// What somebody may have meant who named a column that is not there.
#ifndef DSI_NEAR_NAME_H
#define DSI_NEAR_NAME_H

#include "model/type.h"

/// Room for the words of dsi_near_names.
enum { DSI_NEAR_NAMES_MAX = 400 };

/// Writes "did you mean one, two"; where no name is like it "the columns are …", of many
/// the first; or "the table has none".
void dsi_near_names(const struct dsi_field *fields, size_t count, const char *wanted,
                    char out[DSI_NEAR_NAMES_MAX]);

#endif
