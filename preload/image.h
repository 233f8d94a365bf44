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

/*
 * Readable segments remembered. Linkers make 4 or 5 (headers, text, rodata,
 * relro, data); sections placed by hand (node: 6), patchelf and bolt add a few
 * each. What is beyond has no rules, and the module is counted.
 */
#define LKS_READABLE_MAX 16

/* Program headers in memory. */
struct lks_headers {
	uintptr_t at;
	uint32_t count;
	uintptr_t bias; /* run-time address minus p_vaddr */
};

/* [start, end), readable and mapped while the object is. */
struct lks_readable {
	uintptr_t start;
	uintptr_t end;
};

struct lks_image {
	struct lks_readable readable[LKS_READABLE_MAX];
	uint32_t readable_count;
	uint32_t segment_count;
	bool incomplete; /* it has more than there is room for */
	struct lks_segment segments[LKS_SEGMENTS_MAX];
	struct lks_readable eh_frame_hdr; /* start 0 = none */
	uintptr_t build_id;               /* address in the object */
	uint32_t build_id_bytes;          /* 0 = none */
	uint64_t headers;                 /* hash of the program headers */
	uintptr_t headers_at;
	size_t headers_bytes;
};

/* RECORD. Those behind the ELF header at `start`, in the same page. False: it
 * is none, or can't be read. */
bool lks_headers_find(uintptr_t start, struct lks_headers *out);

/* Any context; the headers must be readable. From the page of the lowest
 * segment to the end of the highest, gaps included. False: no segments. */
bool lks_headers_range(const struct lks_headers *headers, uintptr_t *start,
		       uintptr_t *end);

/* Any context; the headers must be readable. True if a segment holds it. */
bool lks_headers_hold(const struct lks_headers *headers, uintptr_t address);

/*
 * RECORD. Fills `out` from the object mapped at [start, end), whose program
 * headers are readable there or elsewhere.
 */
void lks_image_read_by(const struct lks_headers *headers, uintptr_t start,
		       uintptr_t end, struct lks_image *out);

/* RECORD. The same where the first page has the ELF header. False: it has
 * none, or can't be read; `out` is then empty. */
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
