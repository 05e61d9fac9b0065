// A page header: read, or refused.
#include <stdint.h>

#include "codec/parquet/parquet_page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dsi_parquet_page page;
    struct ds_error err = {0};
    size_t head = 0;

    if (dsi_parquet_page_read((struct ds_slice){data, size}, &page, &head, &err) ==
            DS_OK &&
        (head > size || (size_t)page.compressed_size > size - head)) {
        __builtin_trap();
    }
    return 0;
}
