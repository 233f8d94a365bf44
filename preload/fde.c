/*
 * The sorted table of .eh_frame_hdr gives the FDE of an address; without one
 * the section is read entry after entry.
 */
#include "fde.h"

#include <string.h>

#include "arch.h"
#include "cursor.h"

#if LKS_ARCH_CFI

/* A cursor over the entry at `at`, its length field read; bad if there is
 * none. An entry of length 0 ends the section. */
static struct lks_cursor
open_entry(const struct lks_image *image, uintptr_t at)
{
	struct lks_cursor c = { at, lks_image_readable_end(image, at), false };
	uint64_t bytes;

	if (c.end == 0) {
		c.bad = true;
		return c;
	}
	bytes = lks_read_fixed(&c, 4); /* of 64-bit DWARF there is none */
	if (c.bad || bytes == 0 || bytes > c.end - c.at)
		c.bad = true;
	else
		c.end = c.at + bytes;
	return c;
}

/* The augmentation string and its data. False: one we don't know, so that the
 * meaning of what follows is open. */
static bool
read_augmentation(struct lks_cursor *c, struct lks_cursor text,
		  struct lks_cie *out)
{
	uint64_t bytes;
	uintptr_t end;

	if (lks_read_fixed(&text, 1) == 0)
		return true;
	text.at--;
	if (lks_read_fixed(&text, 1) != 'z')
		return false;
	out->augmented = true;
	bytes = lks_read_uleb(c);
	if (c->bad || bytes > c->end - c->at)
		return false;
	end = c->at + bytes;
	for (;;) {
		switch (lks_read_fixed(&text, 1)) {
		case 0:
			c->bad |= c->at > end;
			c->at = end;
			return !text.bad;
		case 'R':
			out->address_encoding = (uint8_t)lks_read_fixed(c, 1);
			break;
		case 'L':
			lks_skip(c, 1);
			break;
		case 'P':
			lks_read_pointer(c, (uint8_t)lks_read_fixed(c, 1), 1);
			break;
		case 'S':
			out->signal = true;
			break;
		case 'B': /* aarch64: which key signs return addresses */
			break;
		default:
			return false;
		}
	}
}

static bool
read_cie(const struct lks_image *image, uintptr_t at, struct lks_cie *out)
{
	struct lks_cursor c = open_entry(image, at);
	struct lks_cursor text;
	uint64_t version;
	uint64_t ra;

	memset(out, 0, sizeof(*out));
	if (lks_read_fixed(&c, 4) != 0) /* an FDE */
		return false;
	version = lks_read_fixed(&c, 1);
	if (version != 1 && version != 3 && version != 4)
		return false;
	text = c;
	while (lks_read_fixed(&c, 1) != 0)
		;
	if (version == 4 && lks_read_fixed(&c, 2) != 8) /* address, segment */
		return false;
	out->code_align = lks_read_uleb(&c);
	out->data_align = lks_read_sleb(&c);
	ra = version == 1 ? lks_read_fixed(&c, 1) : lks_read_uleb(&c);
	if (c.bad || ra != LKS_DWARF_RA || !read_augmentation(&c, text, out) ||
	    c.bad)
		return false;
	out->code = c.at;
	out->code_end = c.end;
	return true;
}

static bool
read_fde(const struct lks_image *image, uintptr_t at, struct lks_cie *cie,
	 struct lks_fde *out)
{
	struct lks_cursor c = open_entry(image, at);
	uintptr_t here = c.at;
	uint64_t back = lks_read_fixed(&c, 4);
	uint64_t bytes;

	if (c.bad || back == 0 || back > here ||
	    !read_cie(image, here - back, cie) ||
	    (cie->address_encoding & LKS_PE_INDIRECT) != 0)
		return false;
	out->start = lks_read_pointer(&c, cie->address_encoding, 0);
	bytes = lks_read_format(&c, cie->address_encoding);
	out->end = out->start + bytes;
	if (cie->augmented)
		lks_skip(&c, lks_read_uleb(&c));
	out->code = c.at;
	out->code_end = c.end;
	return !c.bad && out->end >= out->start;
}

/* Where there is no sorted table: entry after entry. */
static bool
scan(const struct lks_image *image, uintptr_t at, uintptr_t address,
     struct lks_cie *cie, struct lks_fde *out)
{
	for (uint32_t i = 0; i < LKS_FDE_SCAN_MAX; i++) {
		struct lks_cursor c = open_entry(image, at);

		if (c.bad)
			return false;
		if (read_fde(image, at, cie, out) && address >= out->start &&
		    address < out->end)
			return true;
		at = c.end;
	}
	return false;
}

/* The table is sorted by start: the last entry that starts at or before the
 * address. Its rows are two 4-byte distances from the header. */
static uintptr_t
search(uintptr_t table, uint64_t count, uintptr_t header, uintptr_t address)
{
	uint64_t low = 0;
	uint64_t high = count;
	int32_t pair[2];

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		memcpy(pair, (const void *)(table + middle * 8), 4);
		if (header + (uintptr_t)(intptr_t)pair[0] <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return 0;
	memcpy(pair, (const void *)(table + (low - 1) * 8), 8);
	return header + (uintptr_t)(intptr_t)pair[1];
}

bool
lks_fde_find(const struct lks_image *image, uintptr_t address,
	     struct lks_cie *cie, struct lks_fde *out)
{
	uintptr_t header = image->eh_frame_hdr.start;
	struct lks_cursor c = { header, image->eh_frame_hdr.end, header == 0 };
	uint64_t version = lks_read_fixed(&c, 1);
	uint8_t frame_encoding = (uint8_t)lks_read_fixed(&c, 1);
	uint8_t count_encoding = (uint8_t)lks_read_fixed(&c, 1);
	uint8_t table_encoding = (uint8_t)lks_read_fixed(&c, 1);
	uintptr_t frame = lks_read_pointer(&c, frame_encoding, header);
	uint64_t count;

	if (c.bad || version != 1 || frame_encoding == LKS_PE_OMIT ||
	    (frame_encoding & LKS_PE_INDIRECT) != 0)
		return false;
	count = lks_read_pointer(&c, count_encoding, header);
	if (count_encoding == LKS_PE_OMIT ||
	    table_encoding != (LKS_PE_DATAREL | LKS_PE_SDATA4))
		return scan(image, frame, address, cie, out);
	if (c.bad || count > (c.end - c.at) / 8)
		return false;
	return read_fde(image, search(c.at, count, header, address), cie,
			out) &&
	       address >= out->start && address < out->end;
}

#endif
