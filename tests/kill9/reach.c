// Lists every file that a version of a table reaches, one location a line.
//
//   kill9_reach METADATA
//
// METADATA is the location of a metadata file: itself, its log, the files of its ledger,
// and of every snapshot it retains the manifest list, the manifests, and the data files
// that live. It is the one part of the check that looks inside the library: manifests
// have no public form.
#include <stdio.h>
#include <string.h>

#include "scan/scan.h"
#include "storage/storage.h"
#include "txn/table.h"

static int list_manifest(ds_storage *storage, const struct dsi_metadata *m,
                         const struct dsi_manifest_file *file, struct ds_error *err)
{
    struct dsi_manifest_read_options options = {.skip_metrics = true,
                                                .skip_deleted = true};
    struct dsi_manifest manifest = {0};

    int rc = dsi_manifest_load(storage, m, file, &options, &manifest, err);
    for (size_t i = 0; rc == DS_OK && i < manifest.entry_count; i++) {
        puts(manifest.entries[i].file.path);
    }
    dsi_manifest_release(&manifest);
    return rc;
}

// A manifest is printed, and read, once: neighbours share most of them.
static bool is_new(const struct dsi_manifest_list *before,
                   const struct dsi_manifest_file *file)
{
    for (size_t i = 0; i < before->count; i++) {
        if (strcmp(before->files[i].path, file->path) == 0) {
            return false;
        }
    }
    return true;
}

static int list_snapshots(ds_storage *storage, const struct dsi_metadata *m,
                          struct ds_error *err)
{
    struct dsi_manifest_list before = {0};
    int rc = DS_OK;

    for (size_t i = 0; rc == DS_OK && i < m->snapshot_count; i++) {
        struct dsi_manifest_list list = {0};
        if (m->snapshots[i]->manifest_list) {
            puts(m->snapshots[i]->manifest_list);
        }
        rc = dsi_snapshot_manifests(storage, m, m->snapshots[i], &list, err);
        for (size_t k = 0; rc == DS_OK && k < list.count; k++) {
            if (is_new(&before, &list.files[k])) {
                puts(list.files[k].path);
                rc = list_manifest(storage, m, &list.files[k], err);
            }
        }
        dsi_manifest_list_release(&before);
        before = list;
    }
    dsi_manifest_list_release(&before);
    return rc;
}

// The ledger's files lie beside the metadata; a property names them, as NAME:BYTES.
static void list_ledger(const struct dsi_metadata *m, const char *metadata)
{
    const char *text = dsi_metadata_property(m, "datashard.ledger");
    int folder = (int)(strrchr(metadata, '/') - metadata);

    while (text && *text) {
        text += strspn(text, " ");
        int size = (int)strcspn(text, ": ");
        if (size > 0) {
            printf("%.*s/.datashard-ledger-%.*s\n", folder, metadata, size, text);
        }
        text += strcspn(text, " ");
    }
}

int main(int argc, char **argv)
{
    struct ds_error err = {0};
    struct dsi_metadata *m = NULL;
    ds_storage *storage = NULL;

    if (argc != 2 || !strchr(argv[1], '/')) {
        fprintf(stderr, "usage: kill9_reach METADATA\n");
        return 2;
    }
    int rc = ds_storage_local_new(&storage, &err);
    if (rc == DS_OK) {
        rc = dsi_metadata_load(storage, argv[1], &m, &err);
    }
    if (rc == DS_OK) {
        puts(argv[1]);
        for (size_t i = 0; i < m->metadata_log_count; i++) {
            puts(m->metadata_log[i].metadata_file);
        }
        list_ledger(m, argv[1]);
        rc = list_snapshots(storage, m, &err);
    }
    dsi_metadata_unref(m);
    ds_storage_free(storage);
    if (rc < 0) {
        fprintf(stderr, "kill9_reach: %s: %s\n", argv[1], err.message);
        return 1;
    }
    return 0;
}
