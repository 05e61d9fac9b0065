#include "datashard/memory.h"

#include "base/pool.h"

size_t ds_release_memory(void)
{
    return dsi_pool_empty();
}
