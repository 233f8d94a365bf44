#include "wildcard.h"

#include <string.h>

/* One element of a glob at *glob, moved past it, against one character. */
static bool
match_one(const char **glob, char c)
{
	const char *g = *glob;
	/* A ']' right after the '[' is itself an element. */
	const char *end = g[0] == '[' && g[1] != '\0' ? strchr(g + 2, ']')
						      : NULL;
	bool negated;
	bool found = false;

	if (*g == '\0' || c == '\0')
		return false;
	if (end == NULL) {
		*glob = g + 1;
		return *g == '?' || *g == c;
	}
	negated = g[1] == '!' || g[1] == '^';
	for (g += negated ? 2 : 1; g < end; g++) {
		char low = *g;

		if (g[1] == '-' && g + 2 < end)
			g += 2;
		if (c >= low && c <= *g)
			found = true;
	}
	*glob = end + 1;
	return found != negated;
}

bool
lks_wildcard_matches(const char *glob, const char *text)
{
	const char *star = NULL;
	const char *star_text = NULL;

	/* On a mismatch let the last star take one character more. */
	while (*text != '\0' || *glob != '\0') {
		if (*glob == '*') {
			star = ++glob;
			star_text = text;
		} else if (!match_one(&glob, *text)) {
			if (star == NULL || *star_text == '\0')
				return false;
			glob = star;
			text = ++star_text;
		} else {
			text++;
		}
	}
	return true;
}
