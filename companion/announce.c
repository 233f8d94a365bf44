#include "announce.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../analyzer/xalloc.h"
#include "naming.h"
#include "overlay.h"

/* A word as the shell takes it; `*` stays a wildcard. */
static void
add_word(struct strbuf *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_@%+=:,./-*";

	if (*word && !word[strspn(word, plain)]) {
		strbuf_adds(out, word);
		return;
	}
	strbuf_addc(out, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			strbuf_adds(out, "'\\''");
		else if (*word == '*')
			strbuf_adds(out, "'*'");
		else
			strbuf_addc(out, *word);
	}
	strbuf_addc(out, '\'');
}

/* leakshim or leakdiff, as the user called the one we are. */
static void
add_tool(struct strbuf *out, const char *name)
{
	const char *self = program_invocation_name;
	const char *slash = strrchr(self, '/');
	struct strbuf path = { 0 };

	if (slash)
		strbuf_add(&path, self, (size_t)(slash - self) + 1);
	strbuf_adds(&path, name);
	add_word(out, strbuf_text(&path));
	strbuf_release(&path);
}

static void
end_line(struct strbuf *out, struct strbuf *line)
{
	strbuf_adds(out, "leakshim: ");
	strbuf_add_printable(out, strbuf_text(line));
	strbuf_addc(out, '\n');
	strbuf_clear(line);
}

static void
add_snapshot(struct strbuf *line, const struct naming *naming,
	     const char *number)
{
	char *path = naming_path(naming, getpid(), number);

	strbuf_addc(line, ' ');
	add_word(line, path);
	free(path);
}

/* The word that kill(1) takes for the user's signal; NULL: there is none. */
static char *
signal_word(const char *options)
{
	char *signal = overlay_get(options, "signal");

	if (!signal || !*signal) {
		free(signal);
		return xstrdup("USR2");
	}
	if (!strcmp(signal, "none")) {
		free(signal);
		return NULL;
	}
	return signal;
}

/* How to take a snapshot, or what a dormant program needs first. */
static void
add_how(struct strbuf *text, struct strbuf *line, const char *options)
{
	char *start = overlay_get(options, "start");
	char *bell = overlay_get(options, "bell");
	char *signal = signal_word(options);
	bool dormant = start && !strcmp(start, "off");

	if (bell && !strcmp(bell, "none") && signal) {
		strbuf_addf(line, "%s kill -%s %d",
			    dormant ? "start it: " : "take one: ", signal,
			    (int)getpid());
		if (dormant)
			strbuf_adds(line, " (the first one starts tracking, "
					  "the next ones take snapshots)");
	} else {
		strbuf_adds(line, dormant ? "start it:  " : "take one:  ");
		add_tool(line, "leakshim");
		strbuf_addf(line, " %s %d", dormant ? "start" : "snapshot",
			    (int)getpid());
	}
	end_line(text, line);
	free(signal);
	free(bell);
	free(start);
}

/* Then there will be more than two of them. */
static bool
is_periodic(const char *options)
{
	char *interval = overlay_get(options, "interval");
	bool result = interval && *interval && strcmp(interval, "0") != 0;

	free(interval);
	return result;
}

void
announce_text(struct strbuf *text, const char *options, const char *program)
{
	struct strbuf line = { 0 };
	struct naming naming;
	char *path;

	naming_init(&naming, options, program);
	path = naming_path(&naming, getpid(), "N");
	strbuf_addf(&line, "snapshots: %s", path);
	if (naming.elsewhere)
		strbuf_adds(&line, " (where you asked for them is not "
				   "writable)");
	end_line(text, &line);

	add_how(text, &line, options);
	strbuf_adds(&line, "compare:   ");
	add_tool(&line, "leakdiff");
	if (is_periodic(options) && naming_is_numbered(&naming)) {
		add_snapshot(&line, &naming, "*");
	} else {
		add_snapshot(&line, &naming, "1");
		add_snapshot(&line, &naming, "2");
	}
	end_line(text, &line);

	strbuf_release(&line);
	free(path);
	naming_release(&naming);
}
