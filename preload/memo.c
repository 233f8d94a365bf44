#include "memo.h"

#include <stdatomic.h>
#include <string.h>

#include "../proto/limits.h"
#include "arena.h"
#include "depot.h"
#include "frame.h"
#include "rules.h"

/* Frames of a walk, those of the shim included, which the depth doesn't
 * count. */
#define STEPS_MAX (LKS_DEPTH_MAX + 16)
/* Words of a walk beyond its return addresses. */
#define WORDS_MAX 32
#define NEAR_BITS 8
/* Frames that are compared at once. */
#define BLOCK 4u
/* The ring's bytes for one set of two places. */
#define RING_PER_SET 256u
/* Entries that are looked at before a walk. */
#define CHAIN_MAX 8

/*
 * A frame: innermost first. But for the innermost, its pc is the word below its
 * sp; `at` is where, counted in words from the stack's end (negative).
 */
struct hop {
	uint64_t pc;
	int32_t at;
	uint32_t node; /* of the depot, and flags */
};

#define HOP_NODE 0xffffffu
#define HOP_NEEDS_BP (1u << 24) /* its bp tells where a frame is */
#define HOP_HIDDEN (1u << 25)   /* not written; the node is its caller's */

/* Another word that was read. */
struct word {
	uint64_t value;
	int32_t at;
	uint16_t hop; /* read in the step to this hop; verify with it */
	uint16_t is_bp;
};

struct entry {
	uint64_t bp; /* the innermost frame's, if it needs it */
	struct lks_captured captured;
	uint16_t hops;
	uint16_t words;
	uint32_t written;
	struct hop hop[]; /* hops, filled up to whole blocks; then the words */
};

#define ENTRY_BYTES offsetof(struct entry, hop)

_Static_assert(sizeof(struct hop) == 16 && sizeof(struct word) == 16,
	       "a ring of units");
_Static_assert(ENTRY_BYTES % 8 == 0, "entries are aligned");
_Static_assert(BLOCK == 4, "as holds compares them");

/* A frame of the walk under way. */
struct step {
	struct lks_frame frame;
	uint64_t rule;
};

/* Only touched pages cost. */
struct lks_memo_space {
	struct step step[STEPS_MAX];
	struct hop hop[STEPS_MAX];
	struct word word[WORDS_MAX];
	/* Positions of what last began with a pc and sp. */
	uint64_t near[1 << NEAR_BITS];
	uint64_t set[][2]; /* places; then the ring */
};

/* Of a memo's salt: it has one, hence a space. Salts are above addresses. */
#define SETTLED ((uint64_t)1)

static _Atomic uint64_t all_bytes;

uint64_t
lks_memo_bytes(void)
{
	return atomic_load_explicit(&all_bytes, memory_order_relaxed);
}

/* --- the ring ------------------------------------------------------------ */

static size_t
space_bytes(uint32_t ring)
{
	return sizeof(struct lks_memo_space) +
	       (size_t)ring / RING_PER_SET * 2 * sizeof(uint64_t) + ring;
}

static inline struct entry *
entry_at(const struct lks_memo *memo, uint64_t position)
{
	return (struct entry *)(memo->ring +
				(position & (memo->ring_bytes - 1)));
}

/* Positions only grow (but see begin_again), so one that was written over is
 * known by its age. The first is 2 rings, hence 0 is none. */
static inline bool
is_whole(const struct lks_memo *memo, uint64_t position)
{
	return memo->write - position <= memo->ring_bytes;
}

/* Hops that an entry has room for: the first, which is compared apart, and
 * whole blocks. */
static inline uint32_t
room_for(uint32_t hops)
{
	return 1 + (hops - 1 + BLOCK - 1) / BLOCK * BLOCK;
}

static inline const struct word *
words_of(const struct entry *e)
{
	return (const struct word *)&e->hop[room_for(e->hops)];
}

static void
forget(struct lks_memo *memo)
{
	memo->write += 2ull * memo->ring_bytes;
	memo->last = 0;
}

/*
 * Whoever is interrupted here or in obtain may not come back, so a memo that has
 * a space has all of it at any moment (lks_memo_forget). What is in neither the
 * memo nor the arena then is lost.
 */
void
lks_memo_release(struct lks_memo *memo)
{
	struct lks_memo_space *space = memo->space;
	size_t bytes = space_bytes(memo->ring_bytes);

	memo->space = NULL;
	lks_compiler_barrier();
	memset(memo, 0, sizeof(*memo));
	lks_compiler_barrier();
	if (space != NULL) {
		lks_arena_release(space, bytes);
		atomic_fetch_sub_explicit(&all_bytes, bytes,
					  memory_order_relaxed);
	}
}

void
lks_memo_forget(struct lks_memo *memo)
{
	memo->salt = 0;
}

/* A space with a ring of this size instead of what there is. */
static bool
obtain(struct lks_memo *memo, uint32_t ring)
{
	size_t bytes = space_bytes(ring);
	struct lks_memo_space *space = NULL;

	if (lks_memo_bytes() + bytes <= lks_arena_cap() / LKS_MEMO_CAP_PART)
		space = lks_arena_map(bytes);
	if (space == NULL)
		return false;
	lks_memo_release(memo);
	atomic_fetch_add_explicit(&all_bytes, bytes, memory_order_relaxed);
	memo->ring = (char *)&space->set[ring / RING_PER_SET];
	memo->ring_bytes = ring;
	memo->set_mask = ring / RING_PER_SET - 1;
	memo->write = 2ull * ring;
	lks_compiler_barrier();
	memo->space = space;
	lks_compiler_barrier();
	return true;
}

/* What the entries rest on is no longer so. False: no memo. */
static LKS_NOINLINE bool
settle(struct lks_memo *memo, uint64_t salt, uintptr_t hi, uint32_t depth)
{
	if (memo->refused)
		return false;
	if (memo->space != NULL)
		forget(memo);
	else if (!obtain(memo, LKS_MEMO_SMALL_BYTES)) {
		memo->refused = true;
		return false;
	}
	memo->start = memo->write;
	memo->salt = salt;
	memo->hi = hi;
	memo->depth = depth;
	return true;
}

static LKS_NOINLINE void
enlarge(struct lks_memo *memo)
{
	struct lks_memo old = *memo;

	if (!obtain(memo, LKS_MEMO_LARGE_BYTES))
		return;
	memo->salt = old.salt;
	memo->hi = old.hi;
	memo->depth = old.depth;
	memo->start = memo->write;
}

/* Room for an entry. Positions of the ring's end that it doesn't fit into are
 * passed over. */
static struct entry *
place(struct lks_memo *memo, uint32_t bytes)
{
	uint32_t left = memo->ring_bytes -
			(uint32_t)(memo->write & (memo->ring_bytes - 1));

	if (bytes > left)
		memo->write += left;
	memo->last = memo->write;
	memo->write += bytes;
	return entry_at(memo, memo->last);
}

/* --- verifying ----------------------------------------------------------- */

/* Where a frame's pc lies, as a hop says it. */
static inline int32_t
place_of(uintptr_t hi, uintptr_t sp)
{
	return -(int32_t)((hi - sp) / 8) - 1;
}

/* Where a word lies that is no return address. */
static inline int32_t
distance(uintptr_t hi, uintptr_t at)
{
	return -(int32_t)((hi - at) / 8);
}

static inline uint64_t
word_at(uintptr_t hi, int32_t at)
{
	return ((const uint64_t *)hi)[at];
}

static inline bool
begins(const struct entry *e, const struct lks_regs *regs, uintptr_t hi)
{
	return e->hop[0].pc == regs->pc &&
	       (const uint64_t *)hi + e->hop[0].at + 1 ==
		       (const uint64_t *)regs->sp;
}

/* Not 0 if one of a block's words is another now. */
static inline uint64_t
block_differs(const struct hop *hop, uintptr_t hi)
{
	return (word_at(hi, hop[0].at) ^ hop[0].pc) |
	       (word_at(hi, hop[1].at) ^ hop[1].pc) |
	       (word_at(hi, hop[2].at) ^ hop[2].pc) |
	       (word_at(hi, hop[3].at) ^ hop[3].pc);
}

static LKS_NOINLINE uint64_t
words_differ(const struct entry *e, uint32_t inner, uintptr_t hi)
{
	const struct word *words = words_of(e);
	uint64_t differ = 0;

	for (uint32_t i = 0; i < e->words; i++)
		if (words[i].hop > inner)
			differ |= word_at(hi, words[i].at) ^ words[i].value;
	return differ;
}

/* The first block of which a word is another now. NULL: there is none. The
 * loads are independent; all words lie above the frame's sp. */
static inline const struct hop *
differing_block(const struct entry *e, uintptr_t hi)
{
	const struct hop *hop = e->hop + 1;
	const struct hop *const end = e->hop + e->hops;

	for (; hop < end; hop += BLOCK)
		if (lks_unlikely(block_differs(hop, hi) != 0))
			return hop;
	return NULL;
}

/* The same of what is no return address. */
static inline bool
rest_holds(const struct entry *e, uintptr_t bp, uintptr_t hi)
{
	if ((e->hop[0].node & HOP_NEEDS_BP) != 0 && e->bp != bp)
		return false;
	return lks_likely(e->words == 0) || words_differ(e, 0, hi) == 0;
}

/* True if the walk from the entry's innermost frame, with this bp, would go the
 * entry's way. */
static inline bool
holds(const struct entry *e, uintptr_t bp, uintptr_t hi)
{
	return differing_block(e, hi) == NULL && rest_holds(e, bp, hi);
}

/* What is another now of an entry whose return addresses hold. */
static LKS_NOINLINE uint64_t
rest_of(const struct entry *e, uintptr_t bp, uintptr_t hi)
{
	for (uint32_t i = 0; i < e->words; i++) {
		const struct word *w = &words_of(e)[i];
		const uint64_t value = word_at(hi, w->at);

		if (value != w->value)
			return value + (i + 1);
	}
	return bp;
}

/*
 * The first hop from `hop` on from which on all words of an entry hold: a walk
 * that comes to this hop's frame or an outer one goes the entry's way from
 * there. The walk has come to the hop's sp, and all these words lie above it.
 */
static uint32_t
holds_from(const struct entry *e, uint32_t hop, uintptr_t hi)
{
	const struct hop *h = e->hop + hop + 1;
	const struct hop *const end = e->hop + room_for(e->hops);
	uint64_t differ = 0;
	uint32_t from = e->hops - 1u;

	for (; h + BLOCK <= end; h += BLOCK)
		differ |= block_differs(h, hi);
	for (; h < end; h++)
		differ |= word_at(hi, h->at) ^ h->pc;
	if (lks_unlikely(e->words != 0))
		differ |= words_differ(e, hop, hi);
	if (lks_likely(differ == 0))
		return hop;
	while (from > hop && word_at(hi, e->hop[from].at) == e->hop[from].pc)
		from--;
	for (uint32_t i = 0; i < e->words; i++) {
		const struct word *w = &words_of(e)[i];

		if (w->hop > from && word_at(hi, w->at) != w->value)
			from = w->hop;
	}
	return from;
}

/* The bp that a hop had, which needs it. */
static uint64_t
bp_of(struct entry *e, uint32_t hop)
{
	uint64_t bp = e->bp;
	uint32_t best = 0;

	for (uint32_t i = 0; i < e->words; i++) {
		const struct word *w = &words_of(e)[i];

		if (w->is_bp && w->hop <= hop && w->hop > best) {
			best = w->hop;
			bp = w->value;
		}
	}
	return bp;
}

/* --- finding ------------------------------------------------------------- */

/*
 * The first entry that began with a pc and sp is found by those. It names the
 * next one by the first word that is another now, and so on (follow). A place of
 * a set has an entry's position, and above it bits of the hash.
 */
#define TAG_BITS 16
#define POSITION_BITS (64 - TAG_BITS)

static inline uint64_t
hash_of(uint64_t a, uint64_t b)
{
	return (a ^ b << 16) * 0x9e3779b97f4a7c15u;
}

static inline uint64_t *
near_of(const struct lks_memo *memo, uint64_t hash)
{
	return &memo->space->near[hash >> (64 - NEAR_BITS)];
}

static inline uint64_t *
set_of(const struct lks_memo *memo, uint64_t hash)
{
	return memo->space->set[hash >> 32 & memo->set_mask];
}

static inline uint64_t
tag_of(uint64_t hash)
{
	return hash >> POSITION_BITS;
}

/* The entry that is found by the hash, and begins with these. NULL: none. */
static inline struct entry *
look(const struct lks_memo *memo, uint64_t hash, const struct lks_regs *regs,
     uint64_t *position)
{
	const uint64_t *set = set_of(memo, hash);
	const uint64_t tag = tag_of(hash) << POSITION_BITS;

	for (int way = 0; way < 2; way++) {
		struct entry *e;

		/* Of another tag it is far beyond what was written. */
		*position = set[way] ^ tag;
		if (!is_whole(memo, *position))
			continue;
		e = entry_at(memo, *position);
		if (lks_likely(begins(e, regs, memo->hi)))
			return e;
	}
	return NULL;
}

/* The last walk's entry is found by the hash from now on. */
static inline void
list(const struct lks_memo *memo, uint64_t hash)
{
	uint64_t *set = set_of(memo, hash);
	const uint64_t tag = tag_of(hash) << POSITION_BITS;

	/* What was found by the same makes way. */
	if ((set[0] ^ tag) >> POSITION_BITS != 0)
		set[1] = set[0];
	set[0] = memo->last | tag;
}

/* The next entry might be beyond what a place can tell: after some days of
 * walks that are all new. */
static inline bool
is_full(const struct lks_memo *memo)
{
	return (memo->write + memo->ring_bytes) >> POSITION_BITS != 0;
}

/* Forgets everything, and counts from the first position again. */
static LKS_NOINLINE void
begin_again(struct lks_memo *memo)
{
	struct lks_memo_space *space = memo->space;

	memset(space->near, 0, sizeof(space->near));
	memset(space->set, 0, (memo->set_mask + 1ull) * sizeof(space->set[0]));
	memo->write = 2ull * memo->ring_bytes;
	memo->start = memo->write;
	memo->last = 0;
}

/* --- walking ------------------------------------------------------------- */

struct walk {
	struct step *step;
	struct lks_frame frame; /* reached; not in step[] until it is left */
	uint32_t steps;
	uint32_t written;
	enum lks_walk_end end;
	bool ended; /* the last of step[] is where */
	bool plain; /* not to be kept */
	bool last_hidden;
};

/* One frame on. */
static inline void
advance(struct walk *w, const struct lks_bounds *bounds, uintptr_t hi,
	uint64_t salt, uint32_t depth)
{
	const uint64_t rule = lks_rules_get(w->frame.pc, salt);
	const bool ordinary = lks_rule_is_ordinary(rule);
	struct step *here = &w->step[w->steps++];
	enum lks_step step;

	here->frame = w->frame;
	here->rule = rule;
	if (lks_unlikely(w->steps == STEPS_MAX)) {
		w->plain = true;
		return;
	}
	if (lks_unlikely(ordinary && w->written == depth)) {
		w->end = LKS_WALK_DEPTH;
		w->ended = w->last_hidden = true;
		return;
	}
	step = lks_likely(ordinary) ? lks_frame_ordinary(&w->frame, rule, hi)
				    : lks_frame_odd(&w->frame, rule, bounds);
	if (lks_unlikely(!ordinary)) {
		/* See the header: what is not kept. */
		if (lks_rule_kind(rule) == LKS_RULE_SIGNAL ||
		    (lks_rule_module(rule) == 0 && here->frame.pc != 0))
			w->plain = true;
	}
	if (lks_likely(lks_step_writes(step))) {
		if (lks_unlikely(w->written == depth)) {
			w->end = LKS_WALK_DEPTH;
			w->ended = w->last_hidden = true;
			return;
		}
		w->written++;
	}
	if (lks_unlikely(lks_step_ends(step))) {
		w->end = lks_step_end(step);
		w->ended = true;
		w->last_hidden = !lks_step_writes(step);
	}
}

static bool
uses_bp(uint64_t rule)
{
	switch (lks_rule_kind(rule)) {
	case LKS_RULE_BP:
	case LKS_RULE_BP_LOST:
	case LKS_RULE_BP_DEREF:
	case LKS_RULE_REALIGNED:
		return true;
	case LKS_RULE_NONE:
	case LKS_RULE_SP:
	case LKS_RULE_SP_LOST:
	case LKS_RULE_SP_DEREF:
	case LKS_RULE_SIGNAL:
	case LKS_RULE_OUTERMOST:
		break;
	}
	return false;
}

/* What was found, going back from the outermost new frame to the innermost. */
struct result {
	struct lks_memo_space *space;
	uintptr_t hi;
	uint32_t words;
	uint32_t node;
	bool needs_bp; /* of the frame that was looked at last */
	bool failed;   /* the depot has no room */
	bool plain;    /* not to be kept */
};

static void
add_word(struct result *r, uintptr_t at, uint64_t value, uint32_t hop,
	 bool is_bp)
{
	if (r->words == WORDS_MAX) {
		r->plain = true;
		return;
	}
	r->space->word[r->words++] = (struct word){
		.value = value,
		.at = distance(r->hi, at),
		.hop = (uint16_t)hop,
		.is_bp = is_bp,
	};
}

/*
 * The words of step i beyond the return address. r->needs_bp says whether the
 * frame it leads to needs its bp, and then whether frame i does.
 */
static inline void
add_words(struct result *r, const struct step *from, const struct lks_frame *to,
	  uint32_t hop)
{
	const enum lks_rule_kind kind = lks_rule_kind(from->rule);
	const uint32_t slot = lks_rule_slot(from->rule);
	bool keeps_bp = slot == 0;

	if (lks_unlikely(kind > LKS_RULE_BP)) {
		const uintptr_t near = (uintptr_t)lks_rule_near(from->rule);

		switch (kind) {
		case LKS_RULE_REALIGNED:
			keeps_bp = false;
			if (r->needs_bp && slot == 0)
				add_word(r, from->frame.bp, to->bp, hop, true);
			__attribute__((fallthrough));
		case LKS_RULE_BP_DEREF:
			add_word(r, from->frame.bp + near,
				 *(const uint64_t *)(from->frame.bp + near),
				 hop, false);
			break;
		case LKS_RULE_SP_DEREF:
			add_word(r, from->frame.sp + near,
				 *(const uint64_t *)(from->frame.sp + near),
				 hop, false);
			break;
		case LKS_RULE_SP_LOST:
		case LKS_RULE_BP_LOST:
			/* Then the walk is lost too: not worth an entry. */
			r->plain |= r->needs_bp;
			keeps_bp = false;
			break;
		case LKS_RULE_NONE:
		case LKS_RULE_SP:
		case LKS_RULE_BP:
		case LKS_RULE_SIGNAL:
		case LKS_RULE_OUTERMOST:
			break;
		}
	}
	if (slot != 0 && r->needs_bp)
		add_word(r, to->sp - slot * 8, to->bp, hop, true);
	r->needs_bp = uses_bp(from->rule) || (keeps_bp && r->needs_bp);
}

static inline void
add_hop(struct result *r, const struct step *s, uint32_t i, bool hidden)
{
	if (!hidden && !r->failed) {
		r->node = lks_depot_child(r->node,
					  lks_code(s->frame.pc,
						   lks_rule_module(s->rule)));
		r->failed = r->node == 0;
	}
	r->space->hop[i] = (struct hop){
		.pc = s->frame.pc,
		.at = place_of(r->hi, s->frame.sp),
		.node = r->node | (r->needs_bp ? HOP_NEEDS_BP : 0) |
			(hidden ? HOP_HIDDEN : 0),
	};
}

/* --- the last walk ------------------------------------------------------- */

/* The rest of another walk, to go on with. */
struct rest {
	struct entry *e;  /* NULL: there is none */
	uint32_t hop;     /* the first that may be joined; the one that was */
	uint32_t written; /* of the hops before */
	uint32_t from;    /* from here on it holds; 0: not looked yet */
};

static void
pass(struct rest *rest)
{
	if ((rest->e->hop[rest->hop].node & HOP_HIDDEN) == 0)
		rest->written++;
	rest->hop++;
}

/* True if the walk came to a frame of the rest, which is then rest->hop. */
static inline bool
joins(struct rest *rest, const struct walk *w, const struct lks_memo *memo)
{
	struct entry *e = rest->e;
	const int32_t at = place_of(memo->hi, w->frame.sp);
	uint32_t outer;

	while (rest->hop < e->hops && e->hop[rest->hop].at < at)
		pass(rest);
	if (rest->hop == e->hops || e->hop[rest->hop].at != at ||
	    e->hop[rest->hop].pc != w->frame.pc ||
	    ((e->hop[rest->hop].node & HOP_NEEDS_BP) != 0 &&
	     bp_of(e, rest->hop) != w->frame.bp))
		return false;
	if (rest->from == 0)
		rest->from = holds_from(e, rest->hop, memo->hi);
	if (rest->hop < rest->from)
		return false;
	outer = e->written - rest->written;
	/* A walk that was cut short is cut elsewhere if it begins elsewhere. */
	return e->captured.end == LKS_WALK_DEPTH
		       ? w->written == rest->written
		       : w->written + outer <= memo->depth;
}

/* --- keeping ------------------------------------------------------------- */

/* The entry of what was found, its first `hops` hops and words new. False: it
 * is too large. */
static LKS_NOINLINE bool
keep(struct lks_memo *memo, const struct result *r, uint32_t hops,
     const struct rest *rest, const struct entry *head)
{
	const uint32_t more = rest->e == NULL ? 0 : rest->e->hops - rest->hop;
	const struct hop *old = rest->e == NULL ? NULL
						: &rest->e->hop[rest->hop];
	const uint32_t all = hops + more;
	const uint32_t bytes =
		(uint32_t)ENTRY_BYTES + (room_for(all) + r->words) * 16;
	struct entry *e;

	if (bytes > memo->ring_bytes / 4)
		return false;
	e = place(memo, bytes);
	/* The rest first: it may lie where the entry comes. */
	if (more > 0)
		memmove(&e->hop[hops], old, more * sizeof(*old));
	memcpy(e, head, ENTRY_BYTES);
	e->hops = (uint16_t)all;
	e->words = (uint16_t)r->words;
	for (uint32_t i = 0; i < hops; i++)
		e->hop[i] = r->space->hop[i];
	/* Blocks are whole: the last again. */
	for (uint32_t i = all; i < room_for(all); i++)
		e->hop[i] = e->hop[all - 1];
	if (lks_unlikely(r->words > 0))
		memcpy(&e->hop[room_for(all)], r->space->word,
		       r->words * sizeof(struct word));
	return true;
}

static struct lks_captured
plain(const struct lks_regs *regs, const struct lks_bounds *bounds,
      uint64_t *code, uint32_t depth)
{
	struct lks_walk walk = lks_unwind_cfi(regs, bounds, code, depth);

	return (struct lks_captured){
		lks_depot_intern(code, walk.count,
				 walk.end != LKS_WALK_COMPLETE),
		walk.end,
	};
}

/* No entry holds. Where the next one is to be found is told by `hash`. */
static LKS_NOINLINE struct lks_captured
capture_slow(struct lks_memo *memo, const struct lks_regs *regs,
	     const struct lks_bounds *bounds, uint64_t *code, uint64_t hash)
{
	const uintptr_t hi = memo->hi;
	struct walk w = {
		.step = memo->space->step,
		.frame = { regs->pc, regs->sp, regs->bp },
	};
	struct rest rest = { NULL, 0, 0, 0 };
	struct entry head = { .bp = regs->bp };
	struct result r = { .space = memo->space, .hi = hi };
	bool joined = false;
	uint32_t i;

	if (lks_unlikely(is_full(memo)))
		begin_again(memo);
	if (is_whole(memo, memo->last))
		rest.e = entry_at(memo, memo->last);
	while (!w.plain && !w.ended) {
		joined = rest.e != NULL && joins(&rest, &w, memo);
		if (joined)
			break;
		advance(&w, bounds, hi, memo->salt & ~SETTLED, memo->depth);
	}
	if (lks_unlikely(w.plain))
		return plain(regs, bounds, code, memo->depth);
	i = w.steps;
	if (joined) {
		const struct hop *hop = &rest.e->hop[rest.hop];

		for (uint32_t k = 0; k < rest.e->words; k++) {
			struct word word = words_of(rest.e)[k];

			if (word.hop <= rest.hop)
				continue;
			word.hop = (uint16_t)(word.hop - rest.hop + i);
			r.space->word[r.words++] = word;
		}
		r.node = hop->node & HOP_NODE;
		r.needs_bp = (hop->node & HOP_NEEDS_BP) != 0;
		head.captured.end = rest.e->captured.end;
		head.written = w.written + rest.e->written - rest.written;
	} else {
		const struct step *last = &w.step[--i];

		rest.e = NULL;
		r.needs_bp = uses_bp(last->rule);
		/* How it ended hangs on a word that no hop tells of. */
		r.plain = lks_rule_kind(last->rule) >= LKS_RULE_SP_DEREF &&
			  lks_rule_kind(last->rule) <= LKS_RULE_REALIGNED;
		add_hop(&r, last, i, w.last_hidden);
		head.captured.end = w.end;
		head.written = w.written;
	}
	while (i > 0) {
		const struct step *from = &w.step[--i];

		add_words(&r, from, i + 1 < w.steps ? &from[1].frame : &w.frame,
			  i + 1);
		add_hop(&r, from, i, (from->rule & LKS_RULE_HIDDEN) != 0);
	}
	if (lks_unlikely(r.failed))
		return (struct lks_captured){ lks_depot_overflow(),
					      head.captured.end };
	head.captured.stack =
		lks_depot_stack(r.node, head.captured.end != LKS_WALK_COMPLETE);
	if (!r.plain && head.captured.stack.id != lks_depot_overflow().id &&
	    keep(memo, &r, w.steps, &rest, &head)) {
		list(memo, hash);
		*near_of(memo, hash_of(regs->pc, regs->sp)) = memo->last;
		if (memo->ring_bytes < LKS_MEMO_LARGE_BYTES &&
		    memo->write - memo->start > memo->ring_bytes)
			enlarge(memo);
	}
	return head.captured;
}

/*
 * From an entry that may not hold to one that does. A walk is found after as
 * many looks as there are words that tell it from those on the way, without a
 * rule. True: *e holds. Else a new entry is to be found by *hash.
 */
static inline bool
follow(const struct lks_memo *memo, const struct lks_regs *regs,
       struct entry **e, uint64_t *position, uint64_t *hash)
{
	const uintptr_t hi = memo->hi;

	for (uint32_t i = 0; i < CHAIN_MAX; i++) {
		const struct hop *hop = differing_block(*e, hi);
		uint64_t value;

		if (hop != NULL) {
			const struct hop *const last = hop + BLOCK - 1;

			/* Bounded, because where an entry doesn't hold may lie
			 * what another thread writes. */
			while ((value = word_at(hi, hop->at)) == hop->pc &&
			       hop < last)
				hop++;
			value += (uint64_t)(hop - (*e)->hop) << LKS_PC_BITS;
		} else if (lks_likely(rest_holds(*e, regs->bp, hi))) {
			return true;
		} else {
			value = rest_of(*e, regs->bp, hi);
		}
		*hash = hash_of(value, *position);
		*e = look(memo, *hash, regs, position);
		if (*e == NULL)
			return false;
	}
	/* Too many: begun anew. */
	*hash = hash_of(regs->pc, regs->sp);
	return false;
}

/* What the hot half doesn't know. */
static LKS_NOINLINE struct lks_captured
capture_far(struct lks_memo *memo, const struct lks_regs *regs,
	    const struct lks_bounds *bounds, uint64_t *code)
{
	uint64_t hash = hash_of(regs->pc, regs->sp);
	uint64_t position;
	struct entry *e = look(memo, hash, regs, &position);

	if (e == NULL) {
		/* Not on the thread's stack, or on one that is beyond
		 * measure. */
		if (lks_unlikely(regs->sp < bounds->lo ||
				 regs->sp >= memo->hi ||
				 regs->sp % sizeof(uintptr_t) != 0 ||
				 (memo->hi - regs->sp) / 8 >= INT32_MAX))
			return plain(regs, bounds, code, memo->depth);
	} else if (follow(memo, regs, &e, &position, &hash)) {
		*near_of(memo, hash_of(regs->pc, regs->sp)) = position;
		memo->last = position;
		return e->captured;
	}
	return capture_slow(memo, regs, bounds, code, hash);
}

/* What the entries rest on is no longer so, or there are none yet. */
static LKS_NOINLINE struct lks_captured
capture_first(struct lks_memo *memo, const struct lks_regs *regs,
	      const struct lks_bounds *bounds, uint64_t *code, uint32_t depth)
{
	const uintptr_t hi = bounds->hi & ~(sizeof(uintptr_t) - 1);
	const uint64_t salt = lks_rules_salt() | SETTLED;

	if (lks_unlikely(lks_rules_doubts(salt)) ||
	    !settle(memo, salt, hi, depth))
		return plain(regs, bounds, code, depth);
	return capture_far(memo, regs, bounds, code);
}

/*
 * The hot half: the entry that last began with this pc and sp still holds. An
 * entry's sp is aligned and lies on the stack, hence one that is equal does.
 */
struct lks_captured
lks_memo_capture(struct lks_memo *memo, const struct lks_regs *regs,
		 const struct lks_bounds *bounds, uint64_t *code,
		 uint32_t depth)
{
	const uintptr_t hi = memo->hi;
	const struct entry *e;
	uint64_t position;

	if (lks_unlikely(memo->salt != (lks_rules_salt() | SETTLED) ||
			 (bounds->hi ^ hi) > 7 || memo->depth != depth))
		return capture_first(memo, regs, bounds, code, depth);
	position = *near_of(memo, hash_of(regs->pc, regs->sp));
	if (lks_unlikely(!is_whole(memo, position)))
		return capture_far(memo, regs, bounds, code);
	e = entry_at(memo, position);
	if (lks_unlikely(!begins(e, regs, hi) || !holds(e, regs->bp, hi)))
		return capture_far(memo, regs, bounds, code);
	memo->last = position;
	return e->captured;
}
