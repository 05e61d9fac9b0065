// A footer as the end of a file of some size: parsed, or refused, and walked.
#include <stdint.h>

#include "codec/parquet/parquet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dsi_parquet_file f = {0};
    struct ds_error err = {0};
    int64_t file_size = (int64_t)size + 100000;
    size_t footer = 0;

    if (size < DSI_PARQUET_TAIL_SIZE ||
        dsi_parquet_footer_size(data + size - DSI_PARQUET_TAIL_SIZE, file_size, &footer,
                                &err) < 0 ||
        footer > size) {
        return 0;
    }
    struct ds_slice in = {data + size - footer, footer};
    if (dsi_parquet_file_parse(in, file_size, &f, &err) == DS_OK) {
        for (size_t i = 0; i < f.leaf_count; i++) {
            char path[64];
            dsi_parquet_path(f.leaves[i], path, sizeof path);
            for (size_t g = 0; g < f.row_group_count; g++) {
                const struct dsi_parquet_chunk *c = &f.row_groups[g].columns[i];
                struct dsi_parquet_value v;
                if (c->offset + c->size > file_size ||
                    (c->statistics.has_min &&
                     dsi_parquet_value_read(&f.leaves[i]->field, c->statistics.min, &v,
                                            &err) < 0)) {
                    __builtin_trap();
                }
            }
        }
        if (dsi_parquet_file_field(&f, -1) == f.root) {
            __builtin_trap();
        }
    }
    dsi_parquet_file_release(&f);
    return 0;
}
