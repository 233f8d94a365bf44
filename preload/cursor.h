/*
 * Reading DWARF's number formats out of memory that can't be trusted.
 *
 * A cursor turns bad instead of running over its end, and what is read from a
 * bad cursor is 0, so callers check once at the end. Pure.
 */
#pragma once

#include "lks.h"

struct lks_cursor {
	uintptr_t at; /* <= end */
	uintptr_t end;
	bool bad;
};

/* Pointer encodings, LSB Core 10.5.1. */
enum {
	LKS_PE_FORMAT = 0x0f,
	LKS_PE_ABSPTR = 0x00,
	LKS_PE_ULEB = 0x01,
	LKS_PE_UDATA2 = 0x02,
	LKS_PE_UDATA4 = 0x03,
	LKS_PE_UDATA8 = 0x04,
	LKS_PE_SLEB = 0x09,
	LKS_PE_SDATA2 = 0x0a,
	LKS_PE_SDATA4 = 0x0b,
	LKS_PE_SDATA8 = 0x0c,
	LKS_PE_BASE = 0x70,
	LKS_PE_PCREL = 0x10,
	LKS_PE_DATAREL = 0x30,
	LKS_PE_ALIGNED = 0x50,
	LKS_PE_INDIRECT = 0x80,
	LKS_PE_OMIT = 0xff,
};

/* A little-endian number of `bytes` <= 8 bytes. */
uint64_t lks_read_fixed(struct lks_cursor *c, uint32_t bytes);

/* LEB128. More than 64 bits: bad. */
uint64_t lks_read_uleb(struct lks_cursor *c);
int64_t lks_read_sleb(struct lks_cursor *c);

void lks_skip(struct lks_cursor *c, uint64_t bytes);

/* An encoded pointer's number, without its base: for lengths. */
uint64_t lks_read_format(struct lks_cursor *c, uint8_t encoding);

/*
 * An encoded pointer. `data` is the base of data-relative ones, 0 = unknown.
 * Indirect ones are read over but not followed: only personality routines are
 * encoded so, and nobody asks for their value. 0 when omitted.
 */
uintptr_t lks_read_pointer(struct lks_cursor *c, uint8_t encoding,
			   uintptr_t data);
