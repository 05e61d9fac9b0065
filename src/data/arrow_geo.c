#include "data/arrow_geo.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "codec/json/json_reader.h"
#include "codec/json/json_writer.h"

#define DEFAULT_CRS "OGC:CRS84"
#define UNKNOWN_CRS "srid:0"
#define DEFAULT_EDGES "spherical"

// "geography(srid:4326, karney)": what is in the brackets, with Iceberg's defaults.
struct geo {
    struct ds_slice crs;
    struct ds_slice edges; // Empty: a geometry, whose edges are straight.
};

static struct ds_slice trim(struct ds_slice s)
{
    while (s.size > 0 && s.data[0] == ' ') {
        s.data++;
        s.size--;
    }
    while (s.size > 0 && s.data[s.size - 1] == ' ') {
        s.size--;
    }
    return s;
}

static struct geo geo_of(const struct dsi_type *t)
{
    bool geography = t->kind == DSI_TYPE_GEOGRAPHY;
    const char *text = t->text ? t->text : "";
    const char *open = strchr(text, '(');
    const char *end = open ? strrchr(text, ')') : NULL;
    struct geo g = {dsi_slice_text(DEFAULT_CRS), {NULL, 0}};

    if (geography) {
        g.edges = dsi_slice_text(DEFAULT_EDGES);
    }
    if (!end || end < open) {
        return g;
    }
    struct ds_slice inside = {(const uint8_t *)open + 1, (size_t)(end - open - 1)};
    const uint8_t *comma =
        geography && inside.size > 0 ? memchr(inside.data, ',', inside.size) : NULL;
    struct ds_slice crs = inside;
    if (comma) {
        crs.size = (size_t)(comma - inside.data);
        g.edges = trim((struct ds_slice){comma + 1, inside.size - crs.size - 1});
    }
    crs = trim(crs);
    if (crs.size > 0) {
        g.crs = crs;
    }
    return g;
}

static bool is_default(struct ds_slice crs)
{
    return dsi_slice_equal(crs, dsi_slice_text(DEFAULT_CRS));
}

bool dsi_arrow_geo_same(const struct dsi_type *a, const struct dsi_type *b)
{
    struct geo x = geo_of(a);
    struct geo y = geo_of(b);
    return a->kind == b->kind && dsi_slice_equal(x.crs, y.crs) &&
           dsi_slice_equal(x.edges, y.edges);
}

int dsi_arrow_geo_write(const struct dsi_type *t, struct dsi_buf *out,
                        struct ds_error *err)
{
    static const struct ds_slice srid = {(const uint8_t *)"srid:", 5};
    struct geo g = geo_of(t);
    struct dsi_json_writer w;

    dsi_json_writer_init(&w, out, err);
    dsi_json_write_object_begin(&w);
    if (!dsi_slice_equal(g.crs, dsi_slice_text(UNKNOWN_CRS))) {
        bool number = g.crs.size > srid.size && memcmp(g.crs.data, srid.data, 5) == 0;
        struct ds_slice crs = g.crs;
        if (number) {
            crs = (struct ds_slice){g.crs.data + srid.size, g.crs.size - srid.size};
        }
        dsi_json_write_key(&w, "crs");
        dsi_json_write_slice(&w, crs);
        if (number) {
            dsi_json_write_member_string(&w, "crs_type", "srid");
        } else if (memchr(g.crs.data, ':', g.crs.size)) {
            dsi_json_write_member_string(&w, "crs_type", "authority_code");
        }
    }
    if (g.edges.size > 0) {
        dsi_json_write_key(&w, "edges");
        dsi_json_write_slice(&w, g.edges);
    }
    dsi_json_write_object_end(&w);
    return dsi_json_writer_finish(&w);
}

// --- reading

// What the metadata say.
struct said {
    const char *crs;
    const char *crs_type;
    const char *edges;
    bool nameless; // There is a CRS, but nothing short to call it by.
};

// A number or a text, as text.
static int read_code(struct dsi_json_reader *r, const char **out, struct ds_error *err)
{
    enum dsi_json_kind kind = DSI_JSON_NULL;
    struct ds_slice number = {NULL, 0};
    int rc = DS_OK;

    DSI_TRY(dsi_json_peek(r, &kind, err));
    if (kind != DSI_JSON_NUMBER) {
        return dsi_json_string(r, out, err);
    }
    DSI_TRY(dsi_json_number(r, &number, err));
    *out = dsi_arena_strndup(r->arena, (const char *)number.data, number.size);
    rc = *out ? DS_OK : dsi_no_memory(err, "reading a CRS");
done:
    return rc;
}

// PROJJSON's "id": {"authority": "EPSG", "code": 3857}.
static int read_id(struct dsi_json_reader *r, struct said *out, struct ds_error *err)
{
    const char *authority = NULL;
    const char *code = NULL;
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    DSI_TRY(dsi_json_object_begin(r, err));
    while ((rc = dsi_json_object_next(r, &key, err)) == DS_ROW) {
        if (dsi_json_key_is(key, "authority")) {
            DSI_TRY(dsi_json_string(r, &authority, err));
        } else if (dsi_json_key_is(key, "code")) {
            DSI_TRY(read_code(r, &code, err));
        } else {
            DSI_TRY(dsi_json_skip(r, NULL, err));
        }
    }
    DSI_TRY(rc);
    if (authority && code) {
        out->crs = dsi_arena_printf(r->arena, "%s:%s", authority, code);
        rc = out->crs ? DS_OK : dsi_no_memory(err, "reading a CRS");
    }
done:
    return rc;
}

static int read_crs(struct dsi_json_reader *r, struct said *out, struct ds_error *err)
{
    enum dsi_json_kind kind = DSI_JSON_NULL;
    struct ds_slice key = {NULL, 0};
    bool null = false;
    int rc = DS_OK;

    DSI_TRY(dsi_json_peek(r, &kind, err));
    if (kind == DSI_JSON_NULL) {
        return dsi_json_null(r, &null, err);
    }
    if (kind == DSI_JSON_STRING) {
        return dsi_json_string(r, &out->crs, err);
    }
    DSI_TRY(dsi_json_object_begin(r, err));
    while ((rc = dsi_json_object_next(r, &key, err)) == DS_ROW) {
        if (dsi_json_key_is(key, "id")) {
            DSI_TRY(read_id(r, out, err));
        } else {
            DSI_TRY(dsi_json_skip(r, NULL, err));
        }
    }
    DSI_TRY(rc);
    out->nameless = out->crs == NULL;
done:
    return rc;
}

static int read_metadata(struct ds_slice metadata, struct dsi_arena *arena,
                         struct said *out, struct ds_error *err)
{
    struct dsi_json_reader r;
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    if (metadata.size == 0) { // As good as {}.
        return DS_OK;
    }
    dsi_json_reader_init(&r, metadata, arena, DSI_ARROW_GEO_NAME " metadata");
    DSI_TRY(dsi_json_object_begin(&r, err));
    while ((rc = dsi_json_object_next(&r, &key, err)) == DS_ROW) {
        if (dsi_json_key_is(key, "crs")) {
            DSI_TRY(read_crs(&r, out, err));
        } else if (dsi_json_key_is(key, "crs_type")) {
            DSI_TRY(dsi_json_string(&r, &out->crs_type, err));
        } else if (dsi_json_key_is(key, "edges")) {
            DSI_TRY(dsi_json_string(&r, &out->edges, err));
        } else {
            DSI_TRY(dsi_json_skip(&r, NULL, err));
        }
    }
    DSI_TRY(rc);
    rc = dsi_json_end(&r, err);
done:
    return rc;
}

// A CRS that may stand inside the brackets of a type's name.
static bool is_short(const char *crs)
{
    size_t size = strlen(crs);
    bool ok = size > 0 && size < 200;
    for (size_t i = 0; i < size; i++) {
        ok = ok && crs[i] > ' ' && crs[i] < 0x7f && !strchr("(),\"\\", crs[i]);
    }
    return ok;
}

static bool edges_known(const char *edges)
{
    static const char *const names[] = {"spherical", "vincenty", "thomas", "andoyer",
                                        "karney"};
    bool known = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        known = known || strcmp(edges, names[i]) == 0;
    }
    return known;
}

int dsi_arrow_geo_read(struct ds_slice metadata, const char *column,
                       struct dsi_arena *arena, struct dsi_type *out, bool *known,
                       struct ds_error *err)
{
    struct said said = {0};
    const char *crs = UNKNOWN_CRS;
    int rc = read_metadata(metadata, arena, &said, err);

    if (rc < 0) {
        return dsi_wrap(err, rc == DS_ECORRUPT ? DS_EINVALID : rc, "column %s", column);
    }
    *known = said.crs != NULL;
    if (said.crs) {
        bool srid = said.crs_type && strcmp(said.crs_type, "srid") == 0;
        crs = srid ? dsi_arena_printf(arena, "srid:%s", said.crs) : said.crs;
    }
    if (!crs) {
        return dsi_no_memory(err, "reading a CRS");
    }
    if (said.nameless || !is_short(crs)) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "column %s: its coordinate reference system has no authority and "
                        "code; give it one, as \"EPSG:3857\"",
                        column);
    }
    if (said.edges && !edges_known(said.edges)) {
        return dsi_fail(err, DS_EUNSUPPORTED, "column %s: edges '%.40s' are not known",
                        column, said.edges);
    }
    *out = (struct dsi_type){.kind = said.edges ? DSI_TYPE_GEOGRAPHY : DSI_TYPE_GEOMETRY};
    bool plain = is_default(dsi_slice_text(crs));
    if (!said.edges) {
        out->text = plain ? "geometry" : dsi_arena_printf(arena, "geometry(%s)", crs);
    } else if (strcmp(said.edges, DEFAULT_EDGES) == 0) {
        out->text = plain ? "geography" : dsi_arena_printf(arena, "geography(%s)", crs);
    } else {
        out->text = dsi_arena_printf(arena, "geography(%s, %s)", crs, said.edges);
    }
    return out->text ? DS_OK : dsi_no_memory(err, "reading a CRS");
}
