/*
 * Wildcards as in a shell: * ? [a-z] [!a-z]. glibc's fnmatch looks at the locale
 * and may allocate.
 */
#pragma once

#include "lks.h"

/* Does all of `text` match? Pure. */
bool lks_wildcard_matches(const char *glob, const char *text);
