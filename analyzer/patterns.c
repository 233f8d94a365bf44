#include "patterns.h"

#include <stdlib.h>

#include "err.h"
#include "xalloc.h"

int
patterns_add(struct patterns *patterns, const char *regex, struct err *err)
{
	regex_t *compiled = xmalloc(sizeof(*compiled));
	char reason[256];
	int code = regcomp(compiled, regex, REG_EXTENDED | REG_NOSUB);

	if (code) {
		regerror(code, compiled, reason, sizeof(reason));
		free(compiled);
		return err_set(err, ERR_PATTERN,
			       "bad regular expression '%s': %s", regex,
			       reason);
	}
	patterns->list = xgrow(patterns->list, &patterns->capacity,
			       patterns->count + 1, sizeof(compiled));
	patterns->list[patterns->count++] = compiled;
	return 0;
}

bool
patterns_match(const struct patterns *patterns, const char *text)
{
	size_t i;

	for (i = 0; i < patterns->count; i++) {
		if (regexec(patterns->list[i], text, 0, NULL, 0) == 0)
			return true;
	}
	return false;
}

void
patterns_release(struct patterns *patterns)
{
	size_t i;

	for (i = 0; i < patterns->count; i++) {
		regfree(patterns->list[i]);
		free(patterns->list[i]);
	}
	free(patterns->list);
	*patterns = (struct patterns){ 0 };
}
