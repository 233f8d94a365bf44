/*
 * Encode: a snapshot in memory to the bytes of proto/FORMAT.md, through gzip
 * into the sink.
 *
 * The file is one protobuf message in pieces: each top-level field is packed
 * by itself, of at most ROWS table rows, so memory is bounded whatever the
 * size of the tables. Order: header, modules, pcs, stacks, sites, cohorts,
 * thread sites, ledger, marks, losses, trailer. In a dump the blocks come after
 * the header, because they are encoded while the snapshot is taken.
 */
#pragma once

#include "snap.h"

/* WRITER, scratch; the sink is open. False: the sink has the error. */
bool lks_encode(const struct lks_snap *snap);

/* WRITER, scratch; the sink is open. Takes the snapshot too, with every live
 * block and the first `contents` bytes of each. */
bool lks_encode_dump(struct lks_snap *snap, uint32_t contents);

/*
 * In a call that lks_encode made, of a library that can't go on: lks_encode
 * fails. What the library held is the snapshot's scratch.
 */
_Noreturn void lks_encode_give_up(void);
