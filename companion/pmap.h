/*
 * All mappings of one process at one moment, for a file: as a table, CSV or
 * JSON.
 *
 * The totals are those of the kernel's smaps_rollup, to the byte, if the
 * process stood still while both were read (kill -STOP makes it). The rows add
 * up to them but for PSS, which the kernel rounds down to a KiB in each.
 */
#pragma once

#include <jansson.h>

#include "smaps.h"

struct pmap {
	pid_t pid;
	const char *name; /* of the process; borrowed */
	uint64_t wall_ns;
	struct smaps maps; /* owned */
	/* The rollup's, and the size of all mappings; or the rows' sum. */
	struct smaps_amounts total;
	/* The process moved between the two in each of several attempts: the
	 * total then is the rows' sum. */
	bool moved;
};

/* Like procfs.h it says -1 and errno. pmap_release() after 0 only. */
int pmap_take(struct pmap *pmap, const struct procfs *proc, const char *name)
	__attribute__((warn_unused_result));
void pmap_release(struct pmap *pmap);

void pmap_text(struct strbuf *out, const struct pmap *pmap);
/* The last row is the total: its kind is "total". */
void pmap_csv_header(struct strbuf *out);
void pmap_csv(struct strbuf *out, const struct pmap *pmap);
/* A new reference. */
json_t *pmap_json(const struct pmap *pmap) __attribute__((warn_unused_result));

/* The members of `amounts` in bytes, into an object. */
void pmap_json_amounts(json_t *object, const struct smaps_amounts *amounts);
