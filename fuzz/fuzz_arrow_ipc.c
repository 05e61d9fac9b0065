// Any bytes as an Arrow stream and as an Arrow file, read to the end. What comes out can
// be read from end to end, can be imported, and can be written again.
#include <stdlib.h>
#include <string.h>

#include "codec/arrow_ipc/ipc_encode.h"
#include "data/arrow_io.h"
#include "data/ipc_reader.h"

enum { ROWS_LOOKED_AT = 200 };

unsigned seen; // Visible from outside, so that no read is left out.

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ptrdiff_t feed(void *arg, void *out, size_t size, struct ds_error *err)
{
    struct ds_slice *in = arg;
    (void)err;
    size = size < in->size ? size : in->size;
    if (size > 0) {
        memcpy(out, in->data, size);
        in->data += size;
        in->size -= size;
    }
    return (ptrdiff_t)size;
}

static int nowhere(void *arg, const void *bytes, size_t size, struct ds_error *err)
{
    (void)arg;
    (void)err;
    for (size_t i = 0; i < size; i++) {
        seen += ((const uint8_t *)bytes)[i];
    }
    return DS_OK;
}

// Rows become batches if Iceberg has their types: values are checked there.
static void import(const struct ArrowSchema *schema, struct ArrowArray *array)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_arrow_import *im = NULL;
    struct dsi_schema target;
    struct dsi_batch b = {0};
    struct ds_error err = {0};

    if (array->length <= ROWS_LOOKED_AT &&
        dsi_arrow_schema_read(schema, &arena, &target, &err) == DS_OK &&
        dsi_arrow_import_new(schema, &target, &im, &err) == DS_OK) {
        if (dsi_arrow_import_batch(im, array, 0, &b, &err) < 0 && !err.message[0]) {
            abort(); // A failure without words.
        }
        dsi_batch_release(&b);
    }
    dsi_arrow_import_free(im);
    dsi_arena_release(&arena);
    if (array->release) {
        array->release(array);
    }
}

static void read_all(struct dsi_ipc_reader *r)
{
    struct dsi_ipc_encode_options o = {.write = nowhere};
    struct dsi_ipc_encoder *e = NULL;
    struct ArrowSchema schema = {0};
    struct ArrowArray a;
    struct ds_error err = {0};
    int rc = DS_OK;
    int left = 20;

    if (dsi_ipc_reader_schema(r, &schema, &err) < 0 ||
        dsi_ipc_encoder_new(&schema, &o, &e, &err) < 0) {
        abort(); // It was read before.
    }
    while (left-- > 0 && (rc = dsi_ipc_reader_next(r, &a, &err)) == DS_ROW) {
        // Writing walks every buffer; a null count may still be a lie.
        if (dsi_ipc_encoder_batch(e, &a, &err) < 0 && !err.message[0]) {
            abort();
        }
        import(&schema, &a);
    }
    if (rc < 0 && !err.message[0]) {
        abort();
    }
    dsi_ipc_encoder_free(e);
    schema.release(&schema);
    dsi_ipc_reader_free(r);
}

static void read_file(struct ds_slice bytes)
{
    ds_storage *storage = NULL;
    struct ds_file *file = NULL;
    struct dsi_ipc_reader *r = NULL;

    if (dsi_storage_mem_new(&storage, NULL) < 0 ||
        dsi_storage_put(storage, "memory:///a", bytes, 0, NULL) < 0 ||
        dsi_file_open(storage, "memory:///a", &file, NULL) < 0) {
        abort();
    }
    if (dsi_ipc_reader_open_file(storage, file, "a", &r, NULL) == DS_OK) {
        read_all(r);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ds_slice in = {data, size};
    struct dsi_ipc_reader *r = NULL;

    read_file(in);
    if (dsi_ipc_reader_open(feed, &in, "in", &r, NULL) == DS_OK) {
        read_all(r);
    }
    return 0;
}
