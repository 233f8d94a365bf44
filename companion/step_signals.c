#include "step_signals.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "../analyzer/parse.h"

/* "RTMIN+3" */
static bool
parse_real_time(const char *text, int *number)
{
	uint64_t offset = 0;
	bool from_max = !strncasecmp(text, "RTMAX", 5);

	if (!from_max && strncasecmp(text, "RTMIN", 5) != 0)
		return false;
	if (text[5]) {
		if (text[5] != (from_max ? '-' : '+') ||
		    !parse_count(text + 6, &offset) ||
		    offset > (uint64_t)(SIGRTMAX - SIGRTMIN))
			return false;
	}
	*number = from_max ? SIGRTMAX - (int)offset : SIGRTMIN + (int)offset;
	return true;
}

bool
step_signals_parse(const char *text, int *number)
{
	const char *name;
	uint64_t count;
	int i;

	if (parse_count(text, &count)) {
		*number = (int)count;
		return count >= 1 && count <= (uint64_t)SIGRTMAX;
	}
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	for (i = 1; i < SIGRTMIN; i++) {
		name = sigabbrev_np(i);
		if (name && !strcasecmp(name, text)) {
			*number = i;
			return true;
		}
	}
	return parse_real_time(text, number);
}
