// Intents: any bytes are refused with words, or an intent that goes out again as the same
// bytes.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "txn/intent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dsi_buf out = DSI_BUF_INIT;
    struct ds_error err = {0};
    struct dsi_intent i;
    int rc = dsi_intent_decode((struct ds_slice){data, size}, &i, &err);

    if (rc == DS_OK) {
        // A UUID may have come in upper case, a schema with blanks, a manifest's name
        // more often than need be: so it is read once more, and then nothing changes.
        struct dsi_buf twice = DSI_BUF_INIT;
        struct dsi_intent again;
        if (dsi_intent_encode(i.change, &i.since, &out, NULL) != DS_OK ||
            dsi_intent_decode(dsi_buf_slice(&out), &again, NULL) != DS_OK ||
            dsi_intent_encode(again.change, &again.since, &twice, NULL) != DS_OK ||
            out.size != twice.size || memcmp(out.data, twice.data, out.size) != 0 ||
            strcmp(i.change->identity, again.change->identity) != 0) {
            abort();
        }
        dsi_intent_release(&again);
        dsi_buf_release(&twice);
    } else if (rc != DS_ECORRUPT || err.message[0] == '\0') {
        abort();
    }
    dsi_intent_release(&i);
    dsi_buf_release(&out);
    return 0;
}
