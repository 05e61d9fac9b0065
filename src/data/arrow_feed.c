#include "data/arrow_feed.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/refcount.h"

enum { PIECES_MAX = 16 };

// An array that is cut, and how many pieces there still are.
struct dsi_arrow_whole {
    struct dsi_refcount owners;
    struct ArrowArray array;
};

static void drop(struct dsi_arrow_whole *w)
{
    if (w && dsi_refcount_drop(&w->owners)) {
        w->array.release(&w->array);
        dsi_free(w);
    }
}

static void release_piece(struct ArrowArray *piece)
{
    piece->release = NULL;
    drop(piece->private_data);
}

static bool can_cut(const struct ArrowSchema *schema, int depth)
{
    if (!schema || schema->dictionary || depth > DSI_TYPE_DEPTH_MAX ||
        (schema->format && strncmp(schema->format, "+r", 2) == 0)) {
        return false;
    }
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (!can_cut(schema->children[i], depth + 1)) {
            return false;
        }
    }
    return true;
}

struct dsi_arrow_feed dsi_arrow_feed_open(struct ArrowArrayStream *stream,
                                          const struct ArrowSchema *schema,
                                          struct dsi_arrow_import *import)
{
    return (struct dsi_arrow_feed){
        .stream = stream, .import = import, .cuts = can_cut(schema, 0)};
}

void dsi_arrow_feed_close(struct dsi_arrow_feed *f)
{
    drop(f->rest);
    f->rest = NULL;
}

static int begin_cutting(struct dsi_arrow_feed *f, struct ArrowArray *array,
                         struct ds_error *err)
{
    struct dsi_arrow_whole *w = dsi_malloc(sizeof *w);

    if (!w) {
        array->release(array);
        return dsi_no_memory(err, "taking a large Arrow array");
    }
    dsi_refcount_init(&w->owners);
    w->array = *array;
    array->release = NULL;
    f->rest = w;
    f->rest_at = 0;
    return DS_OK;
}

// The next piece of the array at hand.
static struct ArrowArray cut(struct dsi_arrow_feed *f)
{
    struct dsi_arrow_whole *w = f->rest;
    int64_t pieces = w->array.length / DSI_ARROW_FEED_ROWS;
    int64_t size =
        pieces <= PIECES_MAX ? DSI_ARROW_FEED_ROWS : w->array.length / PIECES_MAX + 1;
    struct ArrowArray piece = w->array;

    piece.length = w->array.length - f->rest_at;
    piece.length = piece.length < size ? piece.length : size;
    piece.offset += f->rest_at;
    piece.null_count = w->array.null_count == 0 ? 0 : -1;
    piece.release = release_piece;
    piece.private_data = w;
    f->rest_at += piece.length;
    if (f->rest_at < w->array.length) {
        dsi_refcount_add(&w->owners);
    } else {
        f->rest = NULL; // The last piece has the feed's share.
    }
    return piece;
}

int dsi_arrow_feed_next(struct dsi_arrow_feed *f, struct dsi_batch *out,
                        struct ds_error *err)
{
    struct ArrowArray array = {0};
    int rc = DS_OK;

    *out = (struct dsi_batch){0};
    if (!f->rest) {
        DSI_TRY(dsi_arrow_stream_take(f->stream, &array, err));
        if (!array.release) {
            return DS_OK;
        }
    }
    if (array.release && f->cuts && array.length / 2 > DSI_ARROW_FEED_ROWS) {
        DSI_TRY(begin_cutting(f, &array, err));
    }
    if (f->rest) {
        array = cut(f);
    }
    DSI_TRY(dsi_arrow_import_batch(f->import, &array, f->rows, out, err));
    f->rows += out->rows;
    rc = DS_ROW;
done:
    return rc;
}
