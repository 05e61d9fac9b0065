// Questions to a change. Apart from change.c, which draws identities, because rebase asks
// them and must stay pure.
#include "txn/change.h"

void dsi_change_totals(const struct dsi_change *c, uint64_t *rows, uint64_t *files,
                       uint64_t *bytes)
{
    *rows = *files = *bytes = 0;
    for (size_t i = 0; i < c->operation_count; i++) {
        const struct dsi_operation *o = &c->operations[i];
        for (size_t k = 0; k < o->file_count; k++) {
            *rows += (uint64_t)o->files[k].record_count;
            *bytes += (uint64_t)o->files[k].file_size;
        }
        *files += o->file_count;
    }
}

bool dsi_change_makes_snapshot(const struct dsi_change *c)
{
    for (size_t i = 0; i < c->operation_count; i++) {
        if (c->operations[i].file_count > 0) {
            return true;
        }
    }
    return false;
}
