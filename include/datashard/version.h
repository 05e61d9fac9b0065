/// Which datashard this is.
#ifndef DATASHARD_VERSION_H
#define DATASHARD_VERSION_H

#include "datashard/export.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DS_VERSION_MAJOR 0
#define DS_VERSION_MINOR 1
#define DS_VERSION_PATCH 0
#define DS_VERSION_TEXT "0.1.0"

/// The version of the library that runs, "0.1.0"; it may be newer than the header. Any
/// thread; never freed.
DS_API const char *ds_version(void);

#ifdef __cplusplus
}
#endif

#endif
