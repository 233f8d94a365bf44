/*
 * Makes synthetic snapshots, good ones and hostile ones. Written against the
 * format alone: it shares no code with the shim's encoder or the reader.
 *
 * Numbers of modules, pcs and nodes are those of the format: from 1, 0 = none.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "snapshot.pb-c.h"

struct snapgen;

struct snapgen_site {
	uint32_t node;
	uint32_t flags;
	uint64_t alloc_objects;
	uint64_t alloc_bytes;
	uint64_t free_objects;
	uint64_t free_bytes;
};

struct snapgen_threads {
	uint32_t node;
	uint64_t created;
	uint64_t released;
	uint64_t running;
	uint64_t unjoined;
	uint64_t stack_bytes; /* of each thread */
};

/* A snapshot of nothing, with a plausible header. */
struct snapgen *snapgen_new(void);
void snapgen_free(struct snapgen *gen);

/* To be changed in place. Texts set there are borrowed. */
Leakshim__V1__Header *snapgen_header(struct snapgen *gen);
Leakshim__V1__Losses *snapgen_losses(struct snapgen *gen);
Leakshim__V1__Trailer *snapgen_trailer(struct snapgen *gen);
/* Absent until first asked for. */
Leakshim__V1__Ledger *snapgen_ledger(struct snapgen *gen);
/* For byte fields: a borrowed text. */
ProtobufCBinaryData snapgen_bytes(const char *text);

/* One segment of `size` bytes at `start`; file offset and vaddr 0x1000.
 * build_id: a text, NULL = none; both texts are borrowed. */
uint32_t snapgen_module(struct snapgen *gen, const char *path,
			const char *build_id, uint64_t start, uint64_t size);
uint32_t snapgen_pc(struct snapgen *gen, uint32_t module, uint64_t address);
uint32_t snapgen_node(struct snapgen *gen, uint32_t parent, uint32_t pc);
/* A chain of nodes, made anew or found: pcs innermost first, 0 ends them. */
uint32_t snapgen_stack(struct snapgen *gen, const uint32_t *pcs);
/* Live is alloc - free. */
void snapgen_site(struct snapgen *gen, const struct snapgen_site *site);
void snapgen_cohort(struct snapgen *gen, uint32_t site, uint32_t bin,
		    uint64_t objects, uint64_t bytes);
void snapgen_threads(struct snapgen *gen,
		     const struct snapgen_threads *threads);

/* Rows per column message from here on; 0 = all in one. */
void snapgen_rows(struct snapgen *gen, size_t rows);
/* A raw top-level field of wire type 2, before the trailer. */
void snapgen_raw(struct snapgen *gen, uint32_t number, const void *bytes,
		 size_t len);

struct snapgen_buffer {
	uint8_t *data; /* owned by the caller: free() */
	size_t len;
};

/* The uncompressed bytes; with_trailer 0 leaves the trailer out. The trailer
 * gets the true totals, unless snapgen_trailer was called. */
struct snapgen_buffer snapgen_pack(struct snapgen *gen, int with_trailer);
struct snapgen_buffer snapgen_gzip(const void *bytes, size_t len);

/* Writes bytes to a file in a directory of the test's own and returns its
 * path, valid until the next call. All of them go with snapgen_clean. */
const char *snapgen_file(const void *bytes, size_t len);
/* pack, gzip and file in one. */
const char *snapgen_write(struct snapgen *gen);
void snapgen_clean(void);
