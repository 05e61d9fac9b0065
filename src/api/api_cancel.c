#include "datashard/cancel.h"

#include "base/cancel.h"

void ds_cancel_begin(struct ds_cancel_scope *scope)
{
    dsi_cancel_begin(scope);
}

void ds_cancel_end(struct ds_cancel_scope *scope)
{
    dsi_cancel_end(scope);
}
