#include "opts_rows.h"

#include <string.h>

#include "../proto/defaults.h"
#include "msg.h"
#include "opts.h"
#include "sys.h"
#include "values.h"

static bool
parse_path(const char *text, char *out)
{
	return *text != '\0' && lks_copy_text(NULL, 0, text) < LKS_PATH_BYTES &&
	       lks_copy_text(out, LKS_PATH_BYTES, text) > 0;
}

static void
print_path(char *out, size_t cap, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n + 2 < cap; text++) {
		if (*text == ',')
			out[n++] = '\\';
		out[n++] = *text;
	}
	out[n] = '\0';
}

static bool
parse_out(const char *text)
{
	return parse_path(text, lks_opts.out);
}

static void
print_out(char *out, size_t cap)
{
	print_path(out, cap, lks_opts.out);
}

static bool
parse_user_signal(const char *text)
{
	return lks_value_signal(text, &lks_opts.signal);
}

static void
print_user_signal(char *out, size_t cap)
{
	lks_value_print_signal(out, cap, lks_opts.signal);
}

static bool
parse_bell(const char *text)
{
	if (strcmp(text, "auto") == 0) {
		lks_opts.bell = -1;
		return true;
	}
	return lks_value_signal(text, &lks_opts.bell);
}

static void
print_bell(char *out, size_t cap)
{
	if (lks_opts.bell < 0)
		lks_copy_text(out, cap, "auto");
	else
		lks_value_print_signal(out, cap, lks_opts.bell);
}

static bool
parse_interval(const char *text)
{
	return lks_value_duration(text, &lks_opts.interval_ns);
}

static void
print_interval(char *out, size_t cap)
{
	lks_value_print_duration(out, cap, lks_opts.interval_ns);
}

/* The next of several words joined by '+', cut out of `text`. */
static char *
next_word(char **text)
{
	char *word = *text;
	char *plus = word != NULL ? strchr(word, '+') : NULL;

	*text = plus != NULL ? plus + 1 : NULL;
	if (plus != NULL)
		*plus = '\0';
	return word;
}

static bool
parse_on(const char *text)
{
	char words[128];
	char *rest = words;
	char *word;
	bool at_exit = false;
	uint64_t grow = 0;
	uint64_t limit = 0;

	if (lks_copy_text(words, sizeof(words), text) >= sizeof(words))
		return false;
	while ((word = next_word(&rest)) != NULL) {
		size_t length = strlen(word);

		if (strcmp(word, "exit") == 0) {
			at_exit = true;
		} else if (strncmp(word, "grow:", 5) == 0) {
			if (!lks_value_size(word + 5, 1, INT64_MAX, &grow))
				return false;
		} else if (strncmp(word, "limit:", 6) == 0 &&
			   word[length - 1] == '%') {
			word[length - 1] = '\0';
			if (!lks_value_count(word + 6, 1, 100, &limit))
				return false;
		} else if (strcmp(text, "none") != 0) {
			return false;
		}
	}
	lks_opts.on_exit = at_exit;
	lks_opts.on_grow_bytes = grow;
	lks_opts.on_limit_percent = (uint32_t)limit;
	return true;
}

static void
print_on(char *out, size_t cap)
{
	char size[32];
	const char *plus = "";
	size_t n = 0;

	out[0] = '\0';
	if (lks_opts.on_exit) {
		n = lks_format(out, cap, "exit");
		plus = "+";
	}
	if (lks_opts.on_grow_bytes != 0) {
		lks_value_print_size(size, sizeof(size),
				     lks_opts.on_grow_bytes);
		n += lks_format(out + n, cap - n, "%sgrow:%s", plus, size);
		plus = "+";
	}
	if (lks_opts.on_limit_percent != 0)
		n += lks_format(out + n, cap - n, "%slimit:%u%%", plus,
				lks_opts.on_limit_percent);
	if (n == 0)
		lks_copy_text(out, cap, "none");
}

static bool
parse_sample(const char *text)
{
	return lks_value_size(text, 1, LKS_SAMPLE_MAX, &lks_opts.sample);
}

static void
print_sample(char *out, size_t cap)
{
	lks_value_print_size(out, cap, lks_opts.sample);
}

static bool
parse_depth(const char *text)
{
	uint64_t depth;

	if (!lks_value_count(text, 1, LKS_DEPTH_MAX, &depth))
		return false;
	lks_opts.depth = (uint32_t)depth;
	return true;
}

static void
print_depth(char *out, size_t cap)
{
	lks_format(out, cap, "%u", lks_opts.depth);
}

static bool
parse_unwind(const char *text)
{
	static const enum lks_unwind_kind kinds[] = {
		LKS_UNWIND_CFI,
		LKS_UNWIND_FP,
		LKS_UNWIND_LIBUNWIND,
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(text, lks_unwind_name(kinds[i])) == 0) {
			lks_opts.unwind = kinds[i];
			return true;
		}
	}
	return false;
}

static void
print_unwind(char *out, size_t cap)
{
	lks_copy_text(out, cap, lks_unwind_name(lks_opts.unwind));
}

static bool
parse_memory(const char *text)
{
	return lks_value_size(text, LKS_MEMORY_MIN, INT64_MAX,
			      &lks_opts.memory);
}

static void
print_memory(char *out, size_t cap)
{
	lks_value_print_size(out, cap, lks_opts_memory());
}

static bool
parse_keep(const char *text)
{
	uint64_t keep;

	if (!lks_value_count(text, 2, LKS_KEEP_MAX, &keep))
		return false;
	lks_opts.keep = (uint32_t)keep;
	return true;
}

static void
print_keep(char *out, size_t cap)
{
	lks_format(out, cap, "%u", lks_opts.keep);
}

static bool
parse_only(const char *text)
{
	/* As the default is called. */
	if (strcmp(text, "all") == 0) {
		lks_opts.only[0] = '\0';
		return true;
	}
	return parse_path(text, lks_opts.only);
}

static void
print_only(char *out, size_t cap)
{
	print_path(out, cap, lks_opts.only[0] == '\0' ? "all" : lks_opts.only);
}

static bool
parse_follow(const char *text)
{
	bool none = strcmp(text, "none") == 0;
	bool follow_fork = strcmp(text, "fork") == 0;
	bool follow_exec = strcmp(text, "exec") == 0;

	if (strcmp(text, "fork,exec") == 0 || strcmp(text, "fork+exec") == 0 ||
	    strcmp(text, "exec,fork") == 0 || strcmp(text, "exec+fork") == 0) {
		follow_fork = true;
		follow_exec = true;
	}
	if (!none && !follow_fork && !follow_exec)
		return false;
	lks_opts.follow_fork = follow_fork;
	lks_opts.follow_exec = follow_exec;
	return true;
}

static void
print_follow(char *out, size_t cap)
{
	lks_copy_text(out, cap,
		      lks_opts.follow_fork && lks_opts.follow_exec ? "fork+exec"
		      : lks_opts.follow_fork                       ? "fork"
		      : lks_opts.follow_exec                       ? "exec"
								   : "none");
}

/* A word for each of the two values of a flag. */
static bool
parse_flag(const char *text, const char *no, const char *yes, bool *out)
{
	if (strcmp(text, no) != 0 && strcmp(text, yes) != 0)
		return false;
	*out = strcmp(text, yes) == 0;
	return true;
}

static bool
parse_start(const char *text)
{
	return parse_flag(text, "on", "off", &lks_opts.start_off);
}

static void
print_start(char *out, size_t cap)
{
	lks_copy_text(out, cap, lks_opts.start_off ? "off" : "on");
}

static bool
parse_ledger(const char *text)
{
	return parse_flag(text, "normal", "deep", &lks_opts.deep);
}

static void
print_ledger(char *out, size_t cap)
{
	lks_copy_text(out, cap, lks_opts.deep ? "deep" : "normal");
}

static bool
parse_log(const char *text)
{
	return parse_path(text, lks_opts.log);
}

static void
print_log(char *out, size_t cap)
{
	print_path(out, cap, lks_opts.log);
}

static bool
parse_seed(const char *text)
{
	return lks_value_count(text, 0, UINT64_MAX, &lks_opts.seed);
}

static void
print_seed(char *out, size_t cap)
{
	lks_format(out, cap, "%lu", (unsigned long)lks_opts.seed);
}

const struct lks_opts_row lks_opts_rows[] = {
	{ "out", parse_out, print_out, "a path" },
	{ "signal", parse_user_signal, print_user_signal,
	  "a signal that can be taken, or none" },
	{ "bell", parse_bell, print_bell,
	  "a signal that can be taken, auto, or none" },
	{ "interval", parse_interval, print_interval, "30s, 5m, 8h or 0" },
	{ "on", parse_on, print_on, "exit, grow:SIZE, limit:N% joined by +" },
	{ "sample", parse_sample, print_sample, "1 or a size up to 1T" },
	{ "depth", parse_depth, print_depth, "1 to 256" },
	{ "unwind", parse_unwind, print_unwind, "cfi, fp or libunwind" },
	{ "memory", parse_memory, print_memory, "a size of 8M or more" },
	{ "keep", parse_keep, print_keep, "2 to 4096" },
	{ "only", parse_only, print_only, "a glob" },
	{ "follow", parse_follow, print_follow, "fork, exec, both or none" },
	{ "start", parse_start, print_start, "on or off" },
	{ "ledger", parse_ledger, print_ledger, "normal or deep" },
	{ "log", parse_log, print_log, "a path" },
	{ "seed", parse_seed, print_seed, "a number" },
};

const uint32_t lks_opts_row_count =
	sizeof(lks_opts_rows) / sizeof(lks_opts_rows[0]);
