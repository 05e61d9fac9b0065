// Python.h as this extension uses it: the limited API of CPython 3.10, so one build runs
// on 3.10 and everything later. A free-threaded CPython has none: there it is the whole
// API, and what other threads may change meanwhile is locked or owned. Included before
// any other header.
#ifndef DATASHARD_CORE_PYTHON_H
#define DATASHARD_CORE_PYTHON_H

#define PY_SSIZE_T_CLEAN
#if !defined(Py_GIL_DISABLED) && !defined(Py_LIMITED_API)
#define Py_LIMITED_API 0x030A0000
#endif
#include <Python.h>

#endif
