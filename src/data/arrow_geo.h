// Geometry and geography in Arrow: WKB in binary arrays, marked "geoarrow.wkb", with the
// coordinate reference system in the extension's metadata.
// GeoArrow specification, "Extension types".
#ifndef DSI_DATA_ARROW_GEO_H
#define DSI_DATA_ARROW_GEO_H

#include "model/type.h"

#define DSI_ARROW_GEO_NAME "geoarrow.wkb"

/// Appends the extension's metadata (JSON) of a GEOMETRY or GEOGRAPHY.
DS_MUST_CHECK int dsi_arrow_geo_write(const struct dsi_type *t, struct dsi_buf *out,
                                      struct ds_error *err);

/// The type that the extension's metadata tell: without "edges" a geometry, else a
/// geography. No CRS is "srid:0": nobody knows which; *known is false then. A CRS in
/// PROJJSON is its "id", "EPSG:3857". Text is in the arena. DS_EINVALID for metadata that
/// are no JSON of this kind, DS_EUNSUPPORTED for a CRS that has no short name.
DS_MUST_CHECK int dsi_arrow_geo_read(struct ds_slice metadata, const char *column,
                                     struct dsi_arena *arena, struct dsi_type *out,
                                     bool *known, struct ds_error *err);

/// Whether two types have the same CRS and edges, however they are written.
bool dsi_arrow_geo_same(const struct dsi_type *a, const struct dsi_type *b);

#endif
