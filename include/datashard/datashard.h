/// The whole public API. Include this one header.
#ifndef DATASHARD_DATASHARD_H
#define DATASHARD_DATASHARD_H

#include "datashard/arrow.h"
#include "datashard/export.h"
#include "datashard/log.h"
#include "datashard/status.h"
#include "datashard/types.h"
#include "datashard/version.h"

#endif
