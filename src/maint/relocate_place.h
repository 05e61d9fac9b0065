// Where a moved table was and is, and the files that are written for its new place.
#ifndef DSI_MAINT_RELOCATE_PLACE_H
#define DSI_MAINT_RELOCATE_PLACE_H

#include "base/map.h"
#include "base/random.h"
#include "model/metadata.h"
#include "storage/storage.h"

struct dsi_relocated { // A file that stands under another name now.
    const char *path;
    int64_t size;
    const char *lower; // Of a file of position deletes: the paths in it, first and last;
    const char *upper; // NULL: none.
    char checksum[72]; // SHA-256, in hexadecimal; "": not made.
};

struct dsi_relocation {
    ds_storage *from_storage; // In: reads what the metadata name, where it is now.
    ds_storage *to_storage;   // In: writes.
    const struct dsi_metadata *metadata; // In: those of the old place.
    const char *from;                    // In: locations, without a slash at the end.
    const char *to;
    bool dry_run;                      // In: writes nothing.
    char identity[DSI_UUID_TEXT_SIZE]; // In: in the names of new files.
    struct dsi_arena arena;            // Of all that follows. Zeroed at first.
    struct dsi_map lists;              // By old path, to struct dsi_relocated; also,
    struct dsi_map manifests;
    struct dsi_map deletes;
    const char **written; // Out: new files, also after a failure.
    size_t written_count;
    uint64_t manifest_count; // Out: how many were written,
    uint64_t file_count;     // and entries in them,
    uint64_t delete_count;   // and files of deletes,
    uint64_t bytes;          // and the bytes of them all.
};

/// The path below the new place of one below the old; others as they are. In the arena,
/// terminated.
DS_MUST_CHECK int dsi_relocate_path(struct dsi_relocation *r, struct ds_slice path,
                                    const char **out, struct ds_error *err);

/// Whether it is below the old place.
bool dsi_relocate_is_inside(const struct dsi_relocation *r, const char *path);

/// Stores a file of the new place, to be made durable by the swap; counts it, and nothing
/// else in a dry run. Describes it in *out, but for the bounds.
DS_MUST_CHECK int dsi_relocate_store(struct dsi_relocation *r, const char *path,
                                     struct ds_slice bytes, struct dsi_relocated *out,
                                     struct ds_error *err);

/// Keeps in mind that a file of this name was, or will be, written.
DS_MUST_CHECK int dsi_relocate_note(struct dsi_relocation *r, const char *path,
                                    struct ds_error *err);

/// Removes what was written: nobody names it. Failures leave files behind.
void dsi_relocate_undo(struct dsi_relocation *r);
void dsi_relocate_release(struct dsi_relocation *r);

#endif
