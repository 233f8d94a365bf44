/*
 * Which loaded object holds an address, asked without the loader's lock.
 *
 * An object is one range. The main program's may have gaps in which anything
 * else may lie: the kernel maps its segments one by one, the loader a library
 * as a whole. The C library then answers with one segment, so the whole is
 * worked out from the program headers that the kernel told of.
 *
 * Two sources. _dl_find_object (glibc 2.35) is lock-free, signal-safe and
 * covers all namespaces; it is found once, at boot, because a lazy dlsym from
 * inside malloc can deadlock. Elsewhere /proc/self/maps is read, which costs
 * system calls per question: only the first address of a module comes that
 * far, and after a question without an answer (JIT code) none is asked for
 * LKS_LOADER_PAUSE_NS.
 */
#pragma once

#include "image.h"
#include "lks.h"

#define LKS_LOADER_PAUSE_NS 100000000ull

struct lks_object {
	uintptr_t map_start; /* page-aligned, of a library the ELF header's */
	uintptr_t map_end;
	/* Changes when another object is loaded there; NULL = unknown. */
	const void *identity;
	/* As the loader or the kernel names it; borrowed: valid while the
	 * object is loaded, or until the next question. "" = unnamed. */
	const char *name;
	/* NULL: behind the ELF header. Never freed. */
	const struct lks_headers *headers; /* image.h */
};

/* BOOT. `may_use_dl` false: as where the C library has no _dl_find_object, for
 * tests. */
void lks_loader_init(bool may_use_dl);

/* RECORD; one thread at a time unless lks_loader_is_free(). False: no object
 * there. */
bool lks_loader_find(uintptr_t address, struct lks_object *out);

/* True if any number of threads may ask at once. */
bool lks_loader_is_free(void);

/* The two sources. By maps: one thread at a time, whatever the other is. */
bool lks_loader_find_by_dl(uintptr_t address, struct lks_object *out);
bool lks_loader_find_by_maps(uintptr_t address, struct lks_object *out);

/* BOOT result. By the main program's own program headers, and the vDSO. */
bool lks_loader_is_main(const struct lks_object *object);
bool lks_loader_is_vdso(const struct lks_object *object);
