/*
 * .eh_frame to compact rules: how to get from one frame to its caller at one
 * pc, where that needs no more than the stack pointer, the frame register and
 * one memory read each.
 *
 * Pure: reads only the readable segments of the given image, takes no lock and
 * calls nothing. Hostile or broken tables give LKS_CFI_NONE, in bounded time.
 * Formats: DWARF 5 section 6.4, LSB Core "Exception Frames".
 */
#pragma once

#include "image.h"

/* Call-frame instructions run for one rule. The longest seen in Debian's
 * libraries have about 3,000 bytes. */
#define LKS_CFI_BYTES_MAX 65536u

/* Nested DW_CFA_remember_state. Compilers use one level. */
#define LKS_CFI_DEPTH 6

enum lks_cfi_kind {
	LKS_CFI_NONE = 0,  /* no entry, broken, or not compact */
	LKS_CFI_PLAIN,     /* CFA = base + offset */
	LKS_CFI_DEREF,     /* CFA = *(base + offset) + add */
	LKS_CFI_OUTERMOST, /* the return address is undefined: no caller */
	LKS_CFI_SIGNAL,    /* marked as a signal frame ('S') */
};

enum lks_cfi_bp {
	LKS_CFI_BP_SAME = 0, /* the caller's frame register is ours */
	LKS_CFI_BP_SAVED,    /* saved at CFA + bp_offset */
	LKS_CFI_BP_AT_BP,    /* saved where our frame register points */
	LKS_CFI_BP_LOST,     /* undefined, or somewhere else */
};

/* The return address is always at CFA - 8; other rules are not compact. */
struct lks_cfi {
	enum lks_cfi_kind kind;
	bool base_is_bp; /* else the stack pointer */
	int64_t offset;
	int64_t add;
	enum lks_cfi_bp bp;
	int64_t bp_offset;
};

/*
 * RECORD. The rule in force at the instruction that holds `address` (for a
 * return address: minus one). Stack use below 1.2 KiB.
 */
struct lks_cfi lks_cfi_find(const struct lks_image *image, uintptr_t address);
