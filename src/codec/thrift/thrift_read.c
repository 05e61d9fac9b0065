#include <limits.h>

#include "base/error.h"
#include "codec/thrift/thrift.h"

void dsi_thrift_reader_init(struct dsi_thrift_reader *r, struct ds_slice in,
                            const char *what)
{
    r->in = in;
    r->start = in.data;
    r->what = what;
}

size_t dsi_thrift_reader_position(const struct dsi_thrift_reader *r)
{
    return r->in.data ? (size_t)(r->in.data - r->start) : 0;
}

static int truncated(const struct dsi_thrift_reader *r, size_t need, struct ds_error *err)
{
    return dsi_corrupt(err, "%s: %zu more bytes wanted at byte %zu, %zu left", r->what,
                       need, dsi_thrift_reader_position(r), r->in.size);
}

static int unexpected(const struct dsi_thrift_reader *r, enum dsi_thrift_type found,
                      const char *expected, struct ds_error *err)
{
    return dsi_corrupt(err, "%s: thrift type %d at byte %zu where %s belongs", r->what,
                       (int)found, dsi_thrift_reader_position(r), expected);
}

static int take_byte(struct dsi_thrift_reader *r, uint8_t *out, struct ds_error *err)
{
    if (r->in.size == 0) {
        return truncated(r, 1, err);
    }
    *out = *r->in.data;
    r->in.data++;
    r->in.size--;
    return DS_OK;
}

static int take(struct dsi_thrift_reader *r, uint64_t size, struct ds_slice *out,
                struct ds_error *err)
{
    if (size > r->in.size) {
        return truncated(r, (size_t)size, err); // (1)
    }
    *out = (struct ds_slice){r->in.data, (size_t)size};
    if (size > 0) {
        r->in.data += size;
        r->in.size -= (size_t)size;
    }
    return DS_OK;
}

static int take_varint(struct dsi_thrift_reader *r, uint64_t *out, struct ds_error *err)
{
    uint64_t bits = 0;

    for (int i = 0; i < 10; i++) {
        uint8_t byte = 0;
        int rc = take_byte(r, &byte, err);
        if (rc < 0) {
            return rc;
        }
        if (i == 9 && byte > 1) {
            break; // Ten bytes carry 70 bits; only one of the last seven fits in 64.
        }
        bits |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *out = bits;
            return DS_OK;
        }
    }
    return dsi_corrupt(err, "%s: a varint before byte %zu is wider than 64 bits", r->what,
                       dsi_thrift_reader_position(r));
}

static int take_zigzag(struct dsi_thrift_reader *r, int64_t *out, struct ds_error *err)
{
    uint64_t bits = 0;
    int rc = take_varint(r, &bits, err);
    if (rc == DS_OK) {
        *out = (int64_t)((bits >> 1) ^ (0 - (bits & 1)));
    }
    return rc;
}

int dsi_thrift_next(struct dsi_thrift_reader *r, struct dsi_thrift_field *f,
                    struct ds_error *err)
{
    uint8_t byte = 0;
    int64_t id = 0;
    int rc = DS_OK;

    DSI_TRY(take_byte(r, &byte, err));
    f->type = (enum dsi_thrift_type)(byte & 0x0f);
    if (f->type == DSI_THRIFT_STOP) {
        return DS_OK;
    }
    if (byte >> 4) {
        id = (int64_t)f->id + (byte >> 4);
    } else {
        DSI_TRY(take_zigzag(r, &id, err));
    }
    if (id < INT16_MIN || id > INT16_MAX) {
        return dsi_corrupt(err, "%s: a field id before byte %zu is not 16 bits wide",
                           r->what, dsi_thrift_reader_position(r));
    }
    f->id = (int32_t)id;
    rc = DS_ROW;
done:
    return rc;
}

int dsi_thrift_i64(struct dsi_thrift_reader *r, enum dsi_thrift_type type, int64_t *out,
                   struct ds_error *err)
{
    if (type == DSI_THRIFT_I8) {
        uint8_t byte = 0;
        int rc = take_byte(r, &byte, err);
        *out = byte < 0x80 ? byte : byte - 0x100;
        return rc;
    }
    if (type != DSI_THRIFT_I16 && type != DSI_THRIFT_I32 && type != DSI_THRIFT_I64) {
        return unexpected(r, type, "an integer", err);
    }
    return take_zigzag(r, out, err);
}

int dsi_thrift_i32(struct dsi_thrift_reader *r, enum dsi_thrift_type type, int32_t *out,
                   struct ds_error *err)
{
    int64_t v = 0;
    int rc = dsi_thrift_i64(r, type, &v, err);
    if (rc == DS_OK && (v < INT32_MIN || v > INT32_MAX)) {
        return dsi_corrupt(err, "%s: the integer before byte %zu is wider than 32 bits",
                           r->what, dsi_thrift_reader_position(r));
    }
    *out = (int32_t)v;
    return rc;
}

int dsi_thrift_bool(struct dsi_thrift_reader *r, enum dsi_thrift_type type, bool *out,
                    struct ds_error *err)
{
    if (type != DSI_THRIFT_TRUE && type != DSI_THRIFT_FALSE) {
        return unexpected(r, type, "a bool", err);
    }
    *out = type == DSI_THRIFT_TRUE;
    return DS_OK;
}

int dsi_thrift_bool_element(struct dsi_thrift_reader *r, bool *out, struct ds_error *err)
{
    uint8_t byte = 0;
    int rc = take_byte(r, &byte, err);
    if (rc == DS_OK && byte > DSI_THRIFT_FALSE) {
        return unexpected(r, (enum dsi_thrift_type)byte, "a bool of a list", err);
    }
    *out = byte == DSI_THRIFT_TRUE;
    return rc;
}

int dsi_thrift_binary(struct dsi_thrift_reader *r, enum dsi_thrift_type type,
                      struct ds_slice *out, struct ds_error *err)
{
    uint64_t size = 0;
    int rc = DS_OK;

    if (type != DSI_THRIFT_BINARY) {
        return unexpected(r, type, "a string", err);
    }
    DSI_TRY(take_varint(r, &size, err));
    DSI_TRY(take(r, size, out, err));
done:
    return rc;
}

// The types by which lists say "bool"; 0 is what some writers put for no particular one.
static bool is_bool(enum dsi_thrift_type t)
{
    return t == DSI_THRIFT_TRUE || t == DSI_THRIFT_FALSE;
}

static bool is_integer(enum dsi_thrift_type t)
{
    return t >= DSI_THRIFT_I8 && t <= DSI_THRIFT_I64;
}

static int list_header(struct dsi_thrift_reader *r, struct dsi_thrift_list *out,
                       struct ds_error *err)
{
    uint8_t byte = 0;
    uint64_t count = 0;
    int rc = DS_OK;

    DSI_TRY(take_byte(r, &byte, err));
    out->type = (enum dsi_thrift_type)(byte & 0x0f);
    if (is_bool(out->type)) {
        out->type = DSI_THRIFT_TRUE;
    }
    count = byte >> 4;
    if (count == 15) {
        DSI_TRY(take_varint(r, &count, err));
    }
    if (count > r->in.size) { // (2) The smallest element is one byte.
        return dsi_corrupt(err, "%s: a list of %llu elements at byte %zu, %zu bytes left",
                           r->what, (unsigned long long)count,
                           dsi_thrift_reader_position(r), r->in.size);
    }
    out->count = (size_t)count;
done:
    return rc;
}

int dsi_thrift_list(struct dsi_thrift_reader *r, enum dsi_thrift_type type,
                    enum dsi_thrift_type element, struct dsi_thrift_list *out,
                    struct ds_error *err)
{
    int rc = DS_OK;

    *out = (struct dsi_thrift_list){element, 0};
    if (type != DSI_THRIFT_LIST && type != DSI_THRIFT_SET) {
        return unexpected(r, type, "a list", err);
    }
    DSI_TRY(list_header(r, out, err));
    if (out->count > 0 && out->type != element &&
        !(is_integer(out->type) && is_integer(element))) {
        return unexpected(r, out->type, "another type of list element", err);
    }
done:
    return rc;
}

int dsi_thrift_struct(struct dsi_thrift_reader *r, enum dsi_thrift_type type,
                      struct ds_error *err)
{
    return type == DSI_THRIFT_STRUCT ? DS_OK : unexpected(r, type, "a struct", err);
}

static int skip_value(struct dsi_thrift_reader *r, enum dsi_thrift_type type, int depth,
                      struct ds_error *err);

static int skip_elements(struct dsi_thrift_reader *r, struct dsi_thrift_list list,
                         int depth, struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < list.count; i++) {
        if (list.type == DSI_THRIFT_TRUE) {
            bool ignored = false;
            DSI_TRY(dsi_thrift_bool_element(r, &ignored, err));
        } else {
            DSI_TRY(skip_value(r, list.type, depth, err));
        }
    }
done:
    return rc;
}

static int skip_map(struct dsi_thrift_reader *r, int depth, struct ds_error *err)
{
    uint64_t count = 0;
    uint8_t types = 0;
    int rc = DS_OK;

    DSI_TRY(take_varint(r, &count, err));
    if (count == 0) {
        return DS_OK; // An empty map has no byte for its types.
    }
    if (count > r->in.size) {
        return truncated(r, (size_t)count, err); // (2)
    }
    DSI_TRY(take_byte(r, &types, err));
    for (uint64_t i = 0; i < count; i++) {
        for (int half = 4; half >= 0; half -= 4) {
            enum dsi_thrift_type t = (enum dsi_thrift_type)(types >> half & 0x0f);
            struct dsi_thrift_list one = {is_bool(t) ? DSI_THRIFT_TRUE : t, 1};
            DSI_TRY(skip_elements(r, one, depth, err));
        }
    }
done:
    return rc;
}

static int skip_struct(struct dsi_thrift_reader *r, int depth, struct ds_error *err)
{
    struct dsi_thrift_field f = {0};
    int rc = DS_OK;

    while ((rc = dsi_thrift_next(r, &f, err)) == DS_ROW) {
        DSI_TRY(skip_value(r, f.type, depth, err));
    }
done:
    return rc;
}

static int skip_value(struct dsi_thrift_reader *r, enum dsi_thrift_type type, int depth,
                      struct ds_error *err)
{
    struct dsi_thrift_list list = {0};
    struct ds_slice bytes = {0};
    int64_t number = 0;
    int rc = DS_OK;

    if (depth > DSI_THRIFT_DEPTH_MAX) { // (3)
        return dsi_corrupt(err, "%s: nested deeper than %d at byte %zu", r->what,
                           DSI_THRIFT_DEPTH_MAX, dsi_thrift_reader_position(r));
    }
    switch (type) {
    case DSI_THRIFT_TRUE:
    case DSI_THRIFT_FALSE:
        return DS_OK;
    case DSI_THRIFT_I8:
    case DSI_THRIFT_I16:
    case DSI_THRIFT_I32:
    case DSI_THRIFT_I64:
        return dsi_thrift_i64(r, type, &number, err);
    case DSI_THRIFT_DOUBLE:
        return take(r, 8, &bytes, err);
    case DSI_THRIFT_UUID:
        return take(r, 16, &bytes, err);
    case DSI_THRIFT_BINARY:
        return dsi_thrift_binary(r, type, &bytes, err);
    case DSI_THRIFT_LIST:
    case DSI_THRIFT_SET:
        DSI_TRY(list_header(r, &list, err));
        DSI_TRY(skip_elements(r, list, depth + 1, err));
        return DS_OK;
    case DSI_THRIFT_MAP:
        return skip_map(r, depth + 1, err);
    case DSI_THRIFT_STRUCT:
        return skip_struct(r, depth + 1, err);
    default:
        return unexpected(r, type, "a type that thrift has", err);
    }
done:
    return rc;
}

int dsi_thrift_skip(struct dsi_thrift_reader *r, enum dsi_thrift_type type,
                    struct ds_error *err)
{
    return skip_value(r, type, 0, err);
}
