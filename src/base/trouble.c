#include "base/trouble.h"

#include <stddef.h>

static _Thread_local struct dsi_trouble *current;

void dsi_trouble_begin(struct dsi_trouble *t)
{
    t->outer = current;
    current = t;
}

void dsi_trouble_end(struct dsi_trouble *t)
{
    current = t->outer;
    t->outer = NULL;
}

bool dsi_trouble_tell(const struct ds_error *why)
{
    if (!current || !current->told) {
        return false;
    }
    current->told(current->arg, why);
    return true;
}
