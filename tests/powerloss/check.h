// One state after a power cut, made of files, opened, and gone on with.
#ifndef DSI_TEST_CHECK_H
#define DSI_TEST_CHECK_H

#include "powerloss/disk.h"
#include "powerloss/explore.h"
#include "powerloss/recordings.h"

/// Puts the state that is chosen below p->root, whatever is there, and looks at it, in a
/// child: what is wrong with it, and all that the child has read of it, go to *out.
void check_chosen(const struct recording *what, const struct kit_place *p, struct disk *d,
                  struct explore_look *out);

#endif
