/*
 * Linear probing without tombstones: the one question that backward-shift
 * deletion asks.
 */
#pragma once

#include "lks.h"

/* Slot i was emptied; may the entry in slot j, whose search starts at `home`,
 * move there? Only if home does not lie in (i, j], going round. */
static inline bool
lks_probe_may_move(uint32_t i, uint32_t j, uint32_t home)
{
	return i <= j ? home <= i || home > j : home <= i && home > j;
}
