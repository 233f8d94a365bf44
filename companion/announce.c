#include "announce.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../analyzer/xalloc.h"
#include "overlay.h"
#include "program.h"

/* As in the shim's table of options. */
#define DEFAULT_OUT "leakshim.%e.%p.%n.snap"

static void
add_host(struct strbuf *out)
{
	char host[HOST_NAME_MAX + 1] = "";

	gethostname(host, sizeof(host) - 1);
	strbuf_adds(out, host);
}

/* How files will be named: as preload/sink.c does it. */
struct naming {
	char *prefix;   /* taken as it is, "" or with a final '/'; owned */
	char *template; /* with % codes; owned */
	char *exe;      /* NULL if it can't be known before; owned */
	bool elsewhere; /* not where it was asked to be */
};

static bool
has_number(const char *template)
{
	const char *at;

	for (at = template; (at = strchr(at, '%')) && at[1]; at += 2)
		if (at[1] == 'n')
			return true;
	return false;
}

/*
 * The template as far as its codes are known now: the start time is not, nor
 * is the program's name if env(1) goes on to find it. A `*` stands for those,
 * so that the shell finds the file.
 */
static void
add_template(struct strbuf *out, const struct naming *naming,
	     const char *number)
{
	const char *at;

	for (at = naming->template; *at; at++) {
		if (*at != '%' || !at[1]) {
			strbuf_addc(out, *at);
			continue;
		}
		switch (*++at) {
		case 'e':
			strbuf_adds(out, naming->exe ? naming->exe : "*");
			break;
		case 'p':
			strbuf_addf(out, "%d", (int)getpid());
			break;
		case 'n':
			strbuf_adds(out, number);
			break;
		case 't':
			strbuf_addc(out, '*');
			break;
		case 'h':
			add_host(out);
			break;
		case '%':
			strbuf_addc(out, '%');
			break;
		default:
			strbuf_addc(out, '%');
			strbuf_addc(out, *at);
			break;
		}
	}
}

/* Path of the first snapshot, the second, or with number "N" of any. */
static char *
make_path(const struct naming *naming, const char *number)
{
	struct strbuf path = { 0 };

	strbuf_adds(&path, naming->prefix);
	add_template(&path, naming, number);
	/* Without %n the first has the very name that was asked for, and the
	 * second is the first that needs a number. */
	if (!has_number(naming->template) && !strcmp(number, "2"))
		strbuf_adds(&path, ".1");
	return strbuf_detach(&path);
}

static void
append(char **text, const char *more)
{
	struct strbuf joined = { 0 };

	strbuf_addf(&joined, "%s%s", *text, more);
	free(*text);
	*text = strbuf_detach(&joined);
}

/* out= may be a directory, and where it can't be written the shim takes
 * /tmp/leakshim-UID/ instead. */
static void
look_around(struct naming *naming)
{
	char *path = make_path(naming, "1"), *slash;
	struct strbuf other = { 0 };
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
		append(&naming->template, "/" DEFAULT_OUT);
		append(&path, "/");
	}
	slash = strrchr(path, '/');
	slash[slash == path] = '\0';
	naming->elsewhere = eaccess(path, W_OK | X_OK) < 0;
	free(path);
	if (!naming->elsewhere)
		return;
	slash = strrchr(naming->template, '/');
	if (slash)
		memmove(naming->template, slash + 1, strlen(slash));
	strbuf_addf(&other, "/tmp/leakshim-%u/", (unsigned int)geteuid());
	free(naming->prefix);
	naming->prefix = strbuf_detach(&other);
}

static void
set_naming(struct naming *naming, const char *options, const char *program)
{
	char cwd[PATH_MAX];

	naming->template = overlay_get(options, "out");
	if (!naming->template || !*naming->template) {
		free(naming->template);
		naming->template = xstrdup(DEFAULT_OUT);
	}
	naming->exe = program_exe_name(program);
	naming->prefix = xstrdup("");
	if (naming->template[0] != '/') {
		append(&naming->prefix, getcwd(cwd, sizeof(cwd)) ? cwd : ".");
		append(&naming->prefix, "/");
	}
	look_around(naming);
}

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
	char *path = make_path(naming, number);

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

/* How to take a snapshot. A dormant program is not asked but signalled. */
static void
add_how(struct strbuf *text, struct strbuf *line, const char *options)
{
	char *start = overlay_get(options, "start");
	char *signal = signal_word(options);

	if (start && !strcmp(start, "off") && signal) {
		strbuf_addf(line,
			    "start it:  kill -%s %d (the first one starts "
			    "tracking, the next ones take snapshots)",
			    signal, (int)getpid());
	} else {
		strbuf_adds(line, "take one:  ");
		add_tool(line, "leakshim");
		strbuf_addf(line, " snapshot %d", (int)getpid());
	}
	end_line(text, line);
	free(signal);
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

	set_naming(&naming, options, program);
	path = make_path(&naming, "N");
	strbuf_addf(&line, "snapshots: %s", path);
	if (naming.elsewhere)
		strbuf_adds(&line, " (where you asked for them is not "
				   "writable)");
	end_line(text, &line);

	add_how(text, &line, options);
	strbuf_adds(&line, "compare:   ");
	add_tool(&line, "leakdiff");
	if (is_periodic(options) && has_number(naming.template)) {
		add_snapshot(&line, &naming, "*");
	} else {
		add_snapshot(&line, &naming, "1");
		add_snapshot(&line, &naming, "2");
	}
	end_line(text, &line);

	strbuf_release(&line);
	free(path);
	free(naming.exe);
	free(naming.template);
	free(naming.prefix);
}
