#include "rows_moment.h"

#include <stdatomic.h>
#include <string.h>

enum { FIELDS_SIZE = 10, PROBES = 3, UNKNOWN = 0, NOWHERE = -1 };

// Offsets in a datetime; the byte before `fields` says whether there is a zone.
struct place {
    int fields;
    int zone;
};

static const int probes[PROBES][7] = {{9876, 12, 31, 23, 59, 58, 987654},
                                      {2026, 11, 21, 16, 9, 1, 123456},
                                      {1, 2, 3, 4, 5, 6, 7}};

static PyObject *make(const struct rows_py *py, const int *p, PyObject *zone)
{
    return PyObject_CallFunction(py->datetime, "iiiiiiiO", p[0], p[1], p[2], p[3], p[4],
                                 p[5], p[6], zone);
}

static void expected(const int *p, unsigned char *out)
{
    const unsigned char bytes[FIELDS_SIZE] = {
        (unsigned char)(p[0] >> 8), (unsigned char)p[0],
        (unsigned char)p[1],        (unsigned char)p[2],
        (unsigned char)p[3],        (unsigned char)p[4],
        (unsigned char)p[5],        (unsigned char)(p[6] >> 16),
        (unsigned char)(p[6] >> 8), (unsigned char)p[6]};

    memcpy(out, bytes, sizeof bytes);
}

// Where a datetime with a zone has its fields and its zone; false: nowhere.
static bool search(PyObject *aware, const unsigned char *fields, PyObject *zone, int size,
                   struct place *out)
{
    const unsigned char *memory = (const unsigned char *)aware;

    *out = (struct place){0};
    for (int i = (int)sizeof(PyObject) + 1; i + FIELDS_SIZE <= size; i++) {
        if (out->fields == 0 && memcmp(memory + i, fields, FIELDS_SIZE) == 0) {
            out->fields = i;
        }
    }
    for (int i = (int)sizeof(PyObject); i + (int)sizeof zone <= size;
         i += (int)sizeof zone) {
        if (memcmp(memory + i, &zone, sizeof zone) == 0) {
            out->zone = i;
        }
    }
    return out->fields > 0 && out->zone > 0;
}

static bool holds(PyObject *value, const struct place *at, const unsigned char *fields,
                  bool zoned)
{
    const unsigned char *memory = (const unsigned char *)value + at->fields;
    return memory[-1] == (unsigned char)zoned && memcmp(memory, fields, FIELDS_SIZE) == 0;
}

// Whether one datetime, with a zone and without, is laid out as *at says; the first says.
static bool try_one(const struct rows_py *py, const int *p, int size, bool first,
                    struct place *at)
{
    unsigned char fields[FIELDS_SIZE];
    PyObject *aware = make(py, p, py->utc);
    PyObject *naive = aware ? make(py, p, Py_None) : NULL;
    struct place found;
    bool ok = false;

    expected(p, fields);
    if (naive && search(aware, fields, py->utc, size, &found)) {
        *at = first ? found : *at;
        ok = found.fields == at->fields && found.zone == at->zone &&
             holds(aware, at, fields, true) && holds(naive, at, fields, false);
    }
    Py_XDECREF(aware);
    Py_XDECREF(naive);
    return ok;
}

// Whether this is the interpreter whose objects are memory that may be looked at.
static bool is_cpython(void)
{
    PyObject *about = PySys_GetObject("implementation");
    PyObject *name = about ? PyObject_GetAttrString(about, "name") : NULL;
    bool is = name && PyUnicode_Check(name) &&
              PyUnicode_CompareWithASCIIString(name, "cpython") == 0;

    Py_XDECREF(name);
    return is;
}

static struct place find(const struct rows_py *py)
{
    PyObject *basic = PyObject_GetAttrString(py->datetime, "__basicsize__");
    long size = basic ? PyLong_AsLong(basic) : -1;
    struct place at = {NOWHERE, NOWHERE};
    bool ok = size > 0 && size < 1024 && is_cpython();

    Py_XDECREF(basic);
    for (int i = 0; ok && i < PROBES; i++) {
        ok = try_one(py, probes[i], (int)size, i == 0, &at);
    }
    PyErr_Clear();
    return ok ? at : (struct place){NOWHERE, NOWHERE};
}

// Both offsets in one number, so that they are known together.
static struct place known_place(const struct rows_py *py)
{
    static _Atomic int known = UNKNOWN;
    int both = atomic_load_explicit(&known, memory_order_relaxed);

    if (both == UNKNOWN) {
        struct place at = find(py);
        both = at.fields > 0 ? at.fields << 16 | at.zone : NOWHERE;
        atomic_store_explicit(&known, both, memory_order_relaxed);
    }
    return both == NOWHERE ? (struct place){NOWHERE, NOWHERE}
                           : (struct place){both >> 16, both & 0xffff};
}

// Days from 1970-01-01 to a date of the Gregorian calendar; March begins the year here.
static int64_t days_since_epoch(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400; // Of years from 0 on.
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

bool rows_moment_begin(const struct rows_py *py, struct rows_moment *out)
{
    const struct place at = known_place(py);

    *out = (struct rows_moment){.py = py, .fields = at.fields, .zone = at.zone};
    return at.fields > 0;
}

int64_t rows_moment_day(const unsigned char *f)
{
    return days_since_epoch(f[0] << 8 | f[1], f[2], f[3]) * 86400;
}

bool rows_moment_read(const struct rows_py *py, PyObject *value, int64_t *out)
{
    struct rows_moment m;

    return rows_moment_begin(py, &m) && rows_moment_take(&m, value, out);
}
