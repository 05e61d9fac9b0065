#include "txn/paths.h"

#include <string.h>

#include "base/error.h"
#include "model/location.h"

static int path_of(const struct dsi_metadata *m, const char *key, const char *folder,
                   struct dsi_arena *arena, char **out, struct ds_error *err)
{
    const char *set = dsi_metadata_property(m, key);

    if (!set || set[0] == '\0') {
        return dsi_location_join(m->location, folder, NULL, arena, out, err);
    }
    int rc = dsi_location_normalize(set, arena, out, err);
    return rc < 0 ? dsi_wrap(err, rc, "table property %s", key) : rc;
}

int dsi_table_data_path(const struct dsi_metadata *m, struct dsi_arena *arena, char **out,
                        struct ds_error *err)
{
    return path_of(m, "write.data.path", "data", arena, out, err);
}

int dsi_table_metadata_path(const struct dsi_metadata *m, struct dsi_arena *arena,
                            char **out, struct ds_error *err)
{
    return path_of(m, "write.metadata.path", "metadata", arena, out, err);
}

int dsi_metadata_file_path(const struct dsi_metadata *m, const char *name,
                           struct dsi_arena *arena, char **out, struct ds_error *err)
{
    char *folder = NULL;
    int rc = dsi_table_metadata_path(m, arena, &folder, err);

    return rc < 0 ? rc : dsi_location_join(folder, name, NULL, arena, out, err);
}

bool dsi_path_is_below(const char *path, const char *root)
{
    size_t n = strlen(root);

    while (n > 0 && root[n - 1] == '/') {
        n--;
    }
    return strncmp(path, root, n) == 0 && path[n] == '/' && path[n + 1] != '\0' &&
           !strstr(path + n, "/../") && !strstr(path + n, "/./");
}

int dsi_path_form(const char *path, struct dsi_arena *arena, const char **out,
                  struct ds_error *err)
{
    char *form = NULL;
    int rc = DS_OK;

    *out = path;
    if (strncmp(path, "file:///", 8) == 0) {
        return DS_OK; // The canonical form, or of nobody's making.
    }
    rc = dsi_location_normalize(path, arena, &form, NULL);
    if (rc == DS_ENOMEM) {
        return dsi_no_memory(err, "comparing the paths of data files");
    }
    *out = rc == DS_OK ? form : path;
    return DS_OK;
}
