#include "rules.h"

#include "arch.h"
#include "arena.h"
#include "cfi.h"
#include "modmap.h"

#define SALT_ONE (LKS_RULES_DOUBT << 1) /* a flush */
#define CLOSING_ONE 2ull                /* bit 0 is the memo's (SETTLED) */
#define CLOSINGS (LKS_RULES_DOUBT - CLOSING_ONE)

static struct lks_rule_set single;

/* Salt 0 never serves, so an empty entry names no address. */
struct lks_rules lks_rules = { .sets = &single, .mask = 0, .salt = SALT_ONE };

bool
lks_rules_init(void)
{
	struct lks_rule_set *sets;

	if (lks_rules.mask != 0)
		return true;
	sets = lks_arena_reserve(LKS_RULE_SETS * sizeof(*sets));
	if (sets == NULL)
		return false;
	lks_rules.sets = sets;
	lks_rules.mask = (LKS_RULE_SETS - 1) * sizeof(*sets);
	return true;
}

/*
 * After 32,767 flushes the salts come round again. An entry that old may then
 * be found, if nothing took its place: the table is cleared on the way, which
 * leaves only what a thread writes that slept through all of them.
 */
void
lks_rules_flush(void)
{
	uint64_t old = atomic_fetch_add_explicit(&lks_rules.salt, SALT_ONE,
						 memory_order_relaxed);

	if (old + SALT_ONE >= SALT_ONE)
		return;
	for (uint64_t i = 0; i <= lks_rules.mask / sizeof(single); i++) {
		struct lks_rule_set *set = &lks_rules.sets[i];

		for (uint32_t k = 0; k < 4; k++) {
			atomic_store_explicit(&set->entry[k].key, 0,
					      memory_order_relaxed);
			atomic_store_explicit(&set->entry[k].rule, 0,
					      memory_order_relaxed);
		}
	}
	atomic_fetch_add_explicit(&lks_rules.salt, SALT_ONE,
				  memory_order_relaxed);
}

/* One closing more or less. */
static void
count_closing(uint64_t difference)
{
	uint64_t old = lks_rules_salt();
	uint64_t salt;

	do {
		salt = (old + difference) & ~LKS_RULES_DOUBT;
		if ((salt & CLOSINGS) != 0)
			salt |= LKS_RULES_DOUBT;
	} while (!atomic_compare_exchange_weak_explicit(
		&lks_rules.salt, &old, salt, memory_order_relaxed,
		memory_order_relaxed));
}

void
lks_rules_doubt(void)
{
	count_closing(CLOSING_ONE);
}

void
lks_rules_trust(void)
{
	count_closing(-CLOSING_ONE);
}

void
lks_rules_fork_child(uint32_t closings)
{
	count_closing(closings * CLOSING_ONE - (lks_rules_salt() & CLOSINGS));
}

static void
keep(uintptr_t pc, uint64_t rule, uint64_t salt)
{
	static _Atomic uint32_t turn;
	struct lks_rule_set *set = lks_rules_set(pc);
	struct lks_rule_entry *entry = NULL;

	for (uint32_t i = 0; i < 4 && entry == NULL; i++) {
		uint64_t key = atomic_load_explicit(&set->entry[i].key,
						    memory_order_relaxed);
		uint64_t old = atomic_load_explicit(&set->entry[i].rule,
						    memory_order_relaxed);

		/* Empty, from before a flush, or half written. */
		if ((key ^ old ^ salt) > LKS_PC_MASK)
			entry = &set->entry[i];
	}
	if (entry == NULL)
		entry = &set->entry[atomic_fetch_add_explicit(
					    &turn, 1, memory_order_relaxed) %
				    4];
	atomic_store_explicit(&entry->key, pc ^ rule ^ salt,
			      memory_order_relaxed);
	atomic_store_explicit(&entry->rule, rule, memory_order_relaxed);
}

#if LKS_ARCH_CFI
/* The fields of a rule without module; 0 where they don't fit. */
static uint64_t
pack(const struct lks_cfi *cfi)
{
	static const enum lks_rule_kind kinds[2][2][2] = {
		/* [deref][base is bp][bp lost] */
		{ { LKS_RULE_SP, LKS_RULE_SP_LOST },
		  { LKS_RULE_BP, LKS_RULE_BP_LOST } },
		{ { LKS_RULE_SP_DEREF, LKS_RULE_NONE },
		  { LKS_RULE_BP_DEREF, LKS_RULE_NONE } },
	};
	bool deref = cfi->kind == LKS_CFI_DEREF;
	bool lost = cfi->bp == LKS_CFI_BP_LOST;
	enum lks_rule_kind kind = kinds[deref][cfi->base_is_bp][lost];
	uint64_t place;
	uint64_t slot = 0;

	if (deref) {
		if (cfi->offset != (int16_t)cfi->offset ||
		    cfi->add != (int16_t)cfi->add)
			return 0;
		place = (uint64_t)(uint16_t)cfi->offset << 16 |
			(uint64_t)(uint16_t)cfi->add << 32;
	} else {
		if (cfi->offset != (int32_t)cfi->offset)
			return 0;
		place = (uint64_t)(uint32_t)cfi->offset << 16;
	}
	if (cfi->bp == LKS_CFI_BP_AT_BP) {
		if (!deref || !cfi->base_is_bp)
			return 0;
		kind = LKS_RULE_REALIGNED;
	} else if (cfi->bp == LKS_CFI_BP_SAVED) {
		if (cfi->bp_offset >= 0 || cfi->bp_offset % 8 != 0 ||
		    cfi->bp_offset < -8 * (int64_t)LKS_RULE_SLOT_MAX)
			return 0;
		slot = (uint64_t)-cfi->bp_offset / 8;
	}
	return kind == LKS_RULE_NONE ? 0 : (place | slot << 5 | kind);
}

static uint64_t
rule_of(uintptr_t pc, const struct lks_image *image)
{
	struct lks_cfi cfi = lks_cfi_find(image, pc - 1);

	switch (cfi.kind) {
	case LKS_CFI_PLAIN:
	case LKS_CFI_DEREF:
		return pack(&cfi);
	case LKS_CFI_OUTERMOST:
		return LKS_RULE_OUTERMOST;
	case LKS_CFI_NONE:
	case LKS_CFI_SIGNAL:
		break;
	}
	/* Not every C library describes its way back from a handler. */
	if (lks_arch_is_sigreturn(pc, lks_image_readable_end(image, pc)))
		return LKS_RULE_SIGNAL;
	return LKS_RULE_NONE;
}
#else
static uint64_t
rule_of(uintptr_t pc, const struct lks_image *image)
{
	(void)pc;
	(void)image;
	return LKS_RULE_NONE;
}
#endif

LKS_NOINLINE uint64_t
lks_rules_make(uintptr_t pc, uint64_t salt)
{
	uint32_t module;
	uint64_t rule;

	if (pc == 0 || pc > LKS_PC_MASK)
		return LKS_RULE_NONE;
	module = lks_modmap_find(pc - 1);
	/* Not kept: a module may be loaded there later, and nothing would
	 * tell us. */
	if (module == 0)
		return LKS_RULE_NONE;
	if (lks_unlikely(lks_rules_doubts(salt))) {
		salt &= ~(LKS_RULES_DOUBT | CLOSINGS);
		if (lks_rules_look(pc, salt, &rule) &&
		    lks_rule_module(rule) == module)
			return rule;
	}
	rule = rule_of(pc, lks_modmap_image(module));
	if (lks_modmap_is_shim(pc - 1))
		rule |= LKS_RULE_HIDDEN;
	rule |= (uint64_t)module << LKS_PC_BITS;
	keep(pc, rule, salt);
	return rule;
}
