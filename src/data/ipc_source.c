#include "data/ipc_source.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

// Bytes that are only promised get no more room than this at once, or than there are.
enum { READ_SIZE_MIN = 1 << 18, FOOTER_SIZE_MAX = DSI_IPC_METADATA_MAX };

void dsi_ipc_source_release(struct dsi_ipc_source *s)
{
    dsi_buf_release(&s->metadata);
    dsi_buf_release(&s->body);
    dsi_buf_release(&s->footer_bytes);
    dsi_file_close(s->file);
    dsi_storage_free(s->storage);
    s->file = NULL;
    s->storage = NULL;
}

static int cut_off(const struct dsi_ipc_source *s, struct ds_error *err)
{
    return dsi_corrupt(err, "%s: it ends inside of message %llu: it was cut off", s->name,
                       (unsigned long long)s->messages + 1);
}

// Reads until `b` holds `want` bytes: DS_ROW; DS_OK when it does not (yet), see ended.
static int fill(struct dsi_ipc_source *s, struct dsi_buf *b, uint64_t want,
                struct ds_error *err)
{
    while (b->size < want) {
        uint64_t part = want - b->size;
        uint64_t most = b->size > READ_SIZE_MIN ? b->size : READ_SIZE_MIN;
        part = part < most ? part : most;
        int rc = dsi_buf_reserve(b, (size_t)part, err);
        if (rc < 0) {
            return rc;
        }
        void *arg = s->file ? s : s->arg;
        ptrdiff_t got = s->read(arg, b->data + b->size, (size_t)part, err);
        if (got == DS_READ_PAUSE) {
            return DS_OK;
        }
        if (got < 0) {
            return (int)got;
        }
        if ((uint64_t)got > part) {
            return dsi_fail(err, DS_EINVALID, "%s: a read gave too much", s->name);
        }
        if (got == 0) {
            s->ended = true;
            return DS_OK;
        }
        b->size += (size_t)got;
    }
    return DS_ROW;
}

// What comes next is the first byte of a message.
static void begin_message(struct dsi_ipc_source *s)
{
    s->stage = DSI_IPC_AT_MESSAGE;
    s->metadata.size = 0;
    s->body.size = 0;
}

// Each step: DS_ROW, go on with the next stage; DS_OK, there is nothing (yet).
static int step_head(struct dsi_ipc_source *s, struct ds_error *err)
{
    int rc = fill(s, &s->metadata, 4, err);

    if (rc != DS_ROW) {
        return rc == DS_OK && s->ended && s->metadata.size > 0 ? cut_off(s, err) : rc;
    }
    if (memcmp(s->metadata.data, DSI_IPC_MAGIC, 4) != 0) {
        s->stage = DSI_IPC_AT_MESSAGE; // Its first four bytes are there.
        return DS_ROW;
    }
    rc = fill(s, &s->metadata, DSI_IPC_HEAD_SIZE, err);
    if (rc != DS_ROW) {
        return rc == DS_OK && s->ended ? cut_off(s, err) : rc;
    }
    if (memcmp(s->metadata.data, DSI_IPC_MAGIC, DSI_IPC_MAGIC_SIZE) != 0) {
        return dsi_corrupt(err, "%s: neither an Arrow file nor a stream", s->name);
    }
    s->is_file = true;
    begin_message(s);
    return DS_ROW;
}

static int step_message(struct dsi_ipc_source *s, struct ds_error *err)
{
    int rc = fill(s, &s->metadata, 4, err);

    if (rc != DS_ROW) { // A stream may just end between two messages.
        bool inside = s->metadata.size > 0 || s->is_file;
        return rc == DS_OK && s->ended && inside ? cut_off(s, err) : rc;
    }
    rc = dsi_ipc_prefix_read(s->metadata.data, 4, s->what, &s->metadata_size, err);
    if (rc == DS_ROW) {
        rc = fill(s, &s->metadata, DSI_IPC_PREFIX_SIZE, err);
        if (rc != DS_ROW) {
            return rc == DS_OK && s->ended ? cut_off(s, err) : rc;
        }
        rc = dsi_ipc_prefix_read(s->metadata.data, DSI_IPC_PREFIX_SIZE, s->what,
                                 &s->metadata_size, err);
    }
    if (rc < 0) {
        return rc;
    }
    s->metadata.size = 0;
    s->stage = s->metadata_size > 0 ? DSI_IPC_AT_METADATA : DSI_IPC_AT_END;
    return DS_ROW;
}

static int step_metadata(struct dsi_ipc_source *s, struct ds_error *err)
{
    int rc = fill(s, &s->metadata, s->metadata_size, err);

    if (rc != DS_ROW) {
        return rc == DS_OK && s->ended ? cut_off(s, err) : rc;
    }
    rc = dsi_ipc_message_read(dsi_buf_slice(&s->metadata), s->what, &s->message, err);
    s->stage = DSI_IPC_AT_BODY;
    return rc < 0 ? rc : DS_ROW;
}

static int step_body(struct dsi_ipc_source *s, struct dsi_ipc_message *out,
                     struct ds_error *err)
{
    int rc = fill(s, &s->body, s->message.body_size, err);

    if (rc != DS_ROW) {
        return rc == DS_OK && s->ended ? cut_off(s, err) : rc;
    }
    *out = s->message;
    s->messages++;
    s->stage = DSI_IPC_AT_NEXT;
    return DS_ROW;
}

// After the end: nothing, or the rest of a file, which only has to be whole.
static int step_end(struct dsi_ipc_source *s, struct ds_error *err)
{
    size_t footer = 0;
    size_t most = s->is_file ? (size_t)FOOTER_SIZE_MAX + DSI_IPC_TAIL_SIZE : 0;
    int rc = fill(s, &s->metadata, most + 1, err);

    if (rc < 0 || (rc == DS_OK && !s->ended)) {
        return rc;
    }
    size_t size = s->metadata.size;
    if (rc == DS_ROW || (s->is_file && size < DSI_IPC_TAIL_SIZE)) {
        return dsi_corrupt(err, "%s: %s", s->name,
                           s->is_file ? "a file without its footer: it was cut off"
                                      : "there are bytes after the end of the stream");
    }
    if (s->is_file) {
        const uint8_t *tail = s->metadata.data + size - DSI_IPC_TAIL_SIZE;
        rc = dsi_ipc_tail_read(tail, size + DSI_IPC_HEAD_SIZE, &footer, err);
    }
    return rc < 0 ? dsi_wrap_file(err, rc, "reading", s->name) : DS_OK;
}

static void name_message(struct dsi_ipc_source *s)
{
    snprintf(s->what, sizeof s->what, "%s: message %llu", s->name,
             (unsigned long long)s->messages + 1);
}

static int read_on(struct dsi_ipc_source *s, struct dsi_ipc_message *out,
                   struct ds_error *err)
{
    int rc = DS_ROW;

    name_message(s);
    while (rc == DS_ROW) {
        switch (s->stage) {
        case DSI_IPC_AT_NEXT:
            begin_message(s);
            break;
        case DSI_IPC_AT_HEAD:
            rc = step_head(s, err);
            break;
        case DSI_IPC_AT_MESSAGE:
            rc = step_message(s, err);
            break;
        case DSI_IPC_AT_METADATA:
            rc = step_metadata(s, err);
            break;
        case DSI_IPC_AT_BODY:
            return step_body(s, out, err);
        default:
            return step_end(s, err);
        }
    }
    return rc;
}

// One message of a file, wherever it lies.
static int read_block(struct dsi_ipc_source *s, const struct dsi_ipc_block *b,
                      struct dsi_ipc_message *out, struct ds_error *err)
{
    size_t prefix = 4;
    size_t size = 0;
    int rc = DS_OK;

    s->metadata.size = 0;
    s->body.size = 0;
    DSI_TRY(dsi_buf_reserve(&s->metadata, b->metadata_size, err));
    DSI_TRY(dsi_file_read(s->file, b->offset, s->metadata.data, b->metadata_size, err));
    s->metadata.size = b->metadata_size;
    DSI_TRY(dsi_ipc_prefix_read(s->metadata.data, prefix, s->what, &size, err));
    if (rc == DS_ROW) {
        prefix = DSI_IPC_PREFIX_SIZE;
        DSI_TRY(dsi_ipc_prefix_read(s->metadata.data, prefix, s->what, &size, err));
    }
    if (size > b->metadata_size - prefix) {
        return dsi_corrupt(err, "%s: metadata of %zu bytes, of %u in the footer", s->what,
                           size, (unsigned)b->metadata_size);
    }
    DSI_TRY(dsi_ipc_message_read((struct ds_slice){s->metadata.data + prefix, size},
                                 s->what, out, err));
    if (out->body_size > b->body_size) {
        return dsi_corrupt(err, "%s: a body of %llu bytes, of %llu in the footer",
                           s->what, (unsigned long long)out->body_size,
                           (unsigned long long)b->body_size);
    }
    DSI_TRY(dsi_buf_reserve(&s->body, (size_t)out->body_size, err));
    DSI_TRY(dsi_file_read(s->file, b->offset + b->metadata_size, s->body.data,
                          (size_t)out->body_size, err));
    s->body.size = (size_t)out->body_size;
done:
    return rc < 0 ? rc : DS_ROW;
}

static int read_by_footer(struct dsi_ipc_source *s, struct dsi_ipc_message *out,
                          struct ds_error *err)
{
    const struct dsi_ipc_footer *f = &s->footer;
    bool dictionary = s->next_dictionary < f->dictionaries.count;
    struct dsi_ipc_block b;
    int rc = DS_OK;

    if (!dictionary && s->next_batch == f->batches.count) {
        s->ended = true;
        return DS_OK;
    }
    snprintf(s->what, sizeof s->what, "%s: %s %zu", s->name,
             dictionary ? "dictionary" : "batch",
             (dictionary ? s->next_dictionary : s->next_batch) + 1);
    DSI_TRY(dictionary
                ? dsi_ipc_footer_block(f, &f->dictionaries, s->next_dictionary, &b, err)
                : dsi_ipc_footer_block(f, &f->batches, s->next_batch, &b, err));
    DSI_TRY(read_block(s, &b, out, err));
    if (out->kind != (dictionary ? DSI_IPC_DICTIONARY_BATCH : DSI_IPC_RECORD_BATCH)) {
        return dsi_corrupt(err, "%s: the footer leads to another kind of message",
                           s->what);
    }
    s->next_dictionary += dictionary;
    s->next_batch += !dictionary;
done:
    return rc < 0 ? dsi_wrap_file(err, rc, "reading", s->name) : DS_ROW;
}

int dsi_ipc_source_next(struct dsi_ipc_source *s, struct dsi_ipc_message *out,
                        struct ds_error *err)
{
    if (s->ended) {
        return DS_OK;
    }
    return s->file_format ? read_by_footer(s, out, err) : read_on(s, out, err);
}

void dsi_ipc_source_init(struct dsi_ipc_source *s, ds_read_fn read, void *arg,
                         const char *name)
{
    *s = (struct dsi_ipc_source){.read = read, .arg = arg};
    s->metadata.max = (size_t)FOOTER_SIZE_MAX + 4096;
    s->footer_bytes.max = FOOTER_SIZE_MAX;
    s->body.max = SIZE_MAX / 4;
    snprintf(s->name, sizeof s->name, "%.200s", name);
}

static ptrdiff_t read_file(void *arg, void *out, size_t size, struct ds_error *err)
{
    struct dsi_ipc_source *s = arg;
    uint64_t left = dsi_file_size(s->file) - s->file_at;

    size = size < left ? size : (size_t)left;
    int rc = size > 0 ? dsi_file_read(s->file, s->file_at, out, size, err) : DS_OK;
    s->file_at += size;
    return rc < 0 ? rc : (ptrdiff_t)size;
}

static int read_footer(struct dsi_ipc_source *s, struct ds_error *err)
{
    uint64_t size = dsi_file_size(s->file);
    uint8_t tail[DSI_IPC_TAIL_SIZE] = {0};
    size_t footer = 0;
    int rc = DS_OK;

    if (size >= DSI_IPC_HEAD_SIZE + DSI_IPC_TAIL_SIZE) {
        DSI_TRY(dsi_file_read(s->file, size - sizeof tail, tail, sizeof tail, err));
    }
    DSI_TRY(dsi_ipc_tail_read(tail, size, &footer, err));
    DSI_TRY(dsi_buf_reserve(&s->footer_bytes, footer, err));
    DSI_TRY(dsi_file_read(s->file, size - sizeof tail - footer, s->footer_bytes.data,
                          footer, err));
    s->footer_bytes.size = footer;
    DSI_TRY(dsi_ipc_footer_read(dsi_buf_slice(&s->footer_bytes), size, &s->footer, err));
    s->file_format = true;
done:
    return rc;
}

int dsi_ipc_source_open_file(struct dsi_ipc_source *s, ds_storage *storage,
                             struct ds_file *file, const char *name, struct ds_error *err)
{
    uint8_t head[DSI_IPC_HEAD_SIZE] = {0};
    int rc = DS_OK;

    dsi_ipc_source_init(s, NULL, NULL, name);
    s->storage = storage;
    s->file = file;
    if (dsi_file_size(file) >= sizeof head) {
        DSI_TRY(dsi_file_read(file, 0, head, sizeof head, err));
    }
    if (memcmp(head, DSI_IPC_MAGIC, DSI_IPC_MAGIC_SIZE) == 0) {
        DSI_TRY(read_footer(s, err));
    } else {
        s->read = read_file; // Its argument is `s`, wherever that is by then.
    }
done:
    if (rc < 0) {
        dsi_ipc_source_release(s);
        return dsi_wrap_file(err, rc, "reading", name);
    }
    return rc;
}
