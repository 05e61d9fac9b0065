// Any bytes as a FlatBuffer: every slot read as everything it could be, all the way down,
// and nothing outside of the buffer touched.
#include <stdlib.h>

#include "codec/flatbuf/flatbuf.h"

enum { SLOTS = 6, STEPS_MAX = 20000 };

unsigned seen; // Visible from outside, so that no read is left out.

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct dsi_flat_table *t, int *steps)
{
    struct dsi_flat_table child;
    struct dsi_flat_vector v;
    struct ds_slice text;
    struct ds_error err = {0};
    int64_t n = 0;
    bool found = false;

    for (size_t slot = 0; slot < SLOTS && (*steps)-- > 0; slot++) {
        for (size_t width = 1; width <= 8; width *= 2) {
            if (dsi_flat_int(t, slot, width, 1, &n, &err) == DS_OK) {
                seen += (unsigned)n;
            }
        }
        if (dsi_flat_text(t, slot, &found, &text, &err) == DS_OK && found) {
            for (size_t i = 0; i <= text.size; i++) {
                seen += text.data[i];
            }
        }
        if (dsi_flat_vector(t, slot, 16, &v, &err) == DS_OK && v.count > 0) {
            seen += v.data[v.count * 16 - 1];
        }
        if (dsi_flat_vector(t, slot, 4, &v, &err) == DS_OK) {
            for (size_t i = 0; i < v.count && (*steps)-- > 0; i++) {
                if (dsi_flat_element(&v, i, &child, &err) == DS_OK) {
                    look(&child, steps);
                }
            }
        }
        if (dsi_flat_child(t, slot, &found, &child, &err) == DS_OK && found) {
            look(&child, steps);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dsi_flat_table root;
    struct ds_error err = {0};
    int steps = STEPS_MAX;

    if (dsi_flat_root((struct ds_slice){data, size}, "x", &root, &err) == DS_OK) {
        look(&root, &steps);
    } else if (err.status != DS_ECORRUPT || err.message[0] == '\0') {
        abort();
    }
    return 0;
}
