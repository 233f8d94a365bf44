/*
 * The text of LEAKSHIM=: items between commas, key and value. What a value
 * means is opts_rows.c's.
 */
#include "opts.h"

#include <signal.h>
#include <string.h>

#include "ident.h"
#include "msg.h"
#include "opts_rows.h"
#include "sys.h"
#include "wildcard.h"

/* Longest value: a path in which every byte was escaped. */
#define VALUE_BYTES (2 * LKS_PATH_BYTES)

struct lks_opts lks_opts;

static void
set_defaults(void)
{
	lks_opts = (struct lks_opts){
		.out = LKS_OUT_DEFAULT,
		.signal = SIGUSR2,
		.bell = -1,
		.sample = 1,
		.depth = LKS_DEPTH_DEFAULT,
		.unwind = LKS_UNWIND_CFI,
		.keep = 100,
		.follow_fork = true,
		.follow_exec = true,
	};
}

static void
set(const char *key, const char *value)
{
	for (uint32_t i = 0; i < lks_opts_row_count; i++) {
		if (strcmp(key, lks_opts_rows[i].key) != 0)
			continue;
		if (!lks_opts_rows[i].parse(value))
			lks_msg("bad value '%s' of %s: wanted %s", value, key,
				lks_opts_rows[i].wanted);
		return;
	}
	lks_msg("unknown option '%s'", key);
}

/*
 * Cuts the next item off `text`: up to a comma that is not escaped. Returns
 * what follows, NULL at the end. Too long an item is cut, which only a value
 * longer than any path can be.
 */
static const char *
next_item(const char *text, char *out, size_t cap)
{
	size_t n = 0;

	for (; *text != '\0' && *text != ','; text++) {
		if (text[0] == '\\' && text[1] == ',')
			text++;
		if (n + 1 < cap)
			out[n++] = *text;
	}
	out[n] = '\0';
	return *text == ',' ? text + 1 : NULL;
}

/* follow=fork,exec is how people write it, though a comma ends a value: a
 * bare fork or exec right after follow= belongs to it. */
static const char *
continue_follow(const char *rest, char *item, size_t cap)
{
	char word[8];
	const char *after;

	if (rest == NULL || strncmp(item, "follow=", 7) != 0)
		return rest;
	after = next_item(rest, word, sizeof(word));
	if (strcmp(word, "fork") != 0 && strcmp(word, "exec") != 0)
		return rest;
	lks_format(item + strlen(item), cap - strlen(item), "+%s", word);
	return after;
}

void
lks_opts_parse(const char *text)
{
	/* Not on the stack: the constructor may run on a small one. */
	static char item[VALUE_BYTES];

	set_defaults();
	while (text != NULL) {
		char *equals;

		text = next_item(text, item, sizeof(item));
		text = continue_follow(text, item, sizeof(item));
		equals = strchr(item, '=');
		if (item[0] == '\0')
			continue;
		if (equals == NULL) {
			lks_msg("option '%s' has no value", item);
			continue;
		}
		*equals = '\0';
		set(item, equals + 1);
	}
	if (lks_opts.bell > 0 && lks_opts.bell == lks_opts.signal) {
		lks_msg("bell and signal are the same signal: "
			"another bell is taken");
		lks_opts.bell = -1;
	}
}

uint64_t
lks_opts_memory(void)
{
	uint64_t share = lks_ident.memory_limit_bytes / LKS_MEMORY_SHARE;

	if (lks_opts.memory != 0)
		return lks_opts.memory;
	if (share == 0 || share > LKS_MEMORY_DEFAULT)
		return LKS_MEMORY_DEFAULT;
	return share < LKS_MEMORY_MIN ? LKS_MEMORY_MIN : share;
}

uint32_t
lks_opts_count(void)
{
	return lks_opts_row_count;
}

const char *
lks_opts_get(uint32_t i, char *value, size_t cap)
{
	lks_opts_rows[i].print(value, cap);
	return lks_opts_rows[i].key;
}

bool
lks_opts_tracks(const char *exe)
{
	const char *slash = strrchr(exe, '/');

	return lks_opts.only[0] == '\0' ||
	       lks_wildcard_matches(lks_opts.only,
				    slash != NULL ? slash + 1 : exe);
}
