/*
 * Whether the shim records: one word that every hook reads.
 *
 * It lies on a page of its own that the kernel wipes in every forked child
 * (MADV_WIPEONFORK). So a child made by _Fork or a raw clone, which runs no
 * atfork handler and may have inherited held locks, finds LKS_OFF and passes
 * through; fork's child handler sets the word again.
 */
#pragma once

#include <stdatomic.h>

#include "lks.h"

enum lks_state {
	LKS_OFF = 0, /* not booted, disabled, or a child we know nothing of */
	LKS_ON = 1,  /* recording */
	LKS_DORMANT = 2, /* start=off: booted, passing through */
};

struct lks_state_page {
	_Alignas(4096) volatile uint32_t state; /* enum lks_state */
	uint8_t rest[4096 - sizeof(uint32_t)];
};

extern struct lks_state_page lks_state_page;

static inline bool
lks_is_on(void)
{
	return lks_likely(lks_state_page.state == LKS_ON);
}

static inline bool
lks_is_dormant(void)
{
	return lks_state_page.state == LKS_DORMANT;
}

/* BOOT. */
void lks_state_init(void);
void lks_state_set(enum lks_state state);

/* Any context. Stops recording for good; the first reason is kept and ships
 * in every snapshot. `why` must be a string constant. */
void lks_state_disable(const char *why);
/* The reason, or NULL. */
const char *lks_state_reason(void);
