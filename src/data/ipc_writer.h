// The rows of an Arrow stream written as Arrow IPC data.
#ifndef DSI_DATA_IPC_WRITER_H
#define DSI_DATA_IPC_WRITER_H

#include "datashard/arrow.h"
#include "datashard/ipc.h"

/// See ds_ipc_write; `options` have been checked. The stream is not released.
DS_MUST_CHECK int dsi_ipc_write_stream(struct ArrowArrayStream *stream,
                                       const struct ds_ipc_write_options *options,
                                       int64_t *rows, struct ds_error *err);

#endif
