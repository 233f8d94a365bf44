/*
 * One loaded snapshot. reader.h makes it from a file; everything in it was
 * checked there, so nobody else checks anything:
 *
 * - Every index is in range. Tables are arrays whose element 0 is the zeroed
 *   "none", so an index of 0 may be looked up too. Counts of tables do not
 *   count element 0; the elements are 1 .. count.
 * - A node's parent has a lower number, and depth <= LKS_DEPTH_MAX.
 * - Over one model, the sum of any one column of objects or bytes is at most
 *   INT64_MAX / 2: partial sums, sums of two columns and their differences fit
 *   an int64_t.
 * - Only `truncated` models lack anything.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facts.h"

/* 0 = none, in each of them. */
struct module_id {
	uint32_t id;
};
struct pc_id {
	uint32_t id;
};
struct node_id {
	uint32_t id;
};
struct site_id {
	uint32_t id;
};

struct segment {
	uint64_t start; /* run-time address */
	uint64_t end;   /* > start */
	uint64_t file_offset;
	uint64_t vaddr;
};

/* Element 0 has path "". */
struct module {
	const char *path;        /* owned by the model */
	const uint8_t *build_id; /* owned by the model; NULL if there is none */
	uint32_t build_id_bytes;
	/* A profile's that names none: there may be one. Only where NULL. */
	bool build_id_unknown;
	uint32_t segment_count;
	struct segment segments[LKS_SEGMENTS_MAX];
	uint32_t generation;
	bool unloaded;
};

struct symbols; /* symbolize.h */

/* A code location: a run-time return address. */
struct pc {
	uint64_t address;
	struct module_id module;
	/* Names that the file itself brings (a profile does), owned by the
	 * model; NULL: the symbolizer has to find them. */
	const struct symbols *symbols;
};

/* A call stack is a node and its ancestors: innermost frame first. */
struct node {
	struct node_id parent; /* 0: outermost frame */
	struct pc_id pc;
	uint32_t depth; /* frames from here outward, this one included */
};

/* Objects are in 1/count_scale until unbias.h was applied. */
struct counts {
	uint64_t alloc_objects; /* since tracking started */
	uint64_t alloc_bytes;
	uint64_t free_objects;
	uint64_t free_bytes;
	uint64_t live_objects;
	uint64_t live_bytes;
};

enum site_flag {
	SITE_TRUNCATED = 1, /* outer frames are missing */
	SITE_OVERFLOW = 2,  /* collects what found no room for its stack */
};

struct site {
	struct node_id node; /* innermost frame; 0: no stack is known */
	uint32_t flags;
	struct counts counts;
	uint64_t inherited_objects; /* part of live */
	uint64_t inherited_bytes;
};

struct cohort {
	struct site_id site;
	uint32_t bin; /* index into header.cohort_bins */
	uint64_t objects;
	uint64_t bytes;
};

/* Threads by the stack that created them; never scaled. */
struct thread_site {
	struct node_id node;
	uint32_t flags;
	uint64_t created;
	uint64_t released;
	uint64_t running;
	uint64_t running_detached; /* part of running */
	uint64_t exited_unjoined;
	uint64_t created_stack_bytes;
	uint64_t released_stack_bytes;
	uint64_t held_stack_bytes; /* of running and exited_unjoined */
	struct pc_id start_pc;
};

/* What kind of file a model was read from. */
enum origin {
	ORIGIN_SNAPSHOT, /* ours */
	ORIGIN_PROFILE,  /* a pprof or gperftools heap profile */
};

struct model {
	const char *file; /* as the user named it */
	enum origin origin;
	struct header header;
	struct ledger ledger;
	struct losses losses;
	struct trailer trailer; /* zero if truncated */

	struct module *modules;
	struct pc *pcs;
	struct node *nodes;
	struct site *sites;
	struct cohort *cohorts; /* no element 0: elements are 0 .. count-1 */
	struct thread_site *thread_sites;
	struct mark *marks; /* no element 0 */
	uint32_t module_count;
	uint32_t pc_count;
	uint32_t node_count;
	uint32_t site_count;
	uint32_t cohort_count;
	uint32_t thread_site_count;
	uint32_t mark_count;

	bool is_dump;          /* it has a row for each live block as well */
	bool truncated;        /* no trailer: a good prefix of a snapshot */
	uint64_t prefix_bytes; /* how much was good, uncompressed */
	uint32_t dropped_rows; /* truncated: what they refer to is missing */
	bool totals_disagree;  /* the trailer's sums are not the sites' */
	/* Profiles: rows with more in use than was allocated (both are
	 * estimates), where the latter was raised. */
	uint32_t raised_rows;

	struct model_pool *pool; /* owns the texts */
};

static inline const struct module *
model_module(const struct model *model, struct module_id module)
{
	return &model->modules[module.id];
}

static inline const struct pc *
model_pc(const struct model *model, struct pc_id pc)
{
	return &model->pcs[pc.id];
}

static inline const struct node *
model_node(const struct model *model, struct node_id node)
{
	return &model->nodes[node.id];
}

/* An empty model, tables with element 0 only. Never fails. */
struct model *model_new(const char *file) __attribute__((warn_unused_result));
void model_free(struct model *model);

/* Leaves the facts (facts.h, marks) and empties all tables, which are what
 * needs memory. */
void model_drop_tables(struct model *model);

/* Copies bytes to memory that lives as long as the model; a NUL is added. */
char *model_keep(struct model *model, const void *bytes, size_t len);
/* The same, zeroed and aligned for anything. */
void *model_keep_zeroed(struct model *model, size_t count, size_t size);
