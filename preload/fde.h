/*
 * Frame description entries: which piece of .eh_frame describes an address,
 * and the two instruction strings it consists of.
 *
 * Pure: reads only the readable segments of the given image. Formats: LSB
 * Core, "Exception Frames"; DWARF 5 section 6.4.1.
 */
#pragma once

#include "image.h"

/* FDEs looked at where there is no sorted table. */
#define LKS_FDE_SCAN_MAX 65536u

struct lks_cie {
	uint64_t code_align;
	int64_t data_align;
	uint8_t address_encoding; /* of FDEs */
	bool augmented;           /* FDEs have augmentation data */
	bool signal;
	uintptr_t code; /* initial instructions */
	uintptr_t code_end;
};

struct lks_fde {
	uintptr_t start; /* the addresses it covers */
	uintptr_t end;
	uintptr_t code;
	uintptr_t code_end;
};

/* RECORD. The FDE that covers `address`, and its CIE. False: there is none,
 * or a table on the way is broken or of an unknown kind. */
bool lks_fde_find(const struct lks_image *image, uintptr_t address,
		  struct lks_cie *cie, struct lks_fde *out);
