// What the specification asks of table metadata beyond its syntax.
#ifndef DSI_MODEL_METADATA_CHECK_H
#define DSI_MODEL_METADATA_CHECK_H

#include "model/metadata.h"

/// Refuses what other readers would refuse (the rules of the Java loader): ids that lead
/// nowhere, refs to nothing, logs that go back in time. DS_ECORRUPT.
DS_MUST_CHECK int dsi_metadata_check(const struct dsi_metadata *m, struct ds_error *err);

/// One ref on its own: its name, its kind, its limits. DS_EINVALID.
DS_MUST_CHECK int dsi_ref_check(const struct dsi_ref *ref, struct ds_error *err);

#endif
