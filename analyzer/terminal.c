#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "parse.h"

/* Narrower ones break every line, and wider ones are a mistake. */
#define TERMINAL_WIDTH_MIN 40
#define TERMINAL_WIDTH_MAX 1000

static bool
is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

bool
terminal_has_color(int fd, enum color_mode mode)
{
	const char *term = getenv("TERM");

	if (mode != COLOR_AUTO)
		return mode == COLOR_ALWAYS;
	return isatty(fd) && !is_set("NO_COLOR") &&
	       (!term || strcmp(term, "dumb") != 0);
}

unsigned int
terminal_width(int fd, enum color_mode mode)
{
	const char *columns = getenv("COLUMNS");
	uint64_t width = 0;
	struct winsize size;
	bool is_terminal = isatty(fd);

	if (!is_terminal && mode != COLOR_ALWAYS)
		return 0;
	if (!columns || !parse_count(columns, &width))
		width = 0;
	if (width == 0 && is_terminal && ioctl(fd, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	if (width == 0)
		return 0;
	if (width < TERMINAL_WIDTH_MIN)
		return TERMINAL_WIDTH_MIN;
	return width > TERMINAL_WIDTH_MAX ? TERMINAL_WIDTH_MAX
					  : (unsigned int)width;
}

bool
terminal_is_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *locale;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		locale = getenv(names[i]);
		if (locale && *locale)
			return strcasestr(locale, "utf-8") ||
			       strcasestr(locale, "utf8");
	}
	return false;
}
