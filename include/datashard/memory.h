/// The memory that the library keeps for later.
#ifndef DATASHARD_MEMORY_H
#define DATASHARD_MEMORY_H

#include <stddef.h>

#include "datashard/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Gives the system back the memory that is kept for the next rows read or written, and
/// says how many bytes that were, at most 256 MiB. While nobody reads or writes, the
/// system may take that memory without asking, so this is for whoever wants it to be gone
/// from the process's size too. Any thread, at any time.
DS_API size_t ds_release_memory(void);

#ifdef __cplusplus
}
#endif

#endif
