/* Numbers as people read them. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../companion/human.h"

static void
assert_bytes(uint64_t bytes, const char *expected)
{
	char text[HUMAN_BYTES];

	human_bytes(text, bytes);
	assert_string_equal(text, expected);
}

static void
sizes_are_powers_of_1024(void **state)
{
	(void)state;
	assert_bytes(0, "0 B");
	assert_bytes(1, "1 B");
	assert_bytes(1023, "1023 B");
	assert_bytes(1024, "1.0 KiB");
	assert_bytes(1536, "1.5 KiB");
	assert_bytes((1 << 20) - 1, "1.0 MiB");
	assert_bytes(3ull << 30, "3.0 GiB");
	/* As leakdiff prints it: halves are rounded up. */
	assert_bytes(1280, "1.3 KiB");
	assert_bytes(UINT64_MAX, "8.0 EiB");
}

static void
assert_duration(uint64_t ns, const char *expected)
{
	char text[HUMAN_BYTES];

	human_duration(text, ns);
	assert_string_equal(text, expected);
}

static void
durations_have_two_units_at_most(void **state)
{
	const uint64_t s = 1000000000;

	(void)state;
	assert_duration(0, "0 ns");
	assert_duration(999, "999 ns");
	assert_duration(1500, "1.5 us");
	assert_duration(2500000, "2.5 ms");
	assert_duration(42 * s, "42.0 s");
	assert_duration(185 * s, "3 min 5 s");
	assert_duration(7620 * s, "2 h 7 min");
	assert_duration(788400 * s, "9 d 3 h");
	assert_duration(UINT64_MAX, "213503 d 23 h");
}

static void
assert_signal(uint64_t number, const char *expected)
{
	char text[HUMAN_SIGNAL_BYTES];

	human_signal(text, number);
	assert_string_equal(text, expected);
}

static void
signals_are_named_as_kill_takes_them(void **state)
{
	(void)state;
	assert_signal(SIGUSR2, "USR2");
	assert_signal((uint64_t)SIGRTMIN, "RTMIN+0");
	assert_signal((uint64_t)SIGRTMIN + 5, "RTMIN+5");
	assert_signal(33, "33");
	assert_signal(0, "0");
	assert_signal(4000000000, "4000000000");
}

static void
assert_end(int status, const char *expected)
{
	char text[HUMAN_END_BYTES];

	human_end(text, status);
	assert_string_equal(text, expected);
}

static void
ends_are_told_with_status_or_signal(void **state)
{
	(void)state;
	assert_end(0, "exit status 0");
	assert_end(7 << 8, "exit status 7");
	assert_end(SIGSEGV, "signal 11 (Segmentation fault)");
	assert_end(SIGSEGV | 0x80, "signal 11 (Segmentation fault)");
	assert_end(SIGRTMIN + 1, "signal 35 (unknown)");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_powers_of_1024),
		cmocka_unit_test(durations_have_two_units_at_most),
		cmocka_unit_test(signals_are_named_as_kill_takes_them),
		cmocka_unit_test(ends_are_told_with_status_or_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
