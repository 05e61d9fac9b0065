// Merges the small files of a table's main branch, for other implementations to read what
// comes of it: see test_tidy.py.
//
// usage: tidy_table CATALOG CATALOG_NAME NAMESPACE TABLE
#include <stdio.h>

#include "catalog/catalog.h"
#include "txn/tidy.h"

int main(int argc, char **argv)
{
    struct ds_property named = {"name", argc > 2 ? argv[2] : ""};
    struct dsi_tidy limits = {0};
    struct dsi_tidied done = {0};
    struct dsi_catalog *catalog = NULL;
    struct dsi_table *table = NULL;
    struct ds_error err = {0};

    if (argc != 5) {
        fprintf(stderr, "usage: tidy_table CATALOG CATALOG_NAME NAMESPACE TABLE\n");
        return 2;
    }
    struct dsi_table_name name = {argv[3], argv[4]};
    int rc = dsi_catalog_open(argv[1], (struct ds_properties){&named, 1}, &catalog, &err);
    if (rc == DS_OK) {
        rc = dsi_table_open(catalog, &name, &table, &err);
    }
    if (rc == DS_OK) {
        rc = dsi_tidy_once(table, &limits, &done, &err);
    }
    if (rc == DS_OK) {
        printf("%zu %zu\n", done.files, done.made);
    } else {
        fprintf(stderr, "%s\n", err.message);
    }
    dsi_table_free(table);
    dsi_catalog_free(catalog);
    return rc == DS_OK ? 0 : 1;
}
