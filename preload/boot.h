/*
 * Boot: in two steps, because allocations come before constructors.
 *
 * Early, at the first allocator call after libc has its environment: the next
 * allocator, options, tables; from here on calls are recorded. Then in our
 * constructor what must not run inside somebody's malloc: signals, atfork and
 * exit handlers, the status file, the helper.
 */
#pragma once

#include "lks.h"

/* HOT (its slow half). True: early boot is done. False: too early, under way
 * on another thread, or nested in it. */
bool lks_boot_early(void);

/* EXIT. The constructor is through and this process is tracked, dormant or
 * disabled since: it has a status file, and may owe a snapshot. Not so a child
 * of vfork, _Fork or a raw clone: its end is not ours. */
bool lks_boot_is_complete(void);
