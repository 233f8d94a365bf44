/* Program headers of odd layouts: gaps, shared file pages, many segments. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../preload/image.h"
#include "../../preload/loader.h"

#define PAGE 4096ul
#define PAGES 24ul

/* An object as large as any of these tests needs, and its headers. */
struct object {
	uint8_t *at;
	Elf64_Ehdr *elf;
	Elf64_Phdr *ph;
};

static struct object object;

static int
make_object(void **state)
{
	(void)state;
	object.at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (object.at == MAP_FAILED)
		return -1;
	object.elf = (Elf64_Ehdr *)object.at;
	object.ph = (Elf64_Phdr *)(object.at + sizeof(*object.elf));
	memcpy(object.elf->e_ident, ELFMAG, SELFMAG);
	object.elf->e_ident[EI_CLASS] = ELFCLASS64;
	object.elf->e_phoff = sizeof(*object.elf);
	object.elf->e_phentsize = sizeof(*object.ph);
	return 0;
}

static int
remove_object(void **state)
{
	(void)state;
	return munmap(object.at, PAGES * PAGE);
}

static void
add_segment(uint32_t type, uint32_t flags, uint64_t vaddr, uint64_t offset,
	    uint64_t bytes)
{
	object.ph[object.elf->e_phnum++] = (Elf64_Phdr){
		.p_type = type,
		.p_flags = flags,
		.p_offset = offset,
		.p_vaddr = vaddr,
		.p_filesz = bytes,
		.p_memsz = bytes,
	};
}

static struct lks_headers
headers_of_object(void)
{
	struct lks_headers headers;

	assert_true(lks_headers_find((uintptr_t)object.at, &headers));
	return headers;
}

/* As lld makes them with its default: no padding in the file. */
static void
add_lld_segments(uint64_t base)
{
	add_segment(PT_LOAD, PF_R, base, 0, 0x500);
	add_segment(PT_LOAD, PF_R | PF_X, base + 0x1500, 0x500, 0x300);
	add_segment(PT_LOAD, PF_R | PF_W, base + 0x2800, 0x800, 0x100);
}

static void
bias_is_of_the_first_of_segments_that_share_the_first_page(void **state)
{
	struct lks_headers headers;

	(void)state;
	add_lld_segments(0x200000);
	headers = headers_of_object();
	assert_int_equal(headers.bias, (uintptr_t)object.at - 0x200000);
	assert_int_equal(headers.count, 3);
	assert_int_equal(headers.at, (uintptr_t)object.ph);
}

static void
range_has_the_gaps_and_hold_has_not(void **state)
{
	struct lks_headers headers;
	uintptr_t base = (uintptr_t)object.at;
	uintptr_t start;
	uintptr_t end;

	(void)state;
	add_segment(PT_PHDR, PF_R, 0x40, 0x40, 0x100);
	add_segment(PT_LOAD, PF_R, 0x10, 0x10, 0x100);
	add_segment(PT_LOAD, PF_R | PF_X, 4 * PAGE, PAGE, 0x123);
	headers = headers_of_object();
	assert_true(lks_headers_range(&headers, &start, &end));
	assert_int_equal(start, base);
	assert_int_equal(end, base + 4 * PAGE + 0x123);
	assert_false(lks_headers_hold(&headers, base + 0xf));
	assert_true(lks_headers_hold(&headers, base + 0x10));
	assert_true(lks_headers_hold(&headers, base + 0x10f));
	assert_false(lks_headers_hold(&headers, base + 0x110));
	assert_false(lks_headers_hold(&headers, base + 2 * PAGE));
	assert_true(lks_headers_hold(&headers, base + 4 * PAGE));
	assert_false(lks_headers_hold(&headers, base + 4 * PAGE + 0x123));
	assert_false(lks_headers_hold(&headers, 0));
}

static void
hostile_sizes_have_no_range(void **state)
{
	struct lks_headers headers;
	uintptr_t start;
	uintptr_t end;

	(void)state;
	add_segment(PT_LOAD, PF_R, PAGE, 0, ~0ull);
	headers = headers_of_object();
	assert_false(lks_headers_range(&headers, &start, &end));
	object.ph->p_memsz = ~0ull - PAGE;
	assert_false(lks_headers_range(&headers, &start, &end));
	object.ph->p_type = PT_NULL;
	assert_false(lks_headers_range(&headers, &start, &end));
	assert_false(lks_headers_find((uintptr_t)object.at, &headers));
}

/* node's: three executable segments, and the rules behind them. */
static void
parts_in_the_sixth_segment_and_headers_elsewhere_are_found(void **state)
{
	static const uint32_t flags[] = {
		PF_R, PF_R | PF_X, PF_R | PF_X, PF_R | PF_X, PF_R, PF_R | PF_W
	};
	Elf64_Phdr copy[16];
	struct lks_headers headers;
	struct lks_image image;
	uintptr_t base = (uintptr_t)object.at;
	uintptr_t end;

	(void)state;
	for (size_t i = 0; i < 6; i++)
		add_segment(PT_LOAD, flags[i], 2 * i * PAGE, i * PAGE, PAGE);
	add_segment(PT_GNU_EH_FRAME, PF_R, 10 * PAGE + 16, 5 * PAGE + 16, 32);
	headers = headers_of_object();
	assert_true(lks_headers_range(&headers, &base, &end));
	memcpy(copy, object.ph, sizeof(copy));
	headers.at = (uintptr_t)copy;
	/* What the first page says now must not matter. */
	memset(object.at, 0, PAGE);
	lks_image_read_by(&headers, base, end, &image);
	assert_int_equal(image.segment_count, 3);
	assert_int_equal(image.segments[2].start, base + 6 * PAGE);
	assert_int_equal(image.segments[2].end, base + 7 * PAGE);
	assert_int_equal(image.segments[2].vaddr, 6 * PAGE);
	assert_int_equal(image.segments[2].file_offset, 3 * PAGE);
	assert_int_equal(image.readable_count, 6);
	assert_int_equal(image.eh_frame_hdr.start, base + 10 * PAGE + 16);
	assert_int_equal(lks_image_readable_end(&image, base + PAGE), 0);
	assert_false(image.incomplete);
}

static void
more_parts_than_there_is_room_for_are_confessed(void **state)
{
	struct lks_image image;
	uintptr_t base = (uintptr_t)object.at;
	uintptr_t end = base + PAGES * PAGE;

	(void)state;
	for (uint64_t i = 0; i < LKS_READABLE_MAX; i++)
		add_segment(PT_LOAD, PF_R, i * PAGE, i * PAGE, PAGE);
	assert_true(lks_image_read(base, end, &image));
	assert_int_equal(image.readable_count, LKS_READABLE_MAX);
	assert_false(image.incomplete);
	add_segment(PT_LOAD, PF_R, LKS_READABLE_MAX * PAGE,
		    LKS_READABLE_MAX * PAGE, PAGE);
	assert_true(lks_image_read(base, end, &image));
	assert_int_equal(image.readable_count, LKS_READABLE_MAX);
	assert_true(image.incomplete);

	object.elf->e_phnum = LKS_SEGMENTS_MAX;
	for (uint32_t i = 0; i < LKS_SEGMENTS_MAX; i++)
		object.ph[i].p_flags = PF_R | PF_X;
	assert_true(lks_image_read(base, end, &image));
	assert_int_equal(image.segment_count, LKS_SEGMENTS_MAX);
	assert_false(image.incomplete);
	object.elf->e_phnum++;
	object.ph[LKS_SEGMENTS_MAX].p_flags = PF_X;
	assert_true(lks_image_read(base, end, &image));
	assert_int_equal(image.segment_count, LKS_SEGMENTS_MAX);
	assert_true(image.incomplete);
}

/* The object's file, mapped as a loader maps what add_lld_segments() says,
 * twice in a row. */
static void
maps_join_segments_that_share_the_first_page(void **state)
{
	char name[] = "/tmp/test_image.XXXXXX";
	int fd = mkstemp(name);
	struct lks_object found;
	uintptr_t at;

	(void)state;
	add_lld_segments(0);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, object.at, PAGE), PAGE);
	at = (uintptr_t)mmap(NULL, 7 * PAGE, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_int_not_equal(at, (uintptr_t)MAP_FAILED);
	for (uintptr_t i = 0; i < 6; i++) {
		int flags = (int)object.ph[i % 3].p_flags;
		/* PF_R is 4 and PROT_READ 1: the ends change places. */
		int prot = flags >> 2 | (flags & PF_W) | (flags & PF_X) << 2;

		assert_ptr_not_equal(mmap((void *)(at + i * PAGE), PAGE, prot,
					  MAP_PRIVATE | MAP_FIXED, fd, 0),
				     MAP_FAILED);
	}
	for (uintptr_t i = 0; i < 6; i++) {
		uintptr_t start = at + i / 3 * 3 * PAGE;

		assert_true(
			lks_loader_find_by_maps(at + i * PAGE + 16, &found));
		assert_int_equal(found.map_start, start);
		assert_int_equal(found.map_end, start + 3 * PAGE);
		assert_string_equal(found.name, name);
		assert_null(found.headers);
	}
	assert_false(lks_loader_find_by_maps(at + 6 * PAGE, &found));
	munmap((void *)at, 7 * PAGE);
	close(fd);
	unlink(name);
}

/* A file of data, mapped in two pieces: no headers are believed in. */
static void
what_is_no_object_is_joined_to_nothing(void **state)
{
	char name[] = "/tmp/test_image.XXXXXX";
	int fd = mkstemp(name);
	struct lks_object found;
	uintptr_t at;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "no object", 9), 9);
	at = (uintptr_t)mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_int_not_equal(at, (uintptr_t)MAP_FAILED);
	assert_ptr_not_equal(mmap((void *)(at + PAGE), PAGE,
				  PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_FIXED, fd, 0),
			     MAP_FAILED);
	assert_true(lks_loader_find_by_maps(at + PAGE, &found));
	assert_int_equal(found.map_start, at + PAGE);
	assert_true(lks_loader_find_by_maps(at, &found));
	assert_int_equal(found.map_end, at + PAGE);
	munmap((void *)at, 2 * PAGE);
	close(fd);
	unlink(name);
}

#define IMAGE_TEST(name)                                                       \
	cmocka_unit_test_setup_teardown(name, make_object, remove_object)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IMAGE_TEST(
			bias_is_of_the_first_of_segments_that_share_the_first_page),
		IMAGE_TEST(range_has_the_gaps_and_hold_has_not),
		IMAGE_TEST(hostile_sizes_have_no_range),
		IMAGE_TEST(
			parts_in_the_sixth_segment_and_headers_elsewhere_are_found),
		IMAGE_TEST(more_parts_than_there_is_room_for_are_confessed),
		IMAGE_TEST(maps_join_segments_that_share_the_first_page),
		IMAGE_TEST(what_is_no_object_is_joined_to_nothing),
	};

	lks_loader_init(true);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
