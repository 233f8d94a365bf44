/*
 * The memo: a thread's recent walks, each with all it depended on.
 *
 * A walk is a function of the registers it starts from, the words of the stack
 * it reads, the rules, the thread's bounds and the depth. An entry keeps the
 * words: every return address with its place, and what was read of the frame
 * register, as far as a later frame was found by it. If the innermost frame is
 * the same and every word still lies where it did, the walk would end the same
 * way: the stack's number is known without a rule and without a hash, at one
 * independent load a frame. Nothing is ever taken from an entry unverified.
 * One that doesn't hold leads to the next that began the same (memo.c).
 *
 * Where no entry holds, the walk goes by rules only until it comes to a frame
 * of the thread's last walk from which on all words still hold; the rest of
 * that walk, and its node in the depot, are the rest of this one.
 *
 * Not kept: walks through a signal's frame, walks that end in code of no
 * module (a module may be loaded there, and nothing would tell us), and what
 * passes the bounds below. They are done plainly.
 *
 * One thread's own; no lock. When modules change (lks_rules_salt), so do the
 * rules, and everything is forgotten. What remains: a walk that is remembered
 * and a frame of which lies in a range that was unmapped and used again, with
 * the same return address, before the first rule miss there; dlclose is
 * wrapped and leaves no such time: walks during one are plain.
 */
#pragma once

#include "lks.h"
#include "unwind.h"

/* Entries are written round a ring of this many bytes, the oldest make way: 16
 * a frame. Most threads allocate from some dozens of stacks; those that have
 * been round it once get the large one. */
#define LKS_MEMO_SMALL_BYTES (32u * 1024)
#define LKS_MEMO_LARGE_BYTES (128u * 1024)

/* All threads' memos together: this part of the cap. Beyond it threads walk
 * plainly, which costs time and loses nothing. */
#define LKS_MEMO_CAP_PART 8

struct lks_memo_space; /* memo.c */

struct lks_memo {
	struct lks_memo_space *space; /* NULL: none yet, or none to be had */
	char *ring;                   /* in it */
	uint64_t write;               /* position in the ring, ever growing */
	uint64_t start;               /* where it was when last empty */
	uint64_t last;                /* position of the last walk's entry */
	uint64_t salt;                /* of the rules they were made by */
	uintptr_t hi;                 /* end of the stack they lie on */
	uint32_t ring_bytes;          /* power of 2 */
	uint32_t set_mask; /* of the sets that entries are found by */
	uint32_t depth;
	bool refused; /* no memory was to be had: plain walks from now on */
};

struct lks_captured {
	struct lks_stack stack;
	enum lks_walk_end end;
};

/*
 * RECORD. The stack at `regs`, at most `depth` frames, interned: the same as
 * lks_unwind_cfi and lks_depot_intern give. `code` has room for `depth`.
 */
struct lks_captured lks_memo_capture(struct lks_memo *memo,
				     const struct lks_regs *regs,
				     const struct lks_bounds *bounds,
				     uint64_t *code, uint32_t depth);

/* RECORD. Gives its memory back. */
void lks_memo_release(struct lks_memo *memo);

/* RECORD, when the thread left a call behind for good, which may have been in the
 * middle of any of these: keeps the memory and nothing that is in it. */
void lks_memo_forget(struct lks_memo *memo);

/* Lock-free. Bytes of all threads' memos. */
uint64_t lks_memo_bytes(void);
