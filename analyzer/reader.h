/*
 * An untrusted file to a model: a snapshot, or a heap profile as pprof, Go,
 * gperftools and jemalloc have it. Every index, length and sum is checked here,
 * once; the promise to everybody else is in model.h.
 *
 * A snapshot is read field by field (each at most LKS_FIELD_BYTES), so that
 * memory is bounded by the tables' bounds in ../proto/limits.h, and so that
 * what precedes the end of a truncated file can be used. Bounds of profiles are
 * in reader_build.h; a truncated one is refused.
 *
 * Of a profile (ORIGIN_PROFILE) the model has:
 * - sites with what is in use, and with allocations and frees if the profile
 *   has those (else 0, and then they do not balance);
 * - counts of goroutines and threads as thread sites, all created and running;
 * - header: wall_ns and monotonic_ns the profile's time (of text the file's);
 *   sequence 0 unless the file's name or our comment says it; sample_bytes if
 *   it is an estimate (the numbers need no unbias); exe and exe_build_id the
 *   main mapping's, which, with the pid if it is known, is all that tells
 *   processes apart. No boot id, host or start time.
 * - modules whose segments may have a guessed `vaddr`; pcs with names.
 */
#pragma once

#include "block.h"
#include "err.h"
#include "model.h"

/* The only schema there is. A newer one is refused: it may have changed what
 * a field means. New fields alone don't make a new schema; they are skipped. */
#define READER_SCHEMA 1

/*
 * Reads a file, "-" is standard input. Returns a model that the caller frees,
 * or NULL and fills `err` (any code but ERR_PATTERN and ERR_WRITE).
 *
 * A file without trailer gives a `truncated` model, provided that its header
 * is whole; rows that need what is missing are zeroed and counted.
 */
struct model *reader_load(const char *file, struct err *err)
	__attribute__((warn_unused_result));

/*
 * What the file is and its header, for grouping and ordering before loading:
 * `origin`, `header`, no tables, and nothing is known of what follows (is it
 * truncated or damaged?). Costs the first kilobytes of a snapshot, one pass
 * over a profile. Only regular files, ERR_OPEN otherwise: of a pipe nothing
 * would be left to load. Returns and fails as reader_load does.
 */
struct model *reader_peek(const char *file, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Gives the blocks of a dump to `visit`, in the order of the file: by rising
 * address within some hundreds, no order among these. `model` was loaded from
 * the same file, which is read once more, so it is no pipe; the nodes of blocks
 * are nodes of it. Of a truncated file those that precede the end are given,
 * without nodes, since these come after them.
 *
 * -1 and `err`: ERR_FOREIGN if the file is no dump, whatever `visit` said, or
 * what reader_load may say. `totals` are those of the file, or, if it was cut,
 * what was given.
 */
int reader_each_block(const struct model *model, block_visit *visit,
		      void *visitor, struct block_totals *totals,
		      struct err *err) __attribute__((warn_unused_result));
