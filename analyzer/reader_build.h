/*
 * A model made of what profiles have: code addresses with or without names,
 * call stacks one by one, and four columns of numbers. reader_pprof.c and
 * reader_legacy.c read the two formats; what a model promises (model.h) is
 * kept here.
 *
 * Bounds beside those of ../proto/limits.h, which hold for profiles too. Only
 * the analyzer reads profiles, so they are the analyzer's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "hashtab.h"
#include "model.h"

/* A profile after gunzip. 1 M stacks of 40 frames are about 100 MiB; the whole
 * of it is in memory for a moment, as its texts come last. */
#define PROFILE_BYTES_MAX ((uint64_t)256 << 20)

/* Rows of one table of a profile (samples, locations, functions, texts; lines
 * of all locations together). Rows of two bytes each could otherwise make a
 * hundred times the file's size. */
#define PROFILE_ROWS_MAX (1u << 22)

/* No file is mapped at this length; where a producer says so (some say
 * [0, 2^64) or nothing at all) the addresses in use tell. */
#define PROFILE_MAPPING_BYTES_MAX (UINT64_C(1) << 40)

/* Programs that are not position-independent are linked to run below; nothing
 * else is loaded there. */
#define PROFILE_FIXED_BELOW (UINT64_C(1) << 30)

/* One row. Never negative. */
struct build_values {
	int64_t alloc_objects;
	int64_t alloc_bytes;
	int64_t live_objects;
	int64_t live_bytes;
};

struct build {
	struct model *model;
	struct err *err;
	bool has_alloc;  /* the profile has the columns of allocations */
	uint64_t offset; /* of what is being read, for messages */
	/* Random: begins hashes of numbers that the file chooses, which could
	 * otherwise be chosen to meet in one slot. */
	uint64_t seed;
	uint64_t sums[6]; /* of each column of struct counts */
	uint64_t thread_sum;
	size_t module_capacity;
	size_t pc_capacity;
	size_t node_capacity;
	size_t site_capacity;
	size_t thread_capacity;
	struct hashtab nodes;   /* numbers of nodes */
	uint32_t *site_of_node; /* by node; 0 = none */
	size_t site_of_node_capacity;
};

/* The model is empty, and whole after any of these calls. Release frees what
 * only the build needed. */
void build_begin(struct build *build, struct model *model, struct err *err);
void build_release(struct build *build);

/* "corrupt: WHAT" at build->offset. Returns -1. */
int build_corrupt(struct build *build, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The file is neither a snapshot nor a profile. Returns -1. `plain`: it is not
 * even gzip. */
int build_foreign(const char *file, bool plain, struct err *err);

/* These return 0, or -1 and fill `err` at a bound. */

/* Copies a module of at most one segment. A further piece of the last file's
 * code, as far from the others as in the file, becomes one of its segments. */
int build_module(struct build *build, const struct module *module,
		 struct module_id *id);
/* `address` is a return address, 0 where only the names tell it apart. The
 * symbols (NULL: none) are the model's. */
int build_pc(struct build *build, uint64_t address, struct module_id module,
	     const struct symbols *symbols, struct pc_id *id);

/*
 * Takes a call stack, innermost frame first; of more than LKS_DEPTH_MAX
 * frames the outermost go, and SITE_TRUNCATED is added to *flags. No frames
 * are node 0.
 */
int build_stack(struct build *build, const struct pc_id *pcs, size_t count,
		struct node_id *node, uint32_t *flags);

/* Adds to the site of a stack. What is in use but was never allocated, which
 * estimates bring about, counts as allocated (model.raised_rows). */
int build_add(struct build *build, struct node_id node, uint32_t flags,
	      const struct build_values *values);
/* Adds running threads, or what the profile counts in their place. */
int build_add_threads(struct build *build, struct node_id node, uint32_t flags,
		      int64_t count);
