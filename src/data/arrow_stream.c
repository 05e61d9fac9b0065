// Streams: batches given one after another, and taken.
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "data/arrow_io.h"

// Behind a stream of ours.
struct giving {
    struct dsi_arena arena; // The schema.
    struct dsi_schema schema;
    struct dsi_arrow_form form;
    struct dsi_batch_source source;
    struct ds_error err; // Of the last call that failed.
    int failed;          // Its status: what has failed once goes on failing.
};

static void free_source(struct dsi_batch_source *source)
{
    if (source->free_arg) {
        source->free_arg(source->arg);
    }
}

// A stream's functions return an errno; the words are in get_last_error.
static int to_errno(int status)
{
    switch (status) {
    case DS_ENOMEM:
        return ENOMEM;
    case DS_EINVALID:
        return EINVAL;
    case DS_EUNSUPPORTED:
        return ENOSYS;
    case DS_ENOTFOUND:
        return ENOENT;
    case DS_ECORRUPT:
        return EBADMSG;
    case DS_ECANCELLED:
        return ECANCELED;
    case DS_EEXPIRED:
        return ESTALE;
    default:
        return EIO;
    }
}

static int give_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct giving *g = stream->private_data;
    int rc = dsi_arrow_schema_write_as(&g->schema, &g->form, out, &g->err);
    return rc < 0 ? to_errno(rc) : 0;
}

static int give_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct giving *g = stream->private_data;
    struct dsi_batch b = {0};
    int rc = g->failed;

    *out = (struct ArrowArray){0};
    if (rc == DS_OK) {
        rc = g->source.next(g->source.arg, &b, &g->err);
        if (rc == DS_ROW) {
            rc = dsi_arrow_export_batch_as(&b, &g->form, out, &g->err);
        }
        g->failed = rc;
    }
    return rc < 0 ? to_errno(rc) : 0;
}

static const char *give_last_error(struct ArrowArrayStream *stream)
{
    struct giving *g = stream->private_data;
    return g->err.message[0] ? g->err.message : NULL;
}

static void give_release(struct ArrowArrayStream *stream)
{
    struct giving *g = stream->private_data;
    free_source(&g->source);
    dsi_arena_release(&g->arena);
    dsi_free(g);
    stream->release = NULL;
}

static int copy_form(struct giving *g, const struct dsi_arrow_form *form,
                     struct ds_error *err)
{
    size_t count = form ? form->dictionary_count : 0;
    int32_t *ids = dsi_arena_array(&g->arena, count, sizeof *ids);

    if (!ids) {
        return dsi_no_memory(err, "making an Arrow stream");
    }
    if (form) {
        if (count > 0) {
            memcpy(ids, form->dictionary_ids, count * sizeof *ids);
        }
        g->form = *form;
        g->form.dictionary_ids = ids;
    }
    return DS_OK;
}

int dsi_arrow_stream_new_as(const struct dsi_schema *schema,
                            const struct dsi_arrow_form *form,
                            struct dsi_batch_source source, struct ArrowArrayStream *out,
                            struct ds_error *err)
{
    struct giving *g = dsi_calloc(1, sizeof *g);
    int rc = g ? dsi_schema_copy(schema, &g->arena, &g->schema, err)
               : dsi_no_memory(err, "making an Arrow stream");

    *out = (struct ArrowArrayStream){0};
    if (rc == DS_OK) {
        rc = copy_form(g, form, err);
    }
    if (rc < 0) {
        if (g) {
            dsi_arena_release(&g->arena);
            dsi_free(g);
        }
        free_source(&source);
        return rc;
    }
    assert(g);
    g->source = source;
    *out = (struct ArrowArrayStream){.get_schema = give_schema,
                                     .get_next = give_next,
                                     .get_last_error = give_last_error,
                                     .release = give_release,
                                     .private_data = g};
    return DS_OK;
}

int dsi_arrow_stream_new(const struct dsi_schema *schema, struct dsi_batch_source source,
                         struct ArrowArrayStream *out, struct ds_error *err)
{
    return dsi_arrow_stream_new_as(schema, NULL, source, out, err);
}

int dsi_arrow_stream_take(struct ArrowArrayStream *stream, struct ArrowArray *out,
                          struct ds_error *err)
{
    *out = (struct ArrowArray){0};
    if (!stream->release || !stream->get_next) {
        return dsi_fail(err, DS_EINVALID, "the Arrow stream was released");
    }
    int code = stream->get_next(stream, out);
    if (code != 0) {
        const char *words =
            stream->get_last_error ? stream->get_last_error(stream) : NULL;
        return dsi_fail(err, DS_EINVALID, "the Arrow stream failed: %.800s (code %d)",
                        words ? words : "it does not say why", code);
    }
    return DS_OK;
}

int dsi_arrow_stream_next(struct ArrowArrayStream *stream, struct dsi_arrow_import *im,
                          int64_t row_base, struct dsi_batch *out, struct ds_error *err)
{
    struct ArrowArray array = {0};
    int rc = DS_OK;

    *out = (struct dsi_batch){0};
    DSI_TRY(dsi_arrow_stream_take(stream, &array, err));
    if (!array.release) {
        return DS_OK;
    }
    DSI_TRY(dsi_arrow_import_batch(im, &array, row_base, out, err));
    rc = DS_ROW;
done:
    return rc;
}
