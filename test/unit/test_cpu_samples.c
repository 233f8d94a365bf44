/* Samples as they are counted, and what the analyzer gets of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../companion/cpu_samples.h"

static void
same_stacks_are_one_row(void **state)
{
	const uint64_t a[] = { 0x1000, 0x2000, 0x3000 },
		       b[] = { 0x1000, 0x2000 };
	struct cpu_samples samples = { 0 };
	struct strbuf rows = { 0 };
	int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		cpu_samples_add(&samples, a, 3);
		if (i < 2)
			cpu_samples_add(&samples, b, 2);
	}
	/* Nobody knows where this one was. */
	cpu_samples_add(&samples, NULL, 0);
	assert_int_equal(samples.count, 8);
	cpu_samples_add_rows(&rows, &samples);
	assert_non_null(strstr(rows.data, "5 @ 0x1000 0x2000 0x3000\n"));
	assert_non_null(strstr(rows.data, "2 @ 0x1000 0x2000\n"));
	assert_non_null(strstr(rows.data, "1 @\n"));
	assert_int_equal(rows.len, strlen("5 @ 0x1000 0x2000 0x3000\n"
					  "2 @ 0x1000 0x2000\n1 @\n"));
	strbuf_release(&rows);
	cpu_samples_release(&samples);
}

static void
different_stacks_are_bounded(void **state)
{
	struct cpu_samples samples = { 0 };
	uint64_t code[64] = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 1000000 && !cpu_samples_full(&samples); i++) {
		code[0] = i;
		cpu_samples_add(&samples, code, 64);
	}
	/* 32 MiB of half a kilobyte each. */
	assert_in_range(i, 60000, 70000);
	cpu_samples_release(&samples);
	assert_false(cpu_samples_full(&samples));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_stacks_are_one_row),
		cmocka_unit_test(different_stacks_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
