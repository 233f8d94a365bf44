/*
 * The module map: which ELF object a code address belongs to, remembered for
 * ever, because stacks outlive the library they were taken in.
 *
 * A module is a (path, build-id, place) seen at least once; number 1, 2, ...
 * in the order met, at most LKS_MODULES_MAX, 0 = none. The same object mapped
 * again at the same place is the same module; at another place, another one
 * (the analyzer joins them by build-id). Found through the loader's
 * _dl_find_object, which takes no lock; where the C library has none, through
 * /proc/self/maps (loader.h).
 */
#pragma once

#include "../proto/limits.h"
#include "lks.h"

struct lks_image; /* image.h */

struct lks_segment {
	uintptr_t start; /* run-time, executable */
	uintptr_t end;
	uint64_t file_offset;
	uint64_t vaddr;
};

struct lks_module {
	const char *path; /* owned by the module map, never freed */
	const uint8_t *build_id;
	uint32_t build_id_bytes;
	uint32_t segment_count;
	struct lks_segment segments[LKS_SEGMENTS_MAX];
	uintptr_t map_start; /* whole object, the main program's gaps too */
	uintptr_t map_end;
	const uint8_t *eh_frame_hdr; /* NULL = none */
	uint32_t generation;         /* order met, from 1 */
	_Atomic bool unloaded;       /* the one field that changes */
};

/* BOOT. False: no memory. */
bool lks_modmap_init(void);

/*
 * RECORD. Number of the module that holds pc, registering it when it is new.
 * 0 = no module (JIT code), or the table is full (counted). The object must
 * be loaded now, which holds for every pc on a live stack. No loader lock.
 */
uint32_t lks_modmap_find(uintptr_t pc);

/* After dlclose, and by the writer: marks modules that are gone as unloaded.
 * WRITER-safe. */
void lks_modmap_refresh(void);

/* Lock-free. How many numbers are in use: 1 .. count. */
uint32_t lks_modmap_count(void);

/* Lock-free. Module by number, NULL if there is none. */
const struct lks_module *lks_modmap_get(uint32_t number);

/* Lock-free. Its parts in memory, for the unwinder; valid while it is loaded.
 * `number` must be one that lks_modmap_find() returned. */
const struct lks_image *lks_modmap_image(uint32_t number);

/* HOT. True if pc lies in the shim itself. */
bool lks_modmap_is_shim(uintptr_t pc);

/* FORK. Release is for the parent and the child alike. */
void lks_modmap_fork_prepare(void);
void lks_modmap_fork_release(void);
