/*
 * An ELF object in memory: where its parts are.
 *
 * Read from the program headers that the loader mapped, never from the file.
 * Whatever they say is checked against the object's mapped range, and the
 * headers, notes and .eh_frame_hdr are probed page by page before they are
 * first read, so a broken object gives fewer parts and never a fault. For the
 * rest the loader is trusted: what a PT_LOAD calls readable is.
 */
#pragma once

#include "../proto/limits.h"
#include "lks.h"
#include "modmap.h"

/* Bytes of a build-id kept: SHA-1 has 20, SHA-256 32. */
#define LKS_BUILD_ID_MAX 32

/* Readable segments remembered: text, rodata, relro, data. */
#define LKS_READABLE_MAX 4

/* [start, end), readable and mapped while the object is. */
struct lks_readable {
	uintptr_t start;
	uintptr_t end;
};

struct lks_image {
	struct lks_readable readable[LKS_READABLE_MAX];
	uint32_t readable_count;
	uint32_t segment_count;
	struct lks_segment segments[LKS_SEGMENTS_MAX];
	struct lks_readable eh_frame_hdr; /* start 0 = none */
	uintptr_t build_id;               /* address in the object */
	uint32_t build_id_bytes;          /* 0 = none */
	uint64_t headers;                 /* hash of the program headers */
	uintptr_t headers_at;
	size_t headers_bytes;
};

/*
 * RECORD. Fills `out` from the object mapped at [start, end), whose first
 * page must be its ELF header. False: it is not, or can't be read; `out` is
 * then empty.
 */
bool lks_image_read(uintptr_t start, uintptr_t end, struct lks_image *out);

/*
 * Any context. True if the object that was read is there now, by its build-id
 * (as it was then), or by its headers if it has none. Another thread may be
 * unloading it. Asks the kernel, so it is for rare paths.
 */
bool lks_image_is_there(const struct lks_image *image, const uint8_t *build_id);

/* The end of the readable segment that holds `at`, 0 = none does. Pure. */
uintptr_t lks_image_readable_end(const struct lks_image *image, uintptr_t at);

/* Any context. True if all pages of [at, at + bytes) can be read. Asks the
 * kernel (rt_sigprocmask with an impossible `how` reads its argument and
 * changes nothing), so it is for rare paths. */
bool lks_can_read(uintptr_t at, size_t bytes);

/*
 * Any context. Copies memory that may be unmapped at any moment: the kernel
 * does it. False: some of it is not there. Where the kernel does not do that
 * for us the memory is looked at and then read, and what goes away between the
 * two is a fault.
 */
bool lks_copy_memory(void *to, uintptr_t from, size_t bytes);
