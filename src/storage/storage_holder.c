#include "storage/storage_holder.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "storage/storage_posix.h"

enum {
    TEXT_MAX = 1 << 20, // Of the table of locks; a line is a lock, of some 60 bytes.
    WORDS = 6,          // Of a line: number, kind, mode, access, process, file.
    ID_SIZE = 64,
};

// The text of a file that the system makes while it is read; false: not whole.
static bool read_text(const char *path, struct dsi_buf *out)
{
    char part[4096];
    int64_t got = 0;
    int fd = dsi_posix()->open(path, O_RDONLY | O_CLOEXEC, 0);

    if (fd < 0) {
        return false;
    }
    do {
        got = dsi_posix()->pread(fd, part, sizeof part, out->size);
    } while (got > 0 && dsi_buf_append(out, part, (size_t)got, NULL) == DS_OK);
    dsi_posix()->close(fd);
    return got == 0;
}

// How /proc/locks names a file: its device in Linux' numbers (makedev(3)), its inode.
static bool id_of(const char *path, char out[ID_SIZE])
{
    struct stat st;

    if (dsi_posix()->stat(path, &st) < 0) {
        return false;
    }
    const uint64_t device = st.st_dev;
    const uint64_t major = (device >> 8 & 0xfff) | (device >> 32 & ~UINT64_C(0xfff));
    const uint64_t minor = (device & 0xff) | (device >> 12 & ~UINT64_C(0xff));
    snprintf(out, ID_SIZE, "%02" PRIx64 ":%02" PRIx64 ":%" PRIu64, major, minor,
             (uint64_t)st.st_ino);
    return true;
}

static size_t split(struct ds_slice line, struct ds_slice words[WORDS])
{
    const char *text = (const char *)line.data;
    size_t count = 0;
    size_t at = 0;

    while (count < WORDS && at < line.size) {
        size_t begin = at;
        while (at < line.size && text[at] != ' ') {
            at++;
        }
        if (at > begin) {
            words[count++] = (struct ds_slice){line.data + begin, at - begin};
        }
        at++;
    }
    return count;
}

static bool is(struct ds_slice word, const char *text)
{
    return dsi_slice_equal(word, dsi_slice_text(text));
}

// The process that a line says has locked the file for writing; -1: it does not. Who only
// waits for the lock has an arrow before the kind.
static int64_t process_of(struct ds_slice line, const char *id)
{
    struct ds_slice w[WORDS];
    int64_t pid = -1;
    bool held = split(line, w) == WORDS && (is(w[1], "POSIX") || is(w[1], "FLOCK")) &&
                is(w[3], "WRITE") && is(w[5], id);

    return held && dsi_text_to_i64((const char *)w[4].data, w[4].size, &pid) && pid > 0
               ? pid
               : -1;
}

static int64_t find(const char *id)
{
    struct dsi_buf text = DSI_BUF_INIT_MAX(TEXT_MAX);
    int64_t pid = -1;
    size_t at = 0;

    (void)read_text("/proc/locks", &text); // Of a very long table, its beginning.
    while (pid < 0 && at < text.size) {
        const void *end = memchr(text.data + at, '\n', text.size - at);
        size_t size =
            end ? (size_t)((const uint8_t *)end - text.data) - at : text.size - at;
        pid = process_of((struct ds_slice){text.data + at, size}, id);
        at += size + 1;
    }
    dsi_buf_release(&text);
    return pid;
}

// Names are whatever programs call themselves.
static void make_plain(char *name)
{
    for (char *c = name; *c; c++) {
        *c = *c >= ' ' && *c <= '~' ? *c : '?';
    }
}

// "<pid> (<name>) <state> …": a name may have parentheses of its own.
static void describe(int64_t pid, char out[DSI_HOLDER_SIZE])
{
    struct dsi_buf text = DSI_BUF_INIT_MAX(TEXT_MAX);
    char path[32];
    char *name = NULL;
    char *end = NULL;

    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    if (read_text(path, &text) && dsi_buf_append(&text, "", 1, NULL) == DS_OK) {
        name = strchr((char *)text.data, '(');
        end = strrchr((char *)text.data, ')');
    }
    if (name && end && end > name && end[1] == ' ') {
        bool stopped = end[2] == 'T' || end[2] == 't';
        *end = '\0';
        make_plain(name);
        snprintf(out, DSI_HOLDER_SIZE, "process %" PRId64 " %.32s%s)", pid, name,
                 stopped ? ", stopped" : "");
    } else {
        snprintf(out, DSI_HOLDER_SIZE, "process %" PRId64, pid);
    }
    dsi_buf_release(&text);
}

bool dsi_holder_find(const char *path, char out[DSI_HOLDER_SIZE])
{
    char id[ID_SIZE];
    int64_t pid = id_of(path, id) ? find(id) : -1;

    if (pid < 0 || pid == dsi_posix()->getpid()) {
        return false;
    }
    describe(pid, out);
    return true;
}
