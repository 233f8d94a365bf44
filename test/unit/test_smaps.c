/* Mappings as the kernel lists them, and what changed between two lists. */
#include <errno.h>
#include <inttypes.h>
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

#include "../../analyzer/strbuf.h"
#include "../../companion/smaps.h"
#include "../../companion/smaps_diff.h"

/* One entry as Linux 6 writes it. */
static void
add_entry(struct strbuf *text, const char *range, unsigned int rss,
	  unsigned int swap)
{
	strbuf_addf(text,
		    "%s\n"
		    "Size:                 99 kB\n"
		    "KernelPageSize:        4 kB\n"
		    "Rss:            %8u kB\n"
		    "Pss:            %8u kB\n"
		    "Pss_Dirty:             7 kB\n"
		    "Shared_Clean:          0 kB\n"
		    "Shared_Dirty:          0 kB\n"
		    "Private_Clean:         0 kB\n"
		    "Private_Dirty:  %8u kB\n"
		    "Anonymous:      %8u kB\n"
		    "AnonHugePages:         0 kB\n"
		    "Swap:           %8u kB\n"
		    "SwapPss:               0 kB\n"
		    "THPeligible:           0\n"
		    "VmFlags: rd wr mr mw me ac sd \n",
		    range, rss, rss / 2, rss, rss, swap);
}

/* "RANGE PERMS PATH RSS" per line, pages in hexadecimal: a table that is short
 * to write. A path that begins with '/' has an inode. */
static void
load(struct smaps *maps, const char *short_table)
{
	struct strbuf text = { 0 };
	const char *at = short_table;
	char perms[8], path[64], range[160];
	unsigned int start, end, rss;
	unsigned long inode, letter;
	int used = 0;

	while (sscanf(at, "%x-%x %7s %63s %u%n", &start, &end, perms, path,
		      &rss, &used) == 5) {
		inode = 0;
		for (letter = 0; path[0] == '/' && path[letter]; letter++)
			inode = inode * 31 + (unsigned char)path[letter];
		snprintf(range, sizeof(range),
			 "%x000-%x000 %s 00000000 fe:0%d %lu       %s", start,
			 end, perms, path[0] == '/', inode,
			 strcmp(path, "-") ? path : "");
		add_entry(&text, range, rss, 0);
		at += used;
	}
	assert_int_equal(*at, '\0');
	assert_int_equal(smaps_parse(maps, strbuf_text(&text), text.len), 0);
	strbuf_release(&text);
}

/* Differences as text: "~heap 10-30 rw-p rss+4; ". */
static void
check(const char *before, const char *after, const char *wanted)
{
	static const char marks[] = { '+', '-', '~' };
	struct smaps old = { 0 }, new = { 0 };
	const struct smaps_region *region;
	const struct smaps_change *change;
	struct smaps_diff diff = { 0 };
	struct strbuf got = { 0 };
	size_t i;

	load(&old, before);
	load(&new, after);
	smaps_diff(&diff, &old, &new);
	for (i = 0; i < diff.count; i++) {
		change = &diff.list[i];
		region = change->after.count ? &change->after : &change->before;
		strbuf_addf(&got,
			    "%c%s %" PRIx64 "-%" PRIx64 " %s %zu:%zu %+" PRId64
			    "/%+" PRId64 "\n",
			    marks[change->change],
			    smaps_kind_name(change->kind), region->start >> 12,
			    region->end >> 12, region->permissions,
			    change->before.count, change->after.count,
			    (int64_t)(change->after.amounts.size -
				      change->before.amounts.size) >>
				    12,
			    (int64_t)(change->after.amounts.rss -
				      change->before.amounts.rss) /
				    1024);
	}
	assert_string_equal(strbuf_text(&got), wanted);
	strbuf_release(&got);
	smaps_diff_release(&diff);
	smaps_release(&old);
	smaps_release(&new);
}

/* --- the parser --------------------------------------------------------------- */

static void
entries_are_parsed_and_added_up(void **state)
{
	struct smaps maps = { 0 };
	const struct smaps_mapping *one;
	struct strbuf text = { 0 };

	(void)state;
	add_entry(
		&text,
		"559a0000-559c2000 rw-p 00001000 fe:03 77   /a file (deleted)",
		12, 3);
	add_entry(&text, "559d0000-559d1000 ---p 00000000 00:00 0 ", 0, 0);
	assert_int_equal(smaps_parse(&maps, strbuf_text(&text), text.len), 0);
	assert_int_equal(maps.count, 2);
	one = &maps.list[0];
	assert_true(one->start == 0x559a0000 && one->end == 0x559c2000);
	assert_true(one->offset == 0x1000 && one->inode == 77);
	assert_true(one->device == (UINT64_C(0xfe) << 32 | 3));
	assert_string_equal(one->permissions, "rw-p");
	assert_string_equal(smaps_path(&maps, one), "/a file (deleted)");
	assert_string_equal(smaps_path(&maps, &maps.list[1]), "");
	assert_true(one->amounts.rss == 12 * 1024);
	/* Pss, not Pss_Dirty; Swap, not SwapPss. */
	assert_true(one->amounts.pss == 6 * 1024);
	assert_true(one->amounts.swap == 3 * 1024);
	assert_true(smaps_uss(&one->amounts) == 12 * 1024);
	assert_true(maps.total.size == 0x22000 + 0x1000);
	assert_true(maps.total.rss == 12 * 1024);
	assert_true(maps.by_kind[SMAPS_FILE].rss == 12 * 1024);
	assert_true(maps.by_kind[SMAPS_ANONYMOUS].size == 0x1000);
	strbuf_release(&text);
	smaps_release(&maps);
}

static void
kinds_are_told_apart(void **state)
{
	struct smaps maps = { 0 };

	(void)state;
	load(&maps, "1-2 rw-p [heap] 1 3-4 rw-p [stack] 2 5-6 rw-p - 3 "
		    "7-8 rw-p [anon:name] 4 9-a r-xp /lib/x.so 5 "
		    "b-c rw-s /dev/shm/x 6 d-e rw-s /memfd:x 7 "
		    "f-10 r-xp [vdso] 8 11-12 r--s /var/cache 9");
	assert_true(maps.by_kind[SMAPS_HEAP].rss == 1 * 1024);
	assert_true(maps.by_kind[SMAPS_STACK].rss == 2 * 1024);
	assert_true(maps.by_kind[SMAPS_ANONYMOUS].rss == (3 + 4) * 1024);
	assert_true(maps.by_kind[SMAPS_FILE].rss == (5 + 9) * 1024);
	assert_true(maps.by_kind[SMAPS_SHARED].rss == (6 + 7) * 1024);
	assert_true(maps.by_kind[SMAPS_VDSO].rss == 8 * 1024);
	assert_true(maps.total.rss == 45 * 1024);
	smaps_release(&maps);
}

static void
malformed_text_is_refused(void **state)
{
	static const char *const texts[] = {
		"Rss: 1 kB\n",                         /* before any */
		"1000-2000 rw-p 0 0:0 0\nRss:\n",      /* no number */
		"1000-2000 rw-p 0 0:0 0\nRss: x kB\n", /* none either */
		"1000-2000 rw-p 0 0:0 0\nnothing\n",   /* no key */
		"1000-2000 rw-p 0 0:0 0\nRss: 99999999999999999999 kB\n",
		"1000-2000 rw-p 0 0:0 0",   /* no end */
		"1000-1000 rw-p 0 0:0 0\n", /* empty */
		"2000-1000 rw-p 0 0:0 0\n", /* backwards */
		"1000-3000 rw-p 0 0:0 0\n2000-4000 rw-p 0 0:0 0\n",
		"1000-10000000000000000 rw-p 0 0:0 0\n", /* 17 digits */
		"1000-2000 rw\n",
		"1000-2000 rw-p 0 0:0 \n",
		"1000 2000\n",
	};
	struct smaps maps = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		errno = 0;
		assert_int_equal(smaps_parse(&maps, texts[i], strlen(texts[i])),
				 -1);
		assert_int_equal(errno, EPROTO);
	}
	/* A NUL, and a line longer than any that the kernel writes. */
	assert_int_equal(smaps_parse(&maps, "1000-2000\0rw-p 0 0:0 0\n", 23),
			 -1);
	smaps_release(&maps);
}

static void
endless_line_is_refused_and_long_path_is_not(void **state)
{
	struct smaps maps = { 0 };
	struct strbuf text = { 0 };
	size_t i;

	(void)state;
	strbuf_adds(&text, "1000-2000 rw-p 0 0:0 7 /");
	for (i = 0; i < 4 * 4096; i++)
		strbuf_addc(&text, 'x');
	strbuf_addc(&text, '\n');
	assert_int_equal(smaps_parse(&maps, strbuf_text(&text), text.len), 0);
	assert_int_equal(strlen(smaps_path(&maps, maps.list)), 4 * 4096 + 1);
	text.len--;
	for (i = 0; i < 65536; i++)
		strbuf_addc(&text, 'x');
	strbuf_addc(&text, '\n');
	assert_int_equal(smaps_parse(&maps, strbuf_text(&text), text.len), -1);
	strbuf_release(&text);
	smaps_release(&maps);
}

/* The kernel's own account of this process, at a moment when nothing moves. */
static void
own_mappings_agree_with_the_rollup(void **state)
{
	struct smaps_amounts rollup;
	struct smaps maps = { 0 };
	struct procfs proc;

	(void)state;
	assert_int_equal(procfs_open(&proc, getpid()), 0);
	/* Twice: the first look makes the room for the second. */
	assert_int_equal(smaps_read(&maps, &proc), 0);
	assert_int_equal(smaps_rollup(&rollup, &proc), 0);
	assert_int_equal(smaps_read(&maps, &proc), 0);
	assert_int_equal(smaps_rollup(&rollup, &proc), 0);
	assert_true(maps.count > 10);
	assert_true(rollup.rss > 0);
	assert_true(llabs((long long)(rollup.rss - maps.total.rss)) <=
		    256 * 1024);
	assert_true(maps.by_kind[SMAPS_STACK].rss > 0);
	smaps_release(&maps);
	procfs_close(&proc);
}

/* --- differences ---------------------------------------------------------------- */

#define TABLE                                                                  \
	"10-20 r-xp /bin/x 8 20-24 rw-p /bin/x 4 40-50 rw-p [heap] 16 "        \
	"100-200 rw-p - 9 300-310 r-xp /lib/c.so 5 400-410 rw-p [stack] 3"

static void
nothing_changed_is_no_difference(void **state)
{
	(void)state;
	check(TABLE, TABLE, "");
}

static void
inserted_mapping_is_one_added_region(void **state)
{
	(void)state;
	check(TABLE,
	      "10-20 r-xp /bin/x 8 20-24 rw-p /bin/x 4 40-50 rw-p [heap] 16 "
	      "60-64 rw-p - 4 "
	      "100-200 rw-p - 9 300-310 r-xp /lib/c.so 5 400-410 rw-p [stack] 3",
	      "+anonymous 60-64 rw-p 0:1 +4/+4\n");
	/* Before the first and behind the last. */
	check("10-20 rw-p - 1", "1-2 rw-p - 1 10-20 rw-p - 1 30-31 r--p /f 1",
	      "+anonymous 1-2 rw-p 0:1 +1/+1\n+file 30-31 r--p 0:1 +1/+1\n");
	check("", "1-2 rw-p - 1", "+anonymous 1-2 rw-p 0:1 +1/+1\n");
}

static void
removed_mapping_is_one_removed_region(void **state)
{
	(void)state;
	check(TABLE,
	      "10-20 r-xp /bin/x 8 20-24 rw-p /bin/x 4 40-50 rw-p [heap] 16 "
	      "300-310 r-xp /lib/c.so 5 400-410 rw-p [stack] 3",
	      "-anonymous 100-200 rw-p 1:0 -256/-9\n");
	check("1-2 rw-p - 1", "", "-anonymous 1-2 rw-p 1:0 -1/-1\n");
}

static void
grown_heap_is_one_changed_region(void **state)
{
	(void)state;
	check(TABLE,
	      "10-20 r-xp /bin/x 8 20-24 rw-p /bin/x 4 40-80 rw-p [heap] 200 "
	      "100-200 rw-p - 9 300-310 r-xp /lib/c.so 5 400-410 rw-p [stack] 3",
	      "~heap 40-80 rw-p 1:1 +48/+184\n");
}

static void
grown_at_either_end_or_shrunk_is_one_changed_region(void **state)
{
	(void)state;
	check("400-410 rw-p [stack] 3", "3f0-410 rw-p [stack] 20",
	      "~stack 3f0-410 rw-p 1:1 +16/+17\n");
	check("100-200 rw-p - 9", "80-280 rw-p - 9",
	      "~anonymous 80-280 rw-p 1:1 +256/+0\n");
	check("100-200 rw-p - 9", "120-180 rw-p - 3",
	      "~anonymous 120-180 rw-p 1:1 -160/-6\n");
	/* Both ends moved. */
	check("100-200 rw-p - 9", "180-280 rw-p - 9",
	      "~anonymous 180-280 rw-p 1:1 +0/+0\n");
}

static void
resident_size_alone_is_a_change(void **state)
{
	(void)state;
	check("100-200 rw-p - 9 300-310 rw-p - 1",
	      "100-200 rw-p - 12 300-310 rw-p - 1",
	      "~anonymous 100-200 rw-p 1:1 +0/+3\n");
}

/* Pages of a file: that they are there is all that the kernel says of them. */
static void
resident_pages_of_a_file_are_a_change(void **state)
{
	static const char *const texts[] = {
		"1000-9000 r-xp 0 fe:1 5 /lib/c.so\nRss: 8 kB\nPss: 8 kB\n",
		"1000-9000 r-xp 0 fe:1 5 /lib/c.so\nRss: 12 kB\nPss: 8 kB\n",
	};
	struct smaps before = { 0 }, after = { 0 };
	struct smaps_diff diff = { 0 };

	(void)state;
	assert_int_equal(smaps_parse(&before, texts[0], strlen(texts[0])), 0);
	assert_int_equal(smaps_parse(&after, texts[1], strlen(texts[1])), 0);
	smaps_diff(&diff, &before, &after);
	assert_int_equal(diff.count, 1);
	smaps_diff_release(&diff);
	smaps_release(&before);
	smaps_release(&after);
}

static void
sharing_alone_is_no_change(void **state)
{
	static const char *const texts[] = {
		"1000-9000 r-xp 0 fe:1 5 /lib/c.so\nRss: 8 kB\nPss: 8 kB\n"
		"Private_Clean: 8 kB\n",
		"1000-9000 r-xp 0 fe:1 5 /lib/c.so\nRss: 8 kB\nPss: 4 kB\n"
		"Shared_Clean: 8 kB\n",
	};
	struct smaps before = { 0 }, after = { 0 };
	struct smaps_diff diff = { 0 };

	(void)state;
	assert_int_equal(smaps_parse(&before, texts[0], strlen(texts[0])), 0);
	assert_int_equal(smaps_parse(&after, texts[1], strlen(texts[1])), 0);
	smaps_diff(&diff, &before, &after);
	assert_int_equal(diff.count, 0);
	smaps_release(&before);
	smaps_release(&after);
}

static void
split_mapping_is_one_changed_region(void **state)
{
	(void)state;
	/* A hole, and a part made read-only. */
	check("100-200 rw-p - 9", "100-140 rw-p - 4 160-200 rw-p - 5",
	      "~anonymous 100-200 rw-p 1:2 -32/+0\n");
	check("100-200 rw-p - 9",
	      "100-140 rw-p - 4 140-160 r--p - 0 160-200 rw-p - 5",
	      "~anonymous 100-200 rw-p 1:3 +0/+0\n");
}

static void
merged_mappings_are_one_changed_region(void **state)
{
	(void)state;
	check("100-140 rw-p - 4 160-200 rw-p - 5", "100-200 rw-p - 10",
	      "~anonymous 100-200 rw-p 2:1 +32/+1\n");
	check("100-140 rw-p - 4 140-160 r--p - 0 160-200 rw-p - 5",
	      "100-200 rw-p - 9", "~anonymous 100-200 rw-p 3:1 +0/+0\n");
}

static void
changed_permissions_are_one_changed_region(void **state)
{
	(void)state;
	check("100-200 rw-p - 9 300-301 r--p - 1",
	      "100-200 r--p - 9 300-301 r--p - 1",
	      "~anonymous 100-200 r--p 1:1 +0/+0\n");
}

/* A malloc arena's border between what is used and its reserve. */
static void
moved_border_is_one_grown_and_one_shrunk(void **state)
{
	(void)state;
	check("100-121 rw-p - 100 121-4100 ---p - 0",
	      "100-142 rw-p - 200 142-4100 ---p - 0",
	      "~anonymous 100-142 rw-p 1:1 +33/+100\n"
	      "~anonymous 142-4100 ---p 1:1 -33/+0\n");
}

static void
another_file_at_the_same_place_is_removed_and_added(void **state)
{
	(void)state;
	check("100-200 r--p /a 9", "100-200 r--p /b 4",
	      "-file 100-200 r--p 1:0 -256/-9\n+file 100-200 r--p 0:1 +256/+4\n");
	check("100-200 r--p /a 9", "100-200 rw-p - 4",
	      "-file 100-200 r--p 1:0 -256/-9\n"
	      "+anonymous 100-200 rw-p 0:1 +256/+4\n");
	/* A hole in a file's mapping that memory fills. */
	check("100-200 r--p /a 9",
	      "100-140 r--p /a 4 140-160 rw-p - 2 "
	      "160-200 r--p /a 5",
	      "~file 100-200 r--p 1:2 -32/+0\n"
	      "+anonymous 140-160 rw-p 0:1 +32/+2\n");
}

static void
removed_file_is_the_same_mapping(void **state)
{
	static const char *const texts[] = {
		"1000-9000 r-xp 0 fe:1 5 /lib/c.so\nRss: 8 kB\n",
		"1000-9000 r-xp 0 fe:1 5 /lib/c.so (deleted)\nRss: 8 kB\n",
	};
	struct smaps before = { 0 }, after = { 0 };
	struct smaps_diff diff = { 0 };

	(void)state;
	assert_int_equal(smaps_parse(&before, texts[0], strlen(texts[0])), 0);
	assert_int_equal(smaps_parse(&after, texts[1], strlen(texts[1])), 0);
	smaps_diff(&diff, &before, &after);
	assert_int_equal(diff.count, 0);
	smaps_release(&before);
	smaps_release(&after);
}

/* Whatever happens: what the changes say leads from one total to the other. */
static void
changes_add_up_to_the_difference_of_the_totals(void **state)
{
	struct smaps tables[2] = { { 0 }, { 0 } };
	struct smaps_diff diff = { 0 };
	struct strbuf text = { 0 };
	char range[64];
	unsigned int round, page, pages, side;
	int64_t size, rss;
	size_t i;

	(void)state;
	srand(11);
	for (round = 0; round < 2000; round++) {
		for (side = 0; side < 2; side++) {
			strbuf_clear(&text);
			for (page = 1; page < 40; page += pages) {
				pages = 1 + (unsigned int)rand() % 6;
				if (rand() % 3 == 0)
					continue;
				snprintf(range, sizeof(range),
					 "%x000-%x000 r%c-p 0 0:0 %d ", page,
					 page + pages, rand() % 2 ? 'w' : '-',
					 rand() % 3);
				add_entry(&text, range,
					  (unsigned int)rand() % 9, 0);
			}
			assert_int_equal(smaps_parse(&tables[side],
						     strbuf_text(&text),
						     text.len),
					 0);
		}
		smaps_diff(&diff, &tables[0], &tables[1]);
		size = 0;
		rss = 0;
		for (i = 0; i < diff.count; i++) {
			size += (int64_t)diff.list[i].after.amounts.size -
				(int64_t)diff.list[i].before.amounts.size;
			rss += (int64_t)diff.list[i].after.amounts.rss -
			       (int64_t)diff.list[i].before.amounts.rss;
		}
		assert_true(size == (int64_t)tables[1].total.size -
					    (int64_t)tables[0].total.size);
		assert_true(rss == (int64_t)tables[1].total.rss -
					   (int64_t)tables[0].total.rss);
	}
	strbuf_release(&text);
	smaps_diff_release(&diff);
	smaps_release(&tables[0]);
	smaps_release(&tables[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_parsed_and_added_up),
		cmocka_unit_test(kinds_are_told_apart),
		cmocka_unit_test(malformed_text_is_refused),
		cmocka_unit_test(endless_line_is_refused_and_long_path_is_not),
		cmocka_unit_test(own_mappings_agree_with_the_rollup),
		cmocka_unit_test(nothing_changed_is_no_difference),
		cmocka_unit_test(inserted_mapping_is_one_added_region),
		cmocka_unit_test(removed_mapping_is_one_removed_region),
		cmocka_unit_test(grown_heap_is_one_changed_region),
		cmocka_unit_test(
			grown_at_either_end_or_shrunk_is_one_changed_region),
		cmocka_unit_test(resident_size_alone_is_a_change),
		cmocka_unit_test(resident_pages_of_a_file_are_a_change),
		cmocka_unit_test(sharing_alone_is_no_change),
		cmocka_unit_test(split_mapping_is_one_changed_region),
		cmocka_unit_test(merged_mappings_are_one_changed_region),
		cmocka_unit_test(changed_permissions_are_one_changed_region),
		cmocka_unit_test(moved_border_is_one_grown_and_one_shrunk),
		cmocka_unit_test(
			another_file_at_the_same_place_is_removed_and_added),
		cmocka_unit_test(removed_file_is_the_same_mapping),
		cmocka_unit_test(
			changes_add_up_to_the_difference_of_the_totals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
