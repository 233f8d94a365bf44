/*
 * The oracle: in a build with -DLKS_ORACLE=N, every Nth stack that cfi and
 * the memo found is walked again by libunwind, and the two are compared. A test of real programs, never
 * shipped: libunwind's locks can deadlock a threaded host.
 *
 * At the end of the process one line is added to the file that the environment
 * variable LEAKSHIM_ORACLE names:
 *
 *	exe=PATH walks=N equal=N shorter=N longer=N different=N [first=...]
 *
 * shorter: cfi lost its way where libunwind went on; longer: the reverse;
 * different: neither list is the other's beginning, or cfi took an end for
 * the outermost frame that is not. `first` is the first pair of code addresses
 * that differed, as PATH+OFFSET.
 */
#pragma once

#include "memo.h"

#ifdef LKS_ORACLE

/* RECORD. What cfi made of the stack at `regs`, as the depot has it. */
void lks_oracle_compare(const struct lks_regs *regs,
			const struct lks_bounds *bounds,
			struct lks_captured ours);

#endif
