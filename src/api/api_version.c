#include "datashard/version.h"

const char *ds_version(void)
{
    return DS_VERSION_TEXT;
}
