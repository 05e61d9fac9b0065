// Reads Arrow IPC data and writes them again: what another reader finds in both must be
// the same. IN is read from front to back if HOW is "forward", else as a file.
//
// usage: copy_ipc IN forward|file OUT stream|file none|lz4|zstd
#include <stdio.h>
#include <string.h>

#include "datashard/datashard.h"

static ptrdiff_t read_file(void *arg, void *out, size_t size, struct ds_error *err)
{
    (void)err;
    return (ptrdiff_t)fread(out, 1, size < 1000 ? size : 1000, arg);
}

static int write_file(void *arg, const void *bytes, size_t size, struct ds_error *err)
{
    (void)err;
    return fwrite(bytes, 1, size, arg) == size ? DS_OK : DS_EIO;
}

static enum ds_ipc_compression compression_of(const char *name)
{
    return strcmp(name, "lz4") == 0    ? DS_IPC_LZ4
           : strcmp(name, "zstd") == 0 ? DS_IPC_ZSTD
                                       : DS_IPC_UNCOMPRESSED;
}

int main(int argc, char **argv)
{
    struct ds_error err = {0};
    struct ArrowArrayStream stream = {0};
    int64_t rows = 0;

    if (argc != 6) {
        fprintf(stderr, "usage: copy_ipc IN forward|file OUT stream|file CODEC\n");
        return 2;
    }
    FILE *in = fopen(argv[1], "rb");
    FILE *out = fopen(argv[3], "wb");
    struct ds_ipc_read_options from = {
        .struct_size = sizeof from, .read = read_file, .read_arg = in, .name = argv[1]};
    struct ds_ipc_write_options to = {
        .struct_size = sizeof to,
        .format = strcmp(argv[4], "file") == 0 ? DS_IPC_FILE : DS_IPC_STREAM,
        .compression = compression_of(argv[5]),
        .write = write_file,
        .write_arg = out};
    if (!in || !out) {
        fprintf(stderr, "cannot open %s or %s\n", argv[1], argv[3]);
        return 2;
    }
    int rc = strcmp(argv[2], "forward") == 0 ? ds_ipc_read(&from, &stream, &err)
                                             : ds_file_scan(argv[1], &stream, &err);
    if (rc == DS_OK) {
        rc = ds_ipc_write(&stream, &to, &rows, &err);
    }
    fclose(in);
    if (fclose(out) != 0 || rc < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("%lld\n", (long long)rows);
    return 0;
}
