/*
 * The rules: for each return address seen, how to get to the caller, and which
 * module it lies in. One table for the process, filled as addresses are met.
 *
 * Lock-free. An entry is two words, (pc ^ rule ^ salt, rule): a torn pair
 * names no address. The salt changes when modules did, so one store empties
 * the table, and a thread that worked its rule out before that can only leave
 * an entry that nobody finds. LKS_RULE_SETS * 4 entries; when a set is full
 * one of its entries makes way, which costs time and loses nothing.
 *
 * While a library is being closed, its place may have been given to another
 * one, and nobody has told us yet: the salt says so (LKS_RULES_DOUBT), nothing
 * is found, and every address asks for its module anew. What another thread
 * opens after the unmapping it sees after the doubt, by the loader's lock.
 */
#pragma once

#include <stdatomic.h>

#include "lks.h"

/* 16 Ki sets of 4 x 16 bytes are 1 MiB, of which only touched pages are
 * resident. A large program allocates from some ten thousand addresses. */
#define LKS_RULE_SETS (1u << 14)
#define LKS_RULE_SHIFT (64 - 14 - 6) /* a hash to a multiple of 64 bytes */

/* bits 0-3, low so that "an ordinary frame" is one comparison */
enum lks_rule_kind {
	LKS_RULE_NONE = 0, /* no way on */
	LKS_RULE_SP,       /* CFA = sp + offset */
	LKS_RULE_BP,       /* CFA = bp + offset */
	/* From here on the slow half of the walk. */
	LKS_RULE_SP_LOST, /* as SP, but the caller's bp can't be known */
	LKS_RULE_BP_LOST,
	LKS_RULE_SP_DEREF,  /* CFA = *(sp + near) + add */
	LKS_RULE_BP_DEREF,  /* CFA = *(bp + near) + add */
	LKS_RULE_REALIGNED, /* as BP_DEREF, caller's bp = *bp */
	LKS_RULE_SIGNAL,    /* the kernel's frame of a handler */
	LKS_RULE_OUTERMOST,
};

/*
 * A rule's word:
 *	 0- 3	kind
 *	 4	hidden: a frame of the shim, not written
 *	 5-15	slot: caller's bp is at CFA - 8 * slot; 0 = bp unchanged
 *	16-47	offset in bytes, signed; or near (16-31) and add (32-47),
 *		both signed
 *	48-63	module
 * The return address is always at CFA - 8.
 */
#define LKS_RULE_HIDDEN 0x10u
#define LKS_RULE_SLOT_MAX 0x7ffu

static inline enum lks_rule_kind
lks_rule_kind(uint64_t rule)
{
	return (enum lks_rule_kind)(rule & 0xf);
}

/* True for SP and BP of a frame that is not hidden. */
static inline bool
lks_rule_is_ordinary(uint64_t rule)
{
	return (uint32_t)(rule & 0x1f) - LKS_RULE_SP <= 1;
}

static inline uint32_t
lks_rule_slot(uint64_t rule)
{
	return (uint32_t)(rule >> 5) & LKS_RULE_SLOT_MAX;
}

static inline intptr_t
lks_rule_offset(uint64_t rule)
{
	return (int32_t)(rule >> 16);
}

static inline intptr_t
lks_rule_near(uint64_t rule)
{
	return (int16_t)(rule >> 16);
}

static inline intptr_t
lks_rule_add(uint64_t rule)
{
	return (int16_t)(rule >> 32);
}

static inline uint32_t
lks_rule_module(uint64_t rule)
{
	return (uint32_t)(rule >> 48);
}

struct lks_rule_entry {
	_Atomic uint64_t key; /* pc ^ rule ^ salt */
	_Atomic uint64_t rule;
};

struct lks_rule_set {
	_Alignas(64) struct lks_rule_entry entry[4]; /* a cache line */
};

/* Set once at boot, but for the salt. */
struct lks_rules {
	struct lks_rule_set *sets;
	uint64_t mask; /* of a set's distance in bytes */
	/* Above a user address: LKS_RULES_DOUBT and the number of flushes.
	 * Below: how many closings are under way. Relaxed: an old salt finds
	 * what was right when the walk began. */
	_Atomic uint64_t salt;
};

extern struct lks_rules lks_rules;

/* BOOT, idempotent. False: no memory; a table of one set is used, which is
 * slow. */
bool lks_rules_init(void);

/* Any context. Empties the table. */
void lks_rules_flush(void);

/* No key has this bit, so nothing is found by a salt that has. */
#define LKS_RULES_DOUBT (1ull << LKS_PC_BITS)

/* Any context. Around a call that may unmap libraries; many at once. */
void lks_rules_doubt(void);
void lks_rules_trust(void);

/* FORK, in the child: of all closings only so many go on. */
void lks_rules_fork_child(uint32_t closings);

/* RECORD. Works the rule of a pc out and keeps it, unless it has no module.
 * Stack use below 1.4 KiB. */
uint64_t lks_rules_make(uintptr_t pc, uint64_t salt);

static inline uint64_t
lks_rules_salt(void)
{
	return atomic_load_explicit(&lks_rules.salt, memory_order_relaxed);
}

static inline bool
lks_rules_doubts(uint64_t salt)
{
	return (salt & LKS_RULES_DOUBT) != 0;
}

static inline struct lks_rule_set *
lks_rules_set(uintptr_t pc)
{
	/* Fibonacci hashing; the best bits are the high ones. */
	uint64_t hash = pc * 0x9e3779b97f4a7c15u >> LKS_RULE_SHIFT;

	return (struct lks_rule_set *)((char *)lks_rules.sets +
				       (hash & lks_rules.mask));
}

/* Lock-free. False: not in the table. */
static inline bool
lks_rules_look(uintptr_t pc, uint64_t salt, uint64_t *rule)
{
	struct lks_rule_set *set = lks_rules_set(pc);

	for (uint32_t i = 0; i < 4; i++) {
		uint64_t key = atomic_load_explicit(&set->entry[i].key,
						    memory_order_relaxed);

		*rule = atomic_load_explicit(&set->entry[i].rule,
					     memory_order_relaxed);
		if (lks_likely((key ^ *rule ^ salt) == pc))
			return true;
	}
	return false;
}

/* RECORD. The rule of a return address (an interrupted pc: plus one). */
static inline uint64_t
lks_rules_get(uintptr_t pc, uint64_t salt)
{
	uint64_t rule;

	return lks_likely(lks_rules_look(pc, salt, &rule))
		       ? rule
		       : lks_rules_make(pc, salt);
}
