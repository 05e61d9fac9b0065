#include "datashard/log.h"

#include "base/log.h"

void ds_log_set(enum ds_log_level level, ds_log_fn fn, void *arg)
{
    dsi_log_set(level, fn, arg);
}
