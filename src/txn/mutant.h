// Known-wrong commits, kept so that tests can show they would be caught. Test builds
// only: in what ships every one of them is the constant false.
#ifndef DSI_TXN_MUTANT_H
#define DSI_TXN_MUTANT_H

#include <stdbool.h>

enum dsi_mutant {
    DSI_MUTANT_NEW_IDENTITY = 1,    // Each attempt of a commit under another identity.
    DSI_MUTANT_CLEAN_UNKNOWN = 2,   // Remove files although the outcome is open.
    DSI_MUTANT_NO_LOOK = 4,         // Do not search the history before an attempt.
    DSI_MUTANT_BELIEVE_REFUSAL = 8, // Take a refusal for "not committed".
    DSI_MUTANT_APPEND_AGAIN = 1024, // An appender does not resolve before it retries.
    DSI_MUTANT_NO_LOCK = 16,        // No mutant: without the line-up lock all must hold.
};

#ifdef DSI_TESTING
extern unsigned dsi_mutants; // Which are alive; set by tests between commits.
#define DSI_MUTANT(m) ((dsi_mutants & (unsigned)(m)) != 0)
#else
#define DSI_MUTANT(m) false
#endif

#endif
