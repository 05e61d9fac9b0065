/// The whole public API. Include this one header.
#ifndef DATASHARD_DATASHARD_H
#define DATASHARD_DATASHARD_H

#include "datashard/appender.h"
#include "datashard/arrow.h"
#include "datashard/cancel.h"
#include "datashard/catalog.h"
#include "datashard/export.h"
#include "datashard/ipc.h"
#include "datashard/log.h"
#include "datashard/memory.h"
#include "datashard/migrate.h"
#include "datashard/rows.h"
#include "datashard/scan.h"
#include "datashard/stats.h"
#include "datashard/status.h"
#include "datashard/storage.h"
#include "datashard/table.h"
#include "datashard/types.h"
#include "datashard/version.h"
#include "datashard/write.h"

#endif
