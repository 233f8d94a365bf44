#include "parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The digits `text` begins with. *end is what follows. */
static bool
parse_digits(const char *text, uint64_t *count, const char **end)
{
	char *stop;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*count = strtoull(text, &stop, 10);
	*end = stop;
	return errno == 0;
}

bool
parse_count(const char *text, uint64_t *count)
{
	const char *end;

	return parse_digits(text, count, &end) && !*end;
}

bool
parse_size(const char *text, int64_t *bytes)
{
	static const char units[] = "KMGTPE";
	const char *end, *unit;
	unsigned int shift = 0;
	uint64_t count;

	if (!parse_digits(text, &count, &end))
		return false;
	unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	if (unit) {
		shift = 10 * (unsigned int)(unit - units + 1);
		end++;
		if (strcasecmp(end, "iB") == 0)
			end += 2;
	}
	if (strcasecmp(end, "B") == 0)
		end++;
	if (*end || count > (uint64_t)INT64_MAX >> shift)
		return false;
	*bytes = (int64_t)(count << shift);
	return true;
}

bool
parse_duration(const char *text, double *seconds)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = {
		{ "", 1 },     { "ms", 0.001 }, { "s", 1 },     { "m", 60 },
		{ "min", 60 }, { "h", 3600 },   { "d", 86400 },
	};
	const char *end;
	uint64_t count;
	size_t i;

	if (!parse_digits(text, &count, &end))
		return false;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].name) == 0) {
			*seconds = (double)count * units[i].seconds;
			return true;
		}
	}
	return false;
}
