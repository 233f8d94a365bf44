#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../analyzer/utf8.h"

static void
expect(const char *bytes, const char *repaired)
{
	char text[64];

	snprintf(text, sizeof(text), "%s", bytes);
	utf8_repair(text);
	assert_string_equal(text, repaired);
}

static void
valid_text_stays(void **state)
{
	(void)state;
	expect("", "");
	expect("plain \x01 text\x7f", "plain \x01 text\x7f");
	expect("\xc2\x80 \xc3\xa9 \xdf\xbf", "\xc2\x80 \xc3\xa9 \xdf\xbf");
	expect("\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf",
	       "\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf");
	expect("\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf",
	       "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf");
}

static void
cut_sequences_are_replaced(void **state)
{
	(void)state;
	expect("\xc3", "?");
	expect("\xe2\x82", "??");
	expect("\xf0\x90\x80", "???");
	expect("\xc3 \xe2\x82 a", "? ?? a");
}

static void
stray_and_forbidden_bytes_are_replaced(void **state)
{
	(void)state;
	expect("a\x80z\xff", "a?z?");
	/* overlong, surrogates, beyond Unicode */
	expect("\xc0\xaf", "??");
	expect("\xe0\x9f\xbf", "???");
	expect("\xf0\x8f\xbf\xbf", "????");
	expect("\xed\xa0\x80", "???");
	expect("\xf4\x90\x80\x80", "????");
	expect("\xf5\x80\x80\x80", "????");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_text_stays),
		cmocka_unit_test(cut_sequences_are_replaced),
		cmocka_unit_test(stray_and_forbidden_bytes_are_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
