/*
 * malloc_trim on request: what the allocator keeps of freed memory goes back to
 * the kernel, so that what is left in a snapshot is used.
 *
 * The one call of ours into the host's allocator besides mallinfo2. It takes
 * the locks of all arenas, so only the helper makes it: a host thread that is
 * inside malloc then merely holds it up. A host without a helper is not
 * trimmed.
 */
#pragma once

#include "lks.h"

/* BOOT. */
void lks_trim_init(void);

/* Any context. Nothing is asked for where there is no helper. */
void lks_trim_ask(void);

/* The helper, between two jobs. Trims if it was asked to. */
void lks_trim_do(void);
