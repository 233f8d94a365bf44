/*
 * A pprof profile under construction (../proto/profile.proto): it numbers
 * texts, functions, mappings, locations and samples, keeps each one once, and
 * writes the whole as gzip'ed protobuf. What a profile means is its caller's
 * affair; what makes it well-formed is done here:
 *
 * - string_table[0] is "", every text is valid UTF-8 without control bytes.
 * - ids are 1, 2, 3 ... in the order of the file.
 * - Samples with the same locations and label are one; samples of zeros only are none.
 * - A mapping claims functions, files or lines only if each of its locations
 *   has them. A claim that fails half way makes pprof melt functions into one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct err;
struct pprof;

/* Texts are copied throughout. */
struct pprof_type {
	const char *type; /* "space" */
	const char *unit; /* "bytes" */
};

struct pprof_mapping {
	uint64_t start; /* [start, limit); mappings must not overlap */
	uint64_t limit;
	uint64_t file_offset;
	const char *filename;
	const char *build_id; /* hexadecimal; "" = none */
};

struct pprof_line {
	const char *function;    /* for people */
	const char *system_name; /* as the linker knows it */
	const char *file;        /* NULL = unknown */
	uint32_t line;           /* 0 = unknown */
};

/* What each sample has `type_count` values of. Never NULL. */
struct pprof *pprof_new(const struct pprof_type *types, size_t type_count)
	__attribute__((warn_unused_result));
void pprof_free(struct pprof *pprof); /* NULL is allowed */

/* duration_ns: 0 for a moment, else of the window that ends then. */
void pprof_set_time(struct pprof *pprof, uint64_t wall_ns,
		    uint64_t duration_ns);
void pprof_set_period(struct pprof *pprof, const struct pprof_type *type,
		      uint64_t period);
/* Which of the types viewers show first; without it the last. */
void pprof_set_default_type(struct pprof *pprof, const char *type);
/* Locations have all their inlined functions. */
void pprof_set_inlines(struct pprof *pprof, bool inlines);
void pprof_add_comment(struct pprof *pprof, const char *text);

/* These return the new id. The first mapping must be the program itself. */
uint64_t pprof_add_mapping(struct pprof *pprof,
			   const struct pprof_mapping *mapping);
/* `mapping` is an id, or 0 for none; `address` is not 0, and no two locations
 * have the same. Lines are innermost first, none if no name is known. */
uint64_t pprof_add_location(struct pprof *pprof, uint64_t mapping,
			    uint64_t address, const struct pprof_line *lines,
			    size_t line_count);

/*
 * `locations` are ids, innermost first, at least one. Values are added up
 * over calls with the same locations and must not overflow.
 *
 * Samples of the base are kept apart, with the label pprof::base=true: that is
 * how pprof saves what its -diff_base made. Their values are negative.
 */
void pprof_add_sample(struct pprof *pprof, const uint64_t *locations,
		      size_t location_count, const int64_t *values,
		      bool is_base);

/* Writes to `out`, whose ferror is the caller's to look at. Returns 0, or -1
 * and fills `err` if the profile could not be compressed. */
int pprof_write(struct pprof *pprof, FILE *out, struct err *err)
	__attribute__((warn_unused_result));
