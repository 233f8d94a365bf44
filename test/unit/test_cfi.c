/*
 * .eh_frame to compact rules: hand-made tables, broken ones, and every rule of
 * real libraries against elfutils.
 *
 * Tables are built against a page that can't be read, so reading past their
 * end is a crash.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../preload/arch.h"
#include "../../preload/cfi.h"
#include "../../preload/cursor.h"

/* --- building tables ----------------------------------------------------- */

#define ROOM (1u << 18)
#define CODE 0x100000 /* the code described is this far above the table */

static uint8_t *map;   /* ROOM bytes and a page that can't be read */
static uint8_t *start; /* of the table now being built */
static uint8_t *next;
static uint8_t *cie_at;
static uint8_t *fde_at;
static struct lks_image image;

static void
put(uint64_t value, size_t bytes)
{
	assert_true(bytes <= sizeof(value));
	assert_true(next + bytes <= map + ROOM);
	memcpy(next, &value, bytes);
	next += bytes;
}

static void
put_bytes(const char *bytes, size_t count)
{
	assert_true(next + count <= map + ROOM);
	memcpy(next, bytes, count);
	next += count;
}

/* Where code `offset` is described to be. */
static uintptr_t
code_at(uint64_t offset)
{
	return (uintptr_t)map + CODE + offset;
}

static void
put_pcrel4(uintptr_t to)
{
	put(to - (uintptr_t)next, 4);
}

/* The header, with room for one table row; filled in by finish(). */
static void
begin(void)
{
	memset(map, 0, ROOM);
	start = next = map;
	put(0x3b031b01, 4); /* pcrel|sdata4, udata4, datarel|sdata4 */
	put(0, 8);
	put(0, 8);
}

static uint8_t *
open_entry(void)
{
	uint8_t *at = next;

	put(0, 4);
	return at;
}

static void
close_entry(uint8_t *at)
{
	uint32_t bytes;

	while ((next - at) % 4 != 0)
		put(0, 1);
	bytes = (uint32_t)(next - at - 4);
	memcpy(at, &bytes, 4);
}

/* CFA = sp + 8, return address at CFA - 8: as compilers begin. */
#define USUAL "\x0c\x07\x08\x90\x01"

struct cie_parts {
	uint8_t version;
	const char *augmentation; /* begins with z */
	uint8_t encoding;
	uint8_t ra;
	const char *code;
	size_t code_bytes;
};

static const struct cie_parts usual = { 1, "zR", 0x1b, 16, USUAL, 5 };

static void
put_cie(struct cie_parts parts)
{
	uint8_t *length_at;

	cie_at = open_entry();
	put(0, 4);
	put(parts.version, 1);
	put_bytes(parts.augmentation, strlen(parts.augmentation) + 1);
	if (parts.version == 4)
		put(8, 2);
	put(0x7801, 2); /* code 1, data -8 */
	put(parts.ra, 1);
	length_at = next;
	put(0, 1);
	for (const char *a = parts.augmentation + 1; *a != '\0'; a++)
		if (*a == 'R') {
			put(parts.encoding, 1);
		} else if (*a == 'P') {
			put(0x9b, 1); /* indirect, not followed */
			put(0x12345678, 4);
		} else if (*a == 'L') {
			put(0x1b, 1);
		}
	*length_at = (uint8_t)(next - length_at - 1);
	put_bytes(parts.code, parts.code_bytes);
	close_entry(cie_at);
}

static void
put_fde(uint64_t offset, uint64_t bytes, const char *code, size_t code_bytes)
{
	fde_at = open_entry();
	put((uintptr_t)next - (uintptr_t)cie_at, 4);
	put_pcrel4(code_at(offset));
	put(bytes, 4);
	put(0, 1);
	put_bytes(code, code_bytes);
	close_entry(fde_at);
}

/* Fills the header in, ends the section, and moves all of it against the page
 * that can't be read. Code addresses move along. */
static void
finish(uint64_t first_code)
{
	size_t used;
	uint8_t *moved;
	int32_t row[4];

	put(0, 4);
	used = (size_t)(next - start);
	moved = map + ROOM - used;
	row[0] = (int32_t)(cie_at - (start + 4));
	row[1] = 1;
	row[2] = (int32_t)(code_at(first_code) - (uintptr_t)start);
	row[3] = (int32_t)(fde_at - start);
	memcpy(start + 4, row, sizeof(row));
	memmove(moved, start, used);
	memset(&image, 0, sizeof(image));
	image.readable_count = 1;
	image.readable[0].start = (uintptr_t)moved;
	image.readable[0].end = (uintptr_t)moved + used;
	image.eh_frame_hdr = (struct lks_readable){ (uintptr_t)moved,
						    (uintptr_t)moved + 20 };
	start = moved;
}

/* The rule at code `offset` of a finished table. */
static struct lks_cfi
rule_at(uint64_t offset)
{
	return lks_cfi_find(&image, (uintptr_t)start + CODE + offset);
}

/* One function at code 0x100..0x200 with the usual CIE. */
static void
build(const char *code, size_t code_bytes)
{
	begin();
	put_cie(usual);
	put_fde(0x100, 0x100, code, code_bytes);
	finish(0x100);
}

#define BUILD(code) build(code, sizeof(code) - 1)

static int
prepare(void **state)
{
	(void)state;
	map = mmap(NULL, ROOM + 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return -1;
	return mprotect(map + ROOM, 4096, PROT_NONE);
}

static int
clean(void **state)
{
	(void)state;
	return munmap(map, ROOM + 4096);
}

/* --- right tables -------------------------------------------------------- */

static void
assert_plain(struct lks_cfi rule, bool base_is_bp, int64_t offset)
{
	assert_int_equal(rule.kind, LKS_CFI_PLAIN);
	assert_int_equal(rule.base_is_bp, base_is_bp);
	assert_int_equal(rule.offset, offset);
}

/* push %rbp; mov %rsp,%rbp; ...; leave; ret */
static void
prologue_is_followed(void **state)
{
	struct lks_cfi rule;

	(void)state;
	BUILD("\x41\x0e\x10\x86\x02" /* +1: offset 16, rbp at CFA-16 */
	      "\x43\x0d\x06"         /* +4: CFA by rbp */
	      "\x02\x20\x0c\x07\x08" /* +36: back to rsp + 8 */
	      "\xc6");               /* restore rbp */
	assert_plain(rule_at(0x100), false, 8);
	assert_int_equal(rule_at(0x100).bp, LKS_CFI_BP_SAME);
	rule = rule_at(0x101);
	assert_plain(rule, false, 16);
	assert_int_equal(rule.bp, LKS_CFI_BP_SAVED);
	assert_int_equal(rule.bp_offset, -16);
	assert_plain(rule_at(0x103), false, 16);
	assert_plain(rule_at(0x104), true, 16);
	assert_plain(rule_at(0x123), true, 16);
	assert_plain(rule_at(0x124), false, 8);
	assert_int_equal(rule_at(0x124).bp, LKS_CFI_BP_SAME);
	assert_plain(rule_at(0x1ff), false, 8);
	assert_int_equal(rule_at(0x200).kind, LKS_CFI_NONE);
	assert_int_equal(rule_at(0xff).kind, LKS_CFI_NONE);
}

static void
kept_state_comes_back(void **state)
{
	(void)state;
	BUILD("\x0a\x41\x0e\x20\x0a\x41\x0e\x30\x41\x0b\x41\x0b");
	assert_plain(rule_at(0x101), false, 32);
	assert_plain(rule_at(0x102), false, 48);
	assert_plain(rule_at(0x103), false, 32);
	assert_plain(rule_at(0x104), false, 8);
}

static void
every_advance_and_offset_form_is_read(void **state)
{
	(void)state;
	BUILD("\x02\x01\x0e\x10"             /* advance_loc1 */
	      "\x03\x01\x00\x0e\x18"         /* advance_loc2 */
	      "\x04\x01\x00\x00\x00\x0e\x20" /* advance_loc4 */
	      "\x41\x12\x07\x7b"             /* def_cfa_sf -5 * -8 */
	      "\x41\x13\x7a"                 /* def_cfa_offset_sf */
	      "\x41\x05\x06\x03"             /* offset_extended */
	      "\x41\x11\x06\x04"             /* offset_extended_sf */
	      "\x41\x2f\x06\x05"             /* negative offset */
	      "\x41\x06\x06"                 /* restore_extended */
	      "\x41\x2e\x10"                 /* args_size */
	      "\x41\x14\x03\x01\x15\x0c\x01\x09\x0d\x0e" /* not ours */
	      "\x41\x16\x0f\x02\x11\x22\x10\x0f\x01\x33" /* not ours */
	      "\x41\x07\x06"                             /* rbp undefined */
	      "\x41\x08\x06");                           /* rbp same */
	assert_plain(rule_at(0x101), false, 16);
	assert_plain(rule_at(0x102), false, 24);
	assert_plain(rule_at(0x103), false, 32);
	assert_plain(rule_at(0x104), false, 40);
	assert_plain(rule_at(0x105), false, 48);
	assert_int_equal(rule_at(0x106).bp_offset, -24);
	assert_int_equal(rule_at(0x107).bp_offset, -32);
	assert_int_equal(rule_at(0x108).bp_offset, 40);
	assert_int_equal(rule_at(0x109).bp, LKS_CFI_BP_SAME);
	assert_plain(rule_at(0x10c), false, 48);
	assert_int_equal(rule_at(0x10d).bp, LKS_CFI_BP_LOST);
	assert_int_equal(rule_at(0x10e).bp, LKS_CFI_BP_SAME);
}

static void
undefined_return_address_is_outermost(void **state)
{
	(void)state;
	BUILD("\x07\x10");
	assert_int_equal(rule_at(0x150).kind, LKS_CFI_OUTERMOST);
}

static void
memory_held_cfa_is_taken(void **state)
{
	struct lks_cfi rule;

	(void)state;
	/* breg6 -8; deref, rbp at breg6 0: gcc's realigned frame */
	BUILD("\x0f\x03\x76\x78\x06\x10\x06\x02\x76\x00");
	rule = rule_at(0x150);
	assert_int_equal(rule.kind, LKS_CFI_DEREF);
	assert_true(rule.base_is_bp);
	assert_int_equal(rule.offset, -8);
	assert_int_equal(rule.add, 0);
	assert_int_equal(rule.bp, LKS_CFI_BP_AT_BP);
	/* breg7 88; deref; plus_uconst 8: libcrypto */
	BUILD("\x0f\x06\x77\xd8\x00\x06\x23\x08\x86\x02");
	rule = rule_at(0x150);
	assert_int_equal(rule.kind, LKS_CFI_DEREF);
	assert_false(rule.base_is_bp);
	assert_int_equal(rule.offset, 88);
	assert_int_equal(rule.add, 8);
	assert_int_equal(rule.bp_offset, -16);
}

static void
cie_versions_and_augmentations_are_read(void **state)
{
	static const struct {
		uint8_t version;
		const char *augmentation;
	} cases[] = { { 1, "zR" },   { 3, "zR" },  { 4, "zR" },
		      { 1, "zPLR" }, { 1, "zRS" }, { 3, "zRB" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cie_parts parts = usual;
		bool signal = strchr(cases[i].augmentation, 'S') != NULL;

		parts.version = cases[i].version;
		parts.augmentation = cases[i].augmentation;
		begin();
		put_cie(parts);
		put_fde(0x100, 0x100, "\x41\x0e\x10", 3);
		finish(0x100);
		assert_int_equal(rule_at(0x180).kind,
				 signal ? LKS_CFI_SIGNAL : LKS_CFI_PLAIN);
	}
}

/* The section is read entry after entry when its table is left out. */
static void
section_without_table_is_scanned(void **state)
{
	(void)state;
	begin();
	put_cie(usual);
	put_fde(0x300, 0x10, "\x0e\x18", 2);
	put_cie(usual);
	put_fde(0x100, 0x100, "\x0e\x10", 2);
	cie_at = start + 20;
	finish(0x100);
	start[2] = 0xff;
	start[3] = 0xff;
	assert_plain(rule_at(0x305), false, 24);
	assert_plain(rule_at(0x150), false, 16);
	assert_int_equal(rule_at(0x250).kind, LKS_CFI_NONE);
}

static void
pointer_encodings_are_read(void **state)
{
	uint8_t bytes[32] = { 0x80, 0xff, 0xff, 0xff, 0xff,
			      0xff, 0xff, 0xff, 0x01 };
	uintptr_t here = (uintptr_t)bytes;
	static const struct {
		uint8_t encoding;
		uint64_t value;
		int pcrel;
		uint8_t size;
	} cases[] = {
		{ LKS_PE_ABSPTR, 0xffffffffffffff80, 0, 8 },
		{ LKS_PE_UDATA2, 0xff80, 0, 2 },
		{ LKS_PE_UDATA4, 0xffffff80, 0, 4 },
		{ LKS_PE_UDATA8, 0xffffffffffffff80, 0, 8 },
		{ LKS_PE_SDATA2, -0x80ull, 0, 2 },
		{ LKS_PE_SDATA4, -0x80ull, 0, 4 },
		{ LKS_PE_SDATA8, -0x80ull, 0, 8 },
		{ LKS_PE_SDATA4 | LKS_PE_PCREL, -0x80ull, 1, 4 },
		{ LKS_PE_SDATA4 | LKS_PE_PCREL | LKS_PE_INDIRECT, -0x80ull, 1,
		  4 },
		{ LKS_PE_SDATA4 | LKS_PE_DATAREL, 0x1000 - 0x80, 0, 4 },
		{ LKS_PE_ULEB, 0x1ffffffffffff80, 0, 9 },
		{ LKS_PE_SLEB, 0x1ffffffffffff80, 0, 9 },
		{ LKS_PE_OMIT, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lks_cursor c = { here, here + sizeof(bytes), false };
		uint64_t want = cases[i].value;

		if (cases[i].pcrel)
			want += here;
		assert_int_equal(
			lks_read_pointer(&c, cases[i].encoding, 0x1000), want);
		assert_false(c.bad);
		assert_int_equal(c.at - here, cases[i].size);
	}
}

static void
leb128_of_more_than_64_bits_is_bad(void **state)
{
	uint8_t bytes[16];
	struct lks_cursor c = { (uintptr_t)bytes, (uintptr_t)(bytes + 16),
				false };

	(void)state;
	memset(bytes, 0x80, sizeof(bytes));
	lks_read_uleb(&c);
	assert_true(c.bad);
	assert_true(c.at <= c.end);
}

/* --- broken and hostile tables ------------------------------------------- */

static void
what_is_not_compact_has_no_rule(void **state)
{
	static const struct {
		const char *code;
		size_t bytes;
	} cases[] = {
		{ "\x0c\x0a\x08", 3 },             /* CFA by r10 */
		{ "\x0f\x04\x77\x08\x80\x00", 6 }, /* PLT-like expression */
		{ "\x0f\x03\x73\x00\x06", 5 },     /* expression on rbx */
		{ "\x0f\x04\x77\x00\x06\x06", 6 }, /* deref twice */
		{ "\x0f\x7f\x77\x00", 4 },         /* block past the end */
		{ "\x90\x02", 2 },     /* return address elsewhere */
		{ "\x09\x10\x03", 3 }, /* in a register */
		{ "\x08\x10", 2 },     /* same */
		{ "\x87\x02", 2 },     /* stack pointer not the CFA */
		{ "\x2d", 1 },         /* unknown on this machine */
		{ "\x3f", 1 },
		{ "\x0b", 1 },                             /* nothing kept */
		{ "\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a", 8 }, /* too deep */
		{ "\x0e\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 12 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		build(cases[i].code, cases[i].bytes);
		assert_int_equal(rule_at(0x150).kind, LKS_CFI_NONE);
	}
}

static void
unknown_cies_have_no_rule(void **state)
{
	struct cie_parts cases[] = {
		{ 2, "zR", 0x1b, 16, USUAL, 5 }, /* version */
		{ 5, "zR", 0x1b, 16, USUAL, 5 },
		{ 1, "zXR", 0x1b, 16, USUAL, 5 }, /* augmentation */
		{ 1, "eh", 0x1b, 16, USUAL, 5 },
		{ 1, "zR", 0x9b, 16, USUAL, 5 }, /* indirect */
		{ 1, "zR", 0x3b, 16, USUAL, 5 }, /* data-relative to what? */
		{ 1, "zR", 0x1d, 16, USUAL, 5 }, /* no such format */
		{ 1, "zR", 0x1b, 30, USUAL, 5 }, /* another machine's */
		{ 1, "zR", 0x1b, 16, USUAL, 2 }, /* cut instruction */
		{ 1, "zR", 0x1b, 16, "\x90\x01", 2 }, /* no CFA */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin();
		put_cie(cases[i]);
		put_fde(0x100, 0x100, "\x00", 1);
		finish(0x100);
		assert_int_equal(rule_at(0x150).kind, LKS_CFI_NONE);
	}
}

static void
endless_instructions_have_no_rule(void **state)
{
	static char nops[LKS_CFI_BYTES_MAX + 8];

	(void)state;
	build(nops, LKS_CFI_BYTES_MAX - 64);
	assert_plain(rule_at(0x150), false, 8);
	build(nops, sizeof(nops));
	assert_int_equal(rule_at(0x150).kind, LKS_CFI_NONE);
}

/* An entry whose length is 0, huge, or past the end; a CIE that is an FDE. */
static void
broken_lengths_have_no_rule(void **state)
{
	static const uint32_t lengths[] = { 0, 1, 3, 0x7fffffff, 0xffffffff };
	size_t fde;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		BUILD("\x41\x0e\x10");
		memcpy(start + 20, &lengths[i], 4);
		assert_int_equal(rule_at(0x150).kind, LKS_CFI_NONE);
		BUILD("\x41\x0e\x10");
		fde = (size_t)(fde_at - map);
		memcpy(start + fde, &lengths[i], 4);
		assert_int_equal(rule_at(0x150).kind, LKS_CFI_NONE);
		BUILD("\x41\x0e\x10");
		memcpy(start + fde + 4, &lengths[i], 4);
		assert_int_equal(rule_at(0x150).kind, LKS_CFI_NONE);
	}
}

static void
count_past_the_header_has_no_rule(void **state)
{
	static const uint32_t counts[] = { 0, 2, 0x20000000, 0xffffffff };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		BUILD("\x41\x0e\x10");
		memcpy(start + 8, &counts[i], 4);
		assert_int_equal(rule_at(0x150).kind, LKS_CFI_NONE);
	}
	image.eh_frame_hdr.start = 0;
	assert_int_equal(rule_at(0x150).kind, LKS_CFI_NONE);
}

/* Cut anywhere, it gives a rule or none; the page behind is not touched. */
static void
cut_tables_are_read_to_their_end(void **state)
{
	size_t used;

	(void)state;
	BUILD("\x41\x0e\x10\x86\x02\x43\x0d\x06\x0f\x03\x77\x08\x06");
	used = image.readable[0].end - image.readable[0].start;
	for (size_t cut = 1; cut < used; cut++) {
		uint8_t *moved = start + cut;
		size_t left = used - cut;

		memmove(moved, start, left);
		image.readable[0].start = (uintptr_t)moved;
		image.eh_frame_hdr.start = (uintptr_t)moved;
		image.eh_frame_hdr.end =
			(uintptr_t)moved + (left < 20 ? left : 20);
		lks_cfi_find(&image, (uintptr_t)moved + CODE + 0x150);
		BUILD("\x41\x0e\x10\x86\x02\x43\x0d\x06\x0f\x03\x77\x08\x06");
	}
}

static void
flipped_bits_never_crash(void **state)
{
	uint8_t good[256];
	size_t used;
	uint64_t x = 88172645463325252u;
	uint32_t rules = 0;

	(void)state;
	begin();
	put_cie(usual);
	put_fde(0x100, 0x100,
		"\x0a\x41\x0e\x10\x86\x02\x43\x0d\x06\x04\x10\x00\x00\x00\x0b"
		"\x10\x06\x02\x76\x00\x0f\x05\x76\x78\x06\x23\x10",
		27);
	finish(0x100);
	used = image.readable[0].end - image.readable[0].start;
	assert_true(used <= sizeof(good));
	memcpy(good, start, used);
	for (int round = 0; round < 300000; round++) {
		memcpy(start, good, used);
		for (int flips = 1 + round % 4; flips > 0; flips--) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			start[(x >> 16) % used] ^= (uint8_t)(1u << (x & 7));
		}
		/* Every other time without the table. */
		if (round & 1)
			start[3] = 0xff;
		rules += rule_at(0x100 + (x >> 40) % 0x100).kind !=
			 LKS_CFI_NONE;
	}
	assert_true(rules > 10000);
}

/* --- real tables --------------------------------------------------------- */

/* True if elfutils' operations for a saved register are `CFA + offset`. */
static bool
is_at_cfa(const Dwarf_Op *ops, size_t count, int64_t *offset)
{
	if (count == 1 && ops[0].atom == DW_OP_call_frame_cfa) {
		*offset = 0;
		return true;
	}
	if (count == 2 && ops[0].atom == DW_OP_call_frame_cfa &&
	    ops[1].atom == DW_OP_plus_uconst) {
		*offset = (int64_t)ops[1].number;
		return true;
	}
	return false;
}

/* True if elfutils' operations are `base + offset` with one of our bases. */
static bool
is_based(const Dwarf_Op *ops, size_t count, int64_t *base, int64_t *offset)
{
	if (count != 1)
		return false;
	if (ops[0].atom == DW_OP_bregx) {
		*base = (int64_t)ops[0].number;
		*offset = (int64_t)ops[0].number2;
	} else {
		*base = ops[0].atom - DW_OP_breg0;
		*offset = (int64_t)ops[0].number;
	}
	return *base == LKS_DWARF_SP || *base == LKS_DWARF_BP;
}

static void
compare_one(Dwarf_CFI *cfi, uintptr_t bias, uintptr_t address,
	    struct lks_cfi rule)
{
	Dwarf_Frame *frame;
	Dwarf_Op *ops;
	Dwarf_Op memory[3];
	size_t count;
	int64_t offset;
	int64_t base;
	bool simple;
	bool usual_ra;

	if (dwarf_cfi_addrframe(cfi, address - bias, &frame) != 0) {
		assert_int_equal(rule.kind, LKS_CFI_NONE);
		return;
	}
	assert_int_equal(dwarf_frame_cfa(frame, &ops, &count), 0);
	simple = is_based(ops, count, &base, &offset);
	if (rule.kind == LKS_CFI_PLAIN) {
		assert_true(simple);
		assert_int_equal(base,
				 rule.base_is_bp ? LKS_DWARF_BP : LKS_DWARF_SP);
		assert_int_equal(offset, rule.offset);
	}
	assert_int_equal(dwarf_frame_register(frame, LKS_DWARF_RA, memory, &ops,
					      &count),
			 0);
	usual_ra = is_at_cfa(ops, count, &offset) && offset == -8;
	if (rule.kind == LKS_CFI_OUTERMOST)
		assert_true(count == 0 && ops == memory); /* undefined */
	else if (rule.kind == LKS_CFI_NONE)
		assert_false(simple && usual_ra);
	else if (rule.kind != LKS_CFI_SIGNAL)
		assert_true(usual_ra);
	assert_int_equal(dwarf_frame_register(frame, LKS_DWARF_BP, memory, &ops,
					      &count),
			 0);
	if (rule.kind == LKS_CFI_PLAIN && rule.bp == LKS_CFI_BP_SAME) {
		assert_null(ops);
	} else if (rule.kind == LKS_CFI_PLAIN && rule.bp == LKS_CFI_BP_SAVED) {
		assert_true(is_at_cfa(ops, count, &offset));
		assert_int_equal(offset, rule.bp_offset);
	}
	free(frame);
}

/* Every 5th address of a loaded object, against elfutils on its file. */
static int
compare_object(struct dl_phdr_info *info, size_t size, void *total)
{
	const char *path = info->dlpi_name;
	struct lks_image object;
	uintptr_t end = 0;
	Dwarf_CFI *cfi;
	Elf *elf;
	int fd;

	(void)size;
	if (path[0] == '\0')
		path = "/proc/self/exe";
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0; /* the vDSO */
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	cfi = dwarf_getcfi_elf(elf);
	assert_non_null(cfi);
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD)
			end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr +
			      info->dlpi_phdr[i].p_memsz;
	assert_true(lks_image_read(info->dlpi_addr, end, &object));
	assert_true(object.segment_count > 0);
	for (uint32_t s = 0; s < object.segment_count; s++)
		for (uintptr_t at = object.segments[s].start;
		     at < object.segments[s].end; at += 5) {
			compare_one(cfi, info->dlpi_addr, at,
				    lks_cfi_find(&object, at));
			++*(uint64_t *)total;
		}
	dwarf_cfi_end(cfi);
	elf_end(elf);
	close(fd);
	return 0;
}

static void
real_rules_agree_with_elfutils(void **state)
{
	uint64_t compared = 0;

	(void)state;
	elf_version(EV_CURRENT);
	dl_iterate_phdr(compare_object, &compared);
	assert_true(compared > 100000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prologue_is_followed),
		cmocka_unit_test(kept_state_comes_back),
		cmocka_unit_test(every_advance_and_offset_form_is_read),
		cmocka_unit_test(undefined_return_address_is_outermost),
		cmocka_unit_test(memory_held_cfa_is_taken),
		cmocka_unit_test(cie_versions_and_augmentations_are_read),
		cmocka_unit_test(section_without_table_is_scanned),
		cmocka_unit_test(pointer_encodings_are_read),
		cmocka_unit_test(leb128_of_more_than_64_bits_is_bad),
		cmocka_unit_test(what_is_not_compact_has_no_rule),
		cmocka_unit_test(unknown_cies_have_no_rule),
		cmocka_unit_test(endless_instructions_have_no_rule),
		cmocka_unit_test(broken_lengths_have_no_rule),
		cmocka_unit_test(count_past_the_header_has_no_rule),
		cmocka_unit_test(cut_tables_are_read_to_their_end),
		cmocka_unit_test(flipped_bits_never_crash),
		cmocka_unit_test(real_rules_agree_with_elfutils),
	};

	return cmocka_run_group_tests(tests, prepare, clean);
}
