/// Statuses and the error object: how every call says that it failed.
#ifndef DATASHARD_STATUS_H
#define DATASHARD_STATUS_H

#include <stdint.h>

#include "datashard/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Every status the library can return. A status answers "what can the caller do?";
/// the message answers "what happened?". This one table also yields the text, the
/// server's HTTP code and the Python exception: add a row and all four agree.
///
/// X(name, value, http, python exception, text)
#define DS_STATUS_MAP(X)                                                                 \
    X(INVALID, -1, 400, ValueError, "the caller passed something wrong")                 \
    X(NOTFOUND, -2, 404, NotFound, "no such object")                                     \
    X(EXISTS, -3, 409, AlreadyExists, "the object is already there")                     \
    X(CONFLICT, -4, 409, CommitConflict, "the table moved on; plan again and retry")     \
    X(UNKNOWN, -5, 500, CommitUnknown, "the commit may or may not have happened")        \
    X(CORRUPT, -6, 500, CorruptData, "bytes break the format")                           \
    X(UNSUPPORTED, -7, 501, NotImplementedError, "valid, but not built or not written")  \
    X(IO, -8, 503, OSError, "storage or network failed; retrying may help")              \
    X(NOMEM, -9, 507, MemoryError, "allocation failed")                                  \
    X(BUG, -10, 500, RuntimeError, "an internal invariant broke; please report")         \
    X(CANCELLED, -11, 500, Cancelled, "the caller asked to stop; nothing was committed") \
    X(DENIED, -12, 403, PermissionError, "the system does not permit it")                \
    X(NOSPACE, -13, 507, OSError, "no space is left where the files go")                 \
    X(TIMEOUT, -14, 504, TimeoutError, "the time allowed is over; not done, or not yet") \
    X(EXPIRED, -15, 410, SnapshotExpired, "what was read has expired; read again")

enum ds_status {
    DS_OK = 0,
    DS_ROW = 1, ///< Iterators: there is one more; DS_OK is the end.
#define X(name, value, http, pyexc, text) DS_E##name = (value),
    DS_STATUS_MAP(X)
#undef X
};

/// Where a failing call says what happened. The caller owns it, usually on the stack,
/// and starts it zeroed. It holds no memory, so nothing has to be freed. After a call
/// that succeeded its content means nothing.
struct ds_error {
    int32_t status;      ///< The enum ds_status the call returned.
    int32_t os_code;     ///< errno, or 0.
    int32_t http_status; ///< From a remote service, or 0.
    uint32_t reserved;
    char message[1008]; ///< In words, outermost context first: "storing m: …".
    char detail[1024];  ///< For programs: one JSON object (who won, …), or "".
};

/// The fixed text for a status; never NULL, never freed. Any thread.
DS_API const char *ds_status_text(int status);

/// The HTTP code the bundled server answers with for a status. Any thread.
DS_API int ds_status_http(int status);

#ifdef __cplusplus
}
#endif

#endif
