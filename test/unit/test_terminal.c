/* What a report may look like, by where it goes and the environment. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../analyzer/terminal.h"

/* A terminal of 120 columns, and none. */
struct places {
	int terminal; /* the program's end */
	int master;
	int file;
};

static struct places places;

static int
set_up(void **state)
{
	const struct winsize size = { .ws_row = 50, .ws_col = 120 };

	(void)state;
	places.master = posix_openpt(O_RDWR | O_NOCTTY);
	if (places.master < 0 || grantpt(places.master) ||
	    unlockpt(places.master))
		return -1;
	places.terminal = open(ptsname(places.master), O_RDWR | O_NOCTTY);
	places.file = open("/dev/null", O_WRONLY);
	return places.terminal < 0 || places.file < 0 ||
	       ioctl(places.terminal, TIOCSWINSZ, &size);
}

static int
tear_down(void **state)
{
	(void)state;
	close(places.terminal);
	close(places.master);
	close(places.file);
	return 0;
}

static int
forget(void **state)
{
	(void)state;
	unsetenv("NO_COLOR");
	unsetenv("TERM");
	unsetenv("COLUMNS");
	unsetenv("LC_ALL");
	unsetenv("LC_CTYPE");
	unsetenv("LANG");
	return 0;
}

static void
colour_is_for_terminals_that_want_it(void **state)
{
	(void)state;
	assert_true(terminal_has_color(places.terminal, COLOR_AUTO));
	assert_false(terminal_has_color(places.file, COLOR_AUTO));
	assert_false(terminal_has_color(-1, COLOR_AUTO));
	setenv("TERM", "xterm", 1);
	setenv("NO_COLOR", "", 1);
	assert_true(terminal_has_color(places.terminal, COLOR_AUTO));
	setenv("NO_COLOR", "0", 1);
	assert_false(terminal_has_color(places.terminal, COLOR_AUTO));
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	assert_false(terminal_has_color(places.terminal, COLOR_AUTO));
}

static void
who_asks_for_colour_gets_it(void **state)
{
	(void)state;
	setenv("NO_COLOR", "1", 1);
	setenv("TERM", "dumb", 1);
	assert_true(terminal_has_color(places.file, COLOR_ALWAYS));
	assert_false(terminal_has_color(places.terminal, COLOR_NEVER));
}

static void
width_is_the_terminals_unless_columns_says_otherwise(void **state)
{
	(void)state;
	assert_int_equal(terminal_width(places.terminal, COLOR_AUTO), 120);
	assert_int_equal(terminal_width(places.terminal, COLOR_NEVER), 120);
	setenv("COLUMNS", "90", 1);
	assert_int_equal(terminal_width(places.terminal, COLOR_AUTO), 90);
	assert_int_equal(terminal_width(places.file, COLOR_AUTO), 0);
	assert_int_equal(terminal_width(-1, COLOR_AUTO), 0);
	assert_int_equal(terminal_width(places.file, COLOR_ALWAYS), 90);
	setenv("COLUMNS", "9x", 1);
	assert_int_equal(terminal_width(places.terminal, COLOR_AUTO), 120);
	assert_int_equal(terminal_width(places.file, COLOR_ALWAYS), 0);
	setenv("COLUMNS", "1", 1);
	assert_int_equal(terminal_width(places.terminal, COLOR_AUTO), 40);
	setenv("COLUMNS", "18446744073709551615", 1);
	assert_int_equal(terminal_width(places.terminal, COLOR_AUTO), 1000);
}

static void
the_first_locale_that_is_set_tells_the_encoding(void **state)
{
	(void)state;
	assert_false(terminal_is_utf8());
	setenv("LANG", "de_DE.UTF-8", 1);
	assert_true(terminal_is_utf8());
	setenv("LC_CTYPE", "C", 1);
	assert_false(terminal_is_utf8());
	setenv("LC_ALL", "C.utf8", 1);
	assert_true(terminal_is_utf8());
	setenv("LC_ALL", "", 1);
	assert_false(terminal_is_utf8());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(colour_is_for_terminals_that_want_it,
				       forget),
		cmocka_unit_test_setup(who_asks_for_colour_gets_it, forget),
		cmocka_unit_test_setup(
			width_is_the_terminals_unless_columns_says_otherwise,
			forget),
		cmocka_unit_test_setup(
			the_first_locale_that_is_set_tells_the_encoding,
			forget),
	};

	return cmocka_run_group_tests_name("terminal", tests, set_up,
					   tear_down);
}
