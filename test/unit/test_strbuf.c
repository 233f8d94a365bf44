/* The growing string, and the formats that build on it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../analyzer/err.h"
#include "../../analyzer/format.h"
#include "../../analyzer/strbuf.h"

static void
empty_buffer_is_an_empty_text(void **state)
{
	struct strbuf buf = { 0 };
	char *text;

	(void)state;
	assert_string_equal(strbuf_text(&buf), "");
	strbuf_clear(&buf);
	strbuf_add(&buf, NULL, 0);
	assert_string_equal(strbuf_text(&buf), "");
	text = strbuf_detach(&buf);
	assert_string_equal(text, "");
	free(text);
	strbuf_release(&buf);
}

static void
descriptor_is_read_to_its_end_or_bound(void **state)
{
	struct strbuf buf = { 0 };
	int i, ends[2];

	(void)state;
	for (i = 4; i <= 6; i++) {
		strbuf_clear(&buf);
		strbuf_adds(&buf, ">");
		assert_int_equal(pipe(ends), 0);
		assert_int_equal(write(ends[1], "12345", 5), 5);
		close(ends[1]);
		errno = 0;
		assert_int_equal(strbuf_read(&buf, ends[0], (size_t)i),
				 i < 5 ? -1 : 0);
		assert_int_equal(errno, i < 5 ? EFBIG : 0);
		assert_string_equal(strbuf_text(&buf),
				    i < 5 ? ">1234" : ">12345");
		close(ends[0]);
	}
	assert_int_equal(strbuf_read(&buf, -1, 10), -1);
	assert_int_equal(errno, EBADF);
	strbuf_release(&buf);
}

static void
grows_and_stays_terminated(void **state)
{
	struct strbuf buf = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		strbuf_addf(&buf, "%c", (char)('a' + i % 26));
		assert_int_equal(strlen(buf.data), i + 1);
	}
	assert_int_equal(buf.len, 10000);
	assert_int_equal(buf.data[9999], 'a' + 9999 % 26);
	strbuf_clear(&buf);
	assert_string_equal(strbuf_text(&buf), "");
	strbuf_adds(&buf, "x");
	assert_string_equal(strbuf_text(&buf), "x");
	strbuf_release(&buf);
}

static void
printable_text_can_not_drive_a_terminal(void **state)
{
	struct strbuf buf = { 0 };

	(void)state;
	strbuf_add_printable(&buf, "a\nb\tc\x1b[2J\x7f\r gr\xc3\xbc\xc3\x9f");
	assert_string_equal(strbuf_text(&buf),
			    "a\\nb\\tc\\x1b[2J\\x7f\\x0d gr\xc3\xbc\xc3\x9f");
	strbuf_release(&buf);
}

/* U+009B is ESC [ to a terminal; U+202E turns the rest of the line. */
static void
printable_text_is_valid_and_reads_in_one_direction(void **state)
{
	struct strbuf buf = { 0 };

	(void)state;
	strbuf_add_printable(&buf,
			     "\xc2\x9b"
			     "2J \xe2\x80\xaego.exe\xe2\x81\xa6 \xff\xc3");
	assert_string_equal(strbuf_text(&buf),
			    "\\xc2\\x9b2J \\xe2\\x80\\xaego.exe"
			    "\\xe2\\x81\\xa6 \\xff\\xc3");
	strbuf_clear(&buf);
	strbuf_add_printable(&buf, "\xc2\xa0\xe2\x80\x9cx\xe2\x80\x9d");
	assert_string_equal(strbuf_text(&buf),
			    "\xc2\xa0\xe2\x80\x9cx\xe2\x80\x9d");
	strbuf_release(&buf);
}

static void
error_is_one_line_with_file_and_offset(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(err_at(&err, ERR_CORRUPT, "a\nb", 77, "bad %d", 5),
			 -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_true(err.has_offset);
	assert_int_equal(err.offset, 77);
	assert_string_equal(err.text,
			    "'a\\nb': bad 5 at byte 77 (uncompressed)");
	assert_int_equal(err_set(&err, ERR_OPEN, "%02000d", 1), -1);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_false(err.has_offset);
}

static void
bytes_are_powers_of_1024(void **state)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0 B" },
		{ 1023, "+1023 B" },
		{ -1, "-1 B" },
		{ 1024, "+1.0 KiB" },
		{ 1536, "+1.5 KiB" },
		{ 1048575, "+1.0 MiB" },
		{ 1048524, "+1023.9 KiB" },
		{ -12897484, "-12.3 MiB" },
		{ INT64_MAX, "+8.0 EiB" },
		{ INT64_MIN, "-8.0 EiB" },
	};
	struct strbuf buf = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strbuf_clear(&buf);
		format_bytes(&buf, cases[i].bytes, true);
		assert_string_equal(strbuf_text(&buf), cases[i].text);
	}
	strbuf_release(&buf);
}

static void
counts_have_separators(void **state)
{
	struct strbuf buf = { 0 };

	(void)state;
	format_count(&buf, 0, true);
	strbuf_addc(&buf, ' ');
	format_count(&buf, 999, false);
	strbuf_addc(&buf, ' ');
	format_count(&buf, 1000, true);
	strbuf_addc(&buf, ' ');
	format_count(&buf, -1234567, false);
	strbuf_addc(&buf, ' ');
	format_count(&buf, INT64_MIN, false);
	assert_string_equal(strbuf_text(&buf), "0 999 +1,000 -1,234,567 "
					       "-9,223,372,036,854,775,808");
	strbuf_release(&buf);
}

static void
thinning_is_a_share_of_blocks(void **state)
{
	struct strbuf buf = { 0 };

	(void)state;
	format_thinning(&buf, 3);
	strbuf_adds(&buf, "; ");
	format_thinning(&buf, 63);
	strbuf_adds(&buf, "; ");
	/* No shift of a 64-bit number by 64. */
	format_thinning(&buf, 64);
	assert_string_equal(
		strbuf_text(&buf),
		"1 block of 8 since the memory cap was met: estimates; "
		"1 block of 9,223,372,036,854,775,808 since the memory cap was "
		"met: estimates; "
		"1 block of 2^64 since the memory cap was met: estimates");
	strbuf_release(&buf);
}

static void
durations_have_two_units_at_most(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "0.0 s" },
		{ 3440000000, "3.4 s" },
		{ 9950000000, "10 s" },
		{ 34400000000, "34 s" },
		{ 119400000000, "119 s" },
		{ 303000000000, "5 min 3 s" },
		{ 7500000000000, "2 h 5 min" },
		{ 273600000000000, "3 d 4 h" },
	};
	struct strbuf buf = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strbuf_clear(&buf);
		format_duration(&buf, cases[i].ns);
		assert_string_equal(strbuf_text(&buf), cases[i].text);
	}
	strbuf_clear(&buf);
	format_time(&buf, 1700000010999999999);
	assert_string_equal(strbuf_text(&buf), "2023-11-14 22:13:30 UTC");
	strbuf_clear(&buf);
	format_time(&buf, UINT64_MAX);
	assert_string_equal(strbuf_text(&buf), "2554-07-21 23:34:33 UTC");
	strbuf_release(&buf);
}

static void
share_never_rounds_to_none_or_all(void **state)
{
	struct strbuf buf = { 0 };

	(void)state;
	format_share(&buf, 1, 1000000);
	strbuf_addc(&buf, ' ');
	format_share(&buf, 999999, 1000000);
	strbuf_addc(&buf, ' ');
	format_share(&buf, 775, 1000);
	strbuf_addc(&buf, ' ');
	format_share(&buf, 5, 5);
	assert_string_equal(strbuf_text(&buf), "<1% >99% 78% 100%");
	strbuf_release(&buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_buffer_is_an_empty_text),
		cmocka_unit_test(descriptor_is_read_to_its_end_or_bound),
		cmocka_unit_test(grows_and_stays_terminated),
		cmocka_unit_test(printable_text_can_not_drive_a_terminal),
		cmocka_unit_test(
			printable_text_is_valid_and_reads_in_one_direction),
		cmocka_unit_test(error_is_one_line_with_file_and_offset),
		cmocka_unit_test(bytes_are_powers_of_1024),
		cmocka_unit_test(counts_have_separators),
		cmocka_unit_test(thinning_is_a_share_of_blocks),
		cmocka_unit_test(durations_have_two_units_at_most),
		cmocka_unit_test(share_never_rounds_to_none_or_all),
	};

	return cmocka_run_group_tests_name("strbuf", tests, NULL, NULL);
}
