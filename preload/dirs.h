/*
 * Directories of our own in places others can write to.
 */
#pragma once

#include "lks.h"

/*
 * Any context. Makes `path` (0700) unless it is there; true only if it is then
 * a directory, no link, that belongs to the effective user and that nobody
 * else may enter. Anything else in that place is somebody else's trap.
 */
bool lks_own_directory(const char *path);

/* Any context. Text of an errno, for messages: "permission denied". */
const char *lks_errno_text(long negative_errno);
