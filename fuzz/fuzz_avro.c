// Any bytes are an Avro file whose objects can be skipped to the end of each block, or an
// error; what was skipped does not depend on how often it is done.
#include <stdlib.h>

#include "codec/avro/avro_reader.h"
#include "codec/avro/avro_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int skip_block(const struct dsi_avro_type *t, int64_t count,
                      struct ds_slice objects)
{
    for (int64_t i = 0; i < count; i++) {
        struct ds_slice before = objects;
        int rc = dsi_avro_skip(t, &objects, NULL);
        if (rc < 0) {
            if (objects.data != before.data || objects.size != before.size) {
                abort();
            }
            return rc;
        }
        if (before.size - objects.size < t->size_min) {
            abort();
        }
    }
    return DS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dsi_avro_reader r;
    struct ds_slice objects = {NULL, 0};
    struct ds_error err = {0};
    int64_t count = 0;
    int rc = dsi_avro_reader_init(&r, (struct ds_slice){data, size}, &err);

    r.block.max = 1 << 22; // Bombs are for the decompressors' own target.
    while (rc == DS_OK && dsi_avro_reader_next(&r, &count, &objects, &err) == DS_ROW) {
        if (count < 1) {
            abort();
        }
        rc = skip_block(r.schema, count, objects);
        if (rc != skip_block(r.schema, count, objects)) {
            abort();
        }
    }
    dsi_avro_reader_release(&r);
    return 0;
}
