// Files of the local storage that are written front to back.
#include "storage/storage_local.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "storage/storage_temp.h"

enum {
    PENDING_MAX = DSI_HELD_MAX,
    UNSENT_MAX = 1 << 20, // Bytes of a file that wait for more to go to the disk.
};

struct local_sink {
    struct ds_sink base;
    struct dsi_local *storage;
    struct dsi_temp temp; // Not before there are more bytes than are held.
    char *path;
    char *dir;
    struct dsi_buf pending; // Written, but not yet to the file: small pieces go together.
    size_t unsent;          // Bytes of the file that are not on their way to the disk.
    bool broken;            // A write failed: nothing may be finished.
    bool finished;
};

// What the disk has when the file is finished, the sync need not wait for.
static int write_file(struct local_sink *l, struct ds_slice bytes, struct ds_error *err)
{
    struct dsi_local *s = l->storage;
    int rc = DS_OK;

    if (l->temp.fd < 0) {
        DSI_TRY(dsi_temp_open(&l->temp, s->dirs, s->spares, l->dir, true, err));
    }
    DSI_TRY(dsi_temp_write(&l->temp, bytes, err));
    l->unsent += bytes.size;
    if (l->unsent >= UNSENT_MAX) {
        dsi_temp_begin_sync(&l->temp);
        l->unsent = 0;
    }
done:
    return rc;
}

static int write_pending(struct local_sink *l, struct ds_error *err)
{
    int rc = write_file(l, dsi_buf_slice(&l->pending), err);

    l->pending.size = 0;
    return rc;
}

static int write_more(struct local_sink *l, struct ds_slice bytes, struct ds_error *err)
{
    const bool large = bytes.size > PENDING_MAX / 2;
    int rc = DS_OK;

    if (large || bytes.size > PENDING_MAX - l->pending.size) {
        DSI_TRY(write_pending(l, err));
    }
    DSI_TRY(large ? write_file(l, bytes, err)
                  : dsi_buf_append(&l->pending, bytes.data, bytes.size, err));
done:
    return rc;
}

static int sink_write(struct ds_sink *k, struct ds_slice bytes, struct ds_error *err)
{
    struct local_sink *l = (struct local_sink *)k;
    int rc = l->broken ? dsi_fail(err, DS_EIO, "%s: an earlier write failed", l->path)
                       : write_more(l, bytes, err);
    l->broken = rc < 0;
    return rc;
}

// Holds the whole file, if that can be done.
static bool hold_sink(struct local_sink *l)
{
    struct dsi_held held = {.bytes = l->pending, .replace = false};
    bool done = l->temp.fd < 0 && dsi_later_hold(l->storage->later, l->path, &held);

    if (done) {
        l->pending = (struct dsi_buf)DSI_BUF_INIT;
    }
    return done;
}

static int sink_finish(struct ds_sink *k, struct ds_error *err)
{
    struct local_sink *l = (struct local_sink *)k;
    int rc = DS_OK;

    if (l->broken || l->finished) {
        return dsi_fail(err, DS_EIO, "%s: %s", l->path,
                        l->broken ? "an earlier write failed" : "it is finished already");
    }
    l->finished = true;
    if (!hold_sink(l)) {
        // What is held may be another of the same name, which comes first then.
        DSI_TRY(dsi_local_write_held(l->storage, l->path, err));
        DSI_TRY(write_pending(l, err));
        DSI_TRY(dsi_local_name_later(l->storage, &l->temp, l->path, l->dir, false, err));
    }
done:
    return rc;
}

static void sink_close(struct ds_sink *k)
{
    struct local_sink *l = (struct local_sink *)k;

    dsi_temp_release(&l->temp);
    dsi_buf_release(&l->pending);
    dsi_free(l->path);
    dsi_free(l->dir);
    dsi_free(l);
}

static const struct ds_sink_ops sink_ops = {
    .struct_size = sizeof(struct ds_sink_ops),
    .write = sink_write,
    .finish = sink_finish,
    .close = sink_close,
};

int dsi_local_create(ds_storage *s, const char *location, struct ds_sink **out,
                     struct ds_error *err)
{
    struct local_sink *k = dsi_calloc(1, sizeof *k);
    const char *path = NULL;
    int rc = DS_OK;

    if (!k) {
        return dsi_no_memory(err, location);
    }
    k->base.ops = &sink_ops;
    k->storage = (struct dsi_local *)s;
    k->temp = (struct dsi_temp)DSI_TEMP_INIT;
    k->pending = (struct dsi_buf)DSI_BUF_INIT;
    DSI_TRY(dsi_local_split(location, &path, &k->dir, err));
    k->path = dsi_strdup(path);
    if (!k->path) {
        rc = dsi_no_memory(err, location);
        goto done;
    }
    *out = &k->base;
    k = NULL;
done:
    if (k) {
        sink_close(&k->base);
    }
    return rc;
}
