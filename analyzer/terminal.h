/*
 * What the place that a report goes to can show. Asks the environment and the
 * kernel, no library: no locale is set, no terminal database read.
 */
#pragma once

#include <stdbool.h>

enum color_mode { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/*
 * Colour for what is written to `fd`? By COLOR_AUTO if it is a terminal, TERM
 * isn't "dumb", and NO_COLOR is unset or empty (https://no-color.org).
 */
bool terminal_has_color(int fd, enum color_mode mode);

/* Columns of a terminal: those of COLUMNS, else what the kernel says. 0: any
 * number, as it is no terminal; but colour that was asked for is taken for
 * one behind a pipe, whose width COLUMNS knows. */
unsigned int terminal_width(int fd, enum color_mode mode);

/* Does the environment's locale write UTF-8? LC_ALL, LC_CTYPE, LANG: the
 * first that is set and not empty tells. */
bool terminal_is_utf8(void);
