// Writes one manifest with partition values of every type, and a list of it, for other
// implementations to read: see test_manifests.py.
//
// usage: write_manifests FOLDER CODEC
#include "../unit/model/manifest_fixture.h"

static int save(const char *folder, const char *name, struct ds_slice bytes)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes.data, 1, bytes.size, f) != bytes.size || fclose(f) != 0) {
        perror(path);
        return DS_EIO;
    }
    return DS_OK;
}

static const struct dsi_column_metrics columns[] = {
    {1, 10, 20, 0, -1, {(const uint8_t *)"\0", 1}, {(const uint8_t *)"\1", 1}},
    {3, -1, 20, -1, 5, {NULL, 0}, {(const uint8_t *)"\1\0\0\0\0\0\0\0", 8}},
};
static const int64_t offsets[] = {4, 1000000000000};

static int write_all(const struct dsi_metadata *m, const char *folder, const char *codec,
                     struct ds_error *err)
{
    struct dsi_manifest_write w = fixture_write(m, 1);
    const struct dsi_manifest_list_write l = {2, 77, 76, 9};
    struct dsi_value values[4][FIXTURE_TYPES];
    struct dsi_manifest_entry entries[4];
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf manifest = DSI_BUF_INIT;
    struct dsi_buf list = DSI_BUF_INIT;
    struct dsi_manifest_file file;
    char path[512];

    for (int i = 0; i < 4; i++) {
        fixture_partition(i, values[i]);
        for (int j = 0; j < FIXTURE_TYPES && i == 3; j++) {
            values[i][j] = DSI_VALUE_NULL;
        }
        entries[i] = (struct dsi_manifest_entry){
            DSI_ENTRY_ADDED, -1, -1, -1, fixture_file(1, values[i], FIXTURE_TYPES)};
    }
    entries[1].status = DSI_ENTRY_EXISTING;
    entries[1].snapshot_id = 5;
    entries[1].sequence_number = 3;
    entries[1].file_sequence_number = 4;
    entries[2].file.columns = columns;
    entries[2].file.column_count = 2;
    entries[2].file.split_offsets = offsets;
    entries[2].file.split_offset_count = 2;
    entries[2].file.sort_order_id = 0;
    w.compression = codec;
    int rc = dsi_manifest_build(&w, entries, 4, &arena, &manifest, &file, err);
    if (rc == DS_OK) {
        snprintf(path, sizeof path, "file://%s/m0.avro", folder);
        file.path = path;
        file.length = (int64_t)manifest.size;
        rc = dsi_manifest_list_build(&l, &file, 1, &list, err);
    }
    rc = rc == DS_OK ? save(folder, "m0.avro", dsi_buf_slice(&manifest)) : rc;
    rc = rc == DS_OK ? save(folder, "list.avro", dsi_buf_slice(&list)) : rc;
    dsi_buf_release(&manifest);
    dsi_buf_release(&list);
    dsi_arena_release(&arena);
    return rc;
}

int main(int argc, char **argv)
{
    struct ds_error err = {0};

    if (argc != 3) {
        fprintf(stderr, "usage: write_manifests FOLDER CODEC\n");
        return 2;
    }
    struct dsi_metadata *m = fixture_metadata();
    int rc = write_all(m, argv[1], argv[2], &err);
    dsi_metadata_unref(m);
    if (rc < 0) {
        fprintf(stderr, "%s\n", err.message);
    }
    return rc < 0;
}
