// Any bytes are a manifest list or an error; what was read can be written in version 2
// (unless counts are missing), and reads back equal in number.
#include <stdlib.h>

#include "model/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct dsi_manifest_list *list)
{
    const struct dsi_manifest_list_write w = {.format_version = 2, .parent_id = -1};
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_manifest_list again;

    if (dsi_manifest_list_build(&w, list->files, list->count, &out, NULL) == DS_OK) {
        if (dsi_manifest_list_parse(dsi_buf_slice(&out), &again, NULL) != DS_OK ||
            again.count != list->count) {
            abort();
        }
        dsi_manifest_list_release(&again);
    }
    dsi_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dsi_manifest_list list;
    struct ds_error err = {0};

    if (dsi_manifest_list_parse((struct ds_slice){data, size}, &list, &err) == DS_OK) {
        for (size_t i = 0; i < list.count; i++) {
            const struct dsi_manifest_file *f = &list.files[i];
            if (!f->path || f->length < 0 || f->spec_id < 0 || f->sequence_number < 0) {
                abort();
            }
        }
        write_again(&list);
    } else if (list.count != 0 || err.message[0] == '\0') {
        abort();
    }
    dsi_manifest_list_release(&list);
    return 0;
}
