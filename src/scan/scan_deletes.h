// Delete files: which of them apply to what was planned.
// Iceberg specification, "Scan Planning".
#ifndef DSI_SCAN_SCAN_DELETES_H
#define DSI_SCAN_SCAN_DELETES_H

#include "scan/scan_plan.h"

/// Fails with DS_EUNSUPPORTED when a delete file of this manifest applies to a planned
/// file.
DS_MUST_CHECK int dsi_deletes_check(const struct dsi_plan_request *request,
                                    const struct dsi_manifest_file *deletes,
                                    const struct dsi_plan *plan, struct ds_error *err);

#endif
