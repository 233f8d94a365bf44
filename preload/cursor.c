#include "cursor.h"

#include <string.h>

uint64_t
lks_read_fixed(struct lks_cursor *c, uint32_t bytes)
{
	uint64_t value = 0;

	if (c->bad || c->end - c->at < bytes) {
		c->bad = true;
		return 0;
	}
	memcpy(&value, (const void *)c->at, bytes); /* little endian */
	c->at += bytes;
	return value;
}

static int64_t
sign_extend(uint64_t value, uint32_t bits)
{
	return (int64_t)(value << (64 - bits)) >> (64 - bits);
}

static uint64_t
read_leb(struct lks_cursor *c, bool is_signed)
{
	uint64_t value = 0;
	uint32_t shift = 0;
	uint64_t byte;

	do {
		byte = lks_read_fixed(c, 1);
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
		if (shift > 70)
			c->bad = true;
	} while ((byte & 0x80) != 0 && !c->bad);
	if (is_signed && shift < 64 && (byte & 0x40) != 0)
		value |= ~0ull << shift;
	return value;
}

uint64_t
lks_read_uleb(struct lks_cursor *c)
{
	return read_leb(c, false);
}

int64_t
lks_read_sleb(struct lks_cursor *c)
{
	return (int64_t)read_leb(c, true);
}

void
lks_skip(struct lks_cursor *c, uint64_t bytes)
{
	if (c->bad || bytes > c->end - c->at)
		c->bad = true;
	else
		c->at += bytes;
}

uint64_t
lks_read_format(struct lks_cursor *c, uint8_t encoding)
{
	switch (encoding & LKS_PE_FORMAT) {
	case LKS_PE_ABSPTR:
	case LKS_PE_UDATA8:
	case LKS_PE_SDATA8:
		return lks_read_fixed(c, 8);
	case LKS_PE_ULEB:
		return lks_read_uleb(c);
	case LKS_PE_SLEB:
		return (uint64_t)lks_read_sleb(c);
	case LKS_PE_UDATA2:
		return lks_read_fixed(c, 2);
	case LKS_PE_UDATA4:
		return lks_read_fixed(c, 4);
	case LKS_PE_SDATA2:
		return (uint64_t)sign_extend(lks_read_fixed(c, 2), 16);
	case LKS_PE_SDATA4:
		return (uint64_t)sign_extend(lks_read_fixed(c, 4), 32);
	default:
		c->bad = true;
		return 0;
	}
}

uintptr_t
lks_read_pointer(struct lks_cursor *c, uint8_t encoding, uintptr_t data)
{
	uintptr_t here;
	uint64_t value;

	if (encoding == LKS_PE_OMIT)
		return 0;
	if (encoding == LKS_PE_ALIGNED) {
		lks_skip(c, -c->at & 7);
		return lks_read_fixed(c, 8);
	}
	here = c->at;
	value = lks_read_format(c, encoding);
	switch (encoding & LKS_PE_BASE) {
	case 0:
		return value;
	case LKS_PE_PCREL:
		return here + value;
	case LKS_PE_DATAREL:
		if (data != 0)
			return data + value;
		break;
	default: /* text- and function-relative: no compiler of ours */
		break;
	}
	c->bad = true;
	return 0;
}
