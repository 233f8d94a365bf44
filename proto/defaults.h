/*
 * What the shim does when nobody says otherwise, as far as the tools foretell
 * it: they tell where snapshots will be, and what tracking may take, before a
 * program is started.
 */
#pragma once

/* out= */
#define LKS_OUT_DEFAULT "leakshim.%e.%p.%n.snap"

/* memory=: this, or that part of the cgroup's limit if it is less, but never
 * below the least. */
#define LKS_MEMORY_DEFAULT (1ull << 30)
#define LKS_MEMORY_SHARE 8
/* The fixed parts are 5 MiB of address space (a quarter of that is touched):
 * with less than this, nothing would be left to record in. */
#define LKS_MEMORY_MIN (8ull << 20)

/* Followed by the user's id: where snapshots go that can't go where they
 * should, and status files without a /run/user/UID. */
#define LKS_FALLBACK_DIRECTORY "/tmp/leakshim-"
