/*
 * The instructions of an address's CIE and FDE are run up to the address; the
 * row that they leave is the rule, if it is one of the compact ones.
 *
 * Every instruction consumes a byte of a bounded string, so no input loops.
 */
#include "cfi.h"

#include <string.h>

#include "arch.h"
#include "cursor.h"
#include "fde.h"

#if LKS_ARCH_CFI

/* How one register of the caller is found. */
enum where {
	SAME,
	AT_CFA,     /* saved at CFA + offset */
	EXPRESSION, /* saved at the value of the expression at `offset` */
	UNDEFINED,
	ELSEWHERE, /* in a register, or a value and not a place */
};

struct saved {
	enum where where;
	int64_t offset; /* or address of an expression's block */
};

/* One row of the table, as far as we follow it. */
struct row {
	uint64_t cfa_register;
	int64_t cfa_offset;
	uintptr_t cfa_expression; /* address of its block, 0 = none */
	struct saved bp;
	struct saved ra;
	bool sp_odd; /* the caller's stack pointer is not the CFA */
};

struct machine {
	const struct lks_cie *cie;
	uintptr_t address;  /* asked for */
	uintptr_t location; /* of the row being made */
	struct row row;
	struct row initial; /* after the CIE's instructions */
	struct row kept[LKS_CFI_DEPTH];
	uint32_t kept_count;
};

/* --- the instructions ---------------------------------------------------- */

static void
set_saved(struct row *row, uint64_t reg, enum where where, int64_t offset)
{
	struct saved value = { where, offset };

	if (reg == LKS_DWARF_BP)
		row->bp = value;
	else if (reg == LKS_DWARF_RA)
		row->ra = value;
	else if (reg == LKS_DWARF_SP)
		row->sp_odd = where != SAME;
}

static void
restore(struct machine *m, uint64_t reg)
{
	if (reg == LKS_DWARF_BP)
		m->row.bp = m->initial.bp;
	else if (reg == LKS_DWARF_RA)
		m->row.ra = m->initial.ra;
	else if (reg == LKS_DWARF_SP)
		m->row.sp_odd = m->initial.sp_odd;
}

/* Reads over an expression's block; its address. */
static uintptr_t
read_block(struct lks_cursor *c)
{
	uintptr_t at = c->at;

	lks_skip(c, lks_read_uleb(c));
	return at;
}

static void
set_cfa(struct row *row, uint64_t reg, int64_t offset)
{
	row->cfa_register = reg;
	row->cfa_offset = offset;
	row->cfa_expression = 0;
}

/* Hostile factors must not be undefined behaviour: they wrap. */
static int64_t
scaled(const struct machine *m, uint64_t value)
{
	return (int64_t)(value * (uint64_t)m->cie->data_align);
}

/* One of the instructions whose opcode is the whole byte. False: unknown. */
static bool
run_extended(struct machine *m, struct lks_cursor *c, uint64_t opcode)
{
	struct row *row = &m->row;
	uint64_t reg;

	switch (opcode) {
	case 0x00: /* nop */
		return true;
	case 0x01: /* set_loc */
		m->location = lks_read_pointer(c, m->cie->address_encoding, 0);
		return true;
	case 0x02: /* advance_loc1 */
		m->location += lks_read_fixed(c, 1) * m->cie->code_align;
		return true;
	case 0x03: /* advance_loc2 */
		m->location += lks_read_fixed(c, 2) * m->cie->code_align;
		return true;
	case 0x04: /* advance_loc4 */
		m->location += lks_read_fixed(c, 4) * m->cie->code_align;
		return true;
	case 0x05: /* offset_extended */
		reg = lks_read_uleb(c);
		set_saved(row, reg, AT_CFA, scaled(m, lks_read_uleb(c)));
		return true;
	case 0x06: /* restore_extended */
		restore(m, lks_read_uleb(c));
		return true;
	case 0x07: /* undefined */
		set_saved(row, lks_read_uleb(c), UNDEFINED, 0);
		return true;
	case 0x08: /* same_value */
		set_saved(row, lks_read_uleb(c), SAME, 0);
		return true;
	case 0x09: /* register */
		reg = lks_read_uleb(c);
		lks_read_uleb(c);
		set_saved(row, reg, ELSEWHERE, 0);
		return true;
	case 0x0a: /* remember_state */
		if (m->kept_count == LKS_CFI_DEPTH)
			return false;
		m->kept[m->kept_count++] = *row;
		return true;
	case 0x0b: /* restore_state */
		if (m->kept_count == 0)
			return false;
		*row = m->kept[--m->kept_count];
		return true;
	case 0x0c: /* def_cfa */
		reg = lks_read_uleb(c);
		set_cfa(row, reg, (int64_t)lks_read_uleb(c));
		return true;
	case 0x0d: /* def_cfa_register */
		set_cfa(row, lks_read_uleb(c), row->cfa_offset);
		return true;
	case 0x0e: /* def_cfa_offset */
		row->cfa_offset = (int64_t)lks_read_uleb(c);
		return true;
	case 0x0f: /* def_cfa_expression */
		row->cfa_expression = read_block(c);
		return true;
	case 0x10: /* expression */
		reg = lks_read_uleb(c);
		set_saved(row, reg, EXPRESSION, (int64_t)read_block(c));
		return true;
	case 0x11: /* offset_extended_sf */
		reg = lks_read_uleb(c);
		set_saved(row, reg, AT_CFA,
			  scaled(m, (uint64_t)lks_read_sleb(c)));
		return true;
	case 0x12: /* def_cfa_sf */
		reg = lks_read_uleb(c);
		set_cfa(row, reg, scaled(m, (uint64_t)lks_read_sleb(c)));
		return true;
	case 0x13: /* def_cfa_offset_sf */
		row->cfa_offset = scaled(m, (uint64_t)lks_read_sleb(c));
		return true;
	case 0x14: /* val_offset */
	case 0x15: /* val_offset_sf */
		reg = lks_read_uleb(c);
		lks_read_uleb(c); /* signed ones have the same length */
		set_saved(row, reg, ELSEWHERE, 0);
		return true;
	case 0x16: /* val_expression */
		reg = lks_read_uleb(c);
		read_block(c);
		set_saved(row, reg, ELSEWHERE, 0);
		return true;
	case 0x2e: /* GNU_args_size */
		lks_read_uleb(c);
		return true;
	case 0x2f: /* GNU_negative_offset_extended */
		reg = lks_read_uleb(c);
		set_saved(row, reg, AT_CFA, scaled(m, -lks_read_uleb(c)));
		return true;
	default:
		return false;
	}
}

/* Runs [at, end) until the row of the address is complete. */
static bool
run(struct machine *m, uintptr_t at, uintptr_t end)
{
	struct lks_cursor c = { at, end, end - at > LKS_CFI_BYTES_MAX };

	while (c.at < c.end && !c.bad && m->location <= m->address) {
		uint64_t byte = lks_read_fixed(&c, 1);
		uint64_t low = byte & 0x3f;

		switch (byte >> 6) {
		case 1: /* advance_loc */
			m->location += low * m->cie->code_align;
			break;
		case 2: /* offset */
			set_saved(&m->row, low, AT_CFA,
				  scaled(m, lks_read_uleb(&c)));
			break;
		case 3: /* restore */
			restore(m, low);
			break;
		default:
			if (!run_extended(m, &c, low))
				return false;
		}
	}
	return !c.bad;
}

/* --- from the row to the rule -------------------------------------------- */

enum {
	OP_DEREF = 0x06,
	OP_PLUS_UCONST = 0x23,
	OP_BREG0 = 0x70,
};

/* The only expressions taken: breg(sp|bp) n [deref] [plus_uconst m]. */
static bool
read_expression(const struct lks_image *image, uintptr_t block,
		struct lks_cfi *out)
{
	struct lks_cursor c = { block, lks_image_readable_end(image, block),
				false };
	uint64_t bytes = lks_read_uleb(&c);
	uint64_t opcode;

	if (c.bad || bytes > c.end - c.at)
		return false;
	c.end = c.at + bytes;
	opcode = lks_read_fixed(&c, 1);
	if (opcode != OP_BREG0 + LKS_DWARF_SP &&
	    opcode != OP_BREG0 + LKS_DWARF_BP)
		return false;
	out->kind = LKS_CFI_PLAIN;
	out->base_is_bp = opcode == OP_BREG0 + LKS_DWARF_BP;
	out->offset = lks_read_sleb(&c);
	while (!c.bad && c.at < c.end) {
		opcode = lks_read_fixed(&c, 1);
		if (opcode == OP_DEREF && out->kind == LKS_CFI_PLAIN) {
			out->kind = LKS_CFI_DEREF;
		} else if (opcode == OP_PLUS_UCONST &&
			   out->kind == LKS_CFI_DEREF && out->add == 0) {
			out->add = (int64_t)lks_read_uleb(&c);
		} else {
			return false;
		}
	}
	return !c.bad;
}

static void
set_bp(const struct lks_image *image, const struct row *row,
       struct lks_cfi *out)
{
	struct lks_cfi place = { 0 };

	switch (row->bp.where) {
	case SAME:
		out->bp = LKS_CFI_BP_SAME;
		return;
	case AT_CFA:
		out->bp = LKS_CFI_BP_SAVED;
		out->bp_offset = row->bp.offset;
		return;
	case EXPRESSION:
		/* A realigned frame: gcc keeps the caller's at 0(%rbp). */
		if (read_expression(image, (uintptr_t)row->bp.offset, &place) &&
		    place.kind == LKS_CFI_PLAIN && place.base_is_bp &&
		    place.offset == 0) {
			out->bp = LKS_CFI_BP_AT_BP;
			return;
		}
		break;
	case UNDEFINED:
	case ELSEWHERE:
		break;
	}
	out->bp = LKS_CFI_BP_LOST;
}

static struct lks_cfi
to_rule(const struct lks_image *image, const struct row *row)
{
	struct lks_cfi none = { 0 };
	struct lks_cfi out = { 0 };

	if (row->ra.where == UNDEFINED) {
		out.kind = LKS_CFI_OUTERMOST;
		return out;
	}
	if (row->ra.where != AT_CFA ||
	    row->ra.offset != -(int64_t)sizeof(void *) || row->sp_odd)
		return none;
	if (row->cfa_expression != 0) {
		if (!read_expression(image, row->cfa_expression, &out))
			return none;
	} else if (row->cfa_register == LKS_DWARF_SP ||
		   row->cfa_register == LKS_DWARF_BP) {
		out.kind = LKS_CFI_PLAIN;
		out.base_is_bp = row->cfa_register == LKS_DWARF_BP;
		out.offset = row->cfa_offset;
	} else {
		return none;
	}
	set_bp(image, row, &out);
	return out;
}

LKS_NOINLINE struct lks_cfi
lks_cfi_find(const struct lks_image *image, uintptr_t address)
{
	struct lks_cfi none = { 0 };
	struct lks_cie cie;
	struct lks_fde fde;
	struct machine m;

	if (!lks_fde_find(image, address, &cie, &fde))
		return none;
	if (cie.signal) {
		none.kind = LKS_CFI_SIGNAL;
		return none;
	}
	memset(&m.row, 0, sizeof(m.row));
	m.row.cfa_register = UINT64_MAX;
	m.cie = &cie;
	m.address = address;
	m.location = 0; /* the CIE's instructions hold everywhere */
	m.kept_count = 0;
	m.initial = m.row;
	if (!run(&m, cie.code, cie.code_end))
		return none;
	m.initial = m.row;
	m.location = fde.start;
	if (!run(&m, fde.code, fde.code_end))
		return none;
	return to_rule(image, &m.row);
}

#else

struct lks_cfi
lks_cfi_find(const struct lks_image *image, uintptr_t address)
{
	struct lks_cfi none = { 0 };

	(void)image;
	(void)address;
	return none;
}

#endif
