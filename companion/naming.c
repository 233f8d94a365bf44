#include "naming.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../analyzer/path.h"
#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"
#include "../proto/defaults.h"
#include "overlay.h"
#include "program.h"

/* What stands for the codes of a template. */
struct codes {
	const char *exe;
	const char *pid;
	const char *number;
	const char *unknown; /* for what only the start tells */
	bool pattern;        /* for glob(3): the rest is meant as it is */
};

static void
add_literal(struct strbuf *out, const struct codes *codes, const char *text)
{
	for (; *text; text++) {
		if (codes->pattern && strchr("*?[\\", *text))
			strbuf_addc(out, '\\');
		strbuf_addc(out, *text);
	}
}

static void
add_char(struct strbuf *out, const struct codes *codes, char c)
{
	char text[2] = { c, '\0' };

	add_literal(out, codes, text);
}

/* False: no such code. */
static bool
add_code(struct strbuf *out, const struct codes *codes, char code)
{
	char host[HOST_NAME_MAX + 1] = "";

	switch (code) {
	case 'e':
		strbuf_adds(out, codes->exe);
		return true;
	case 'p':
		strbuf_adds(out, codes->pid);
		return true;
	case 'n':
		strbuf_adds(out, codes->number);
		return true;
	case 't':
		strbuf_adds(out, codes->unknown);
		return true;
	case 'h':
		gethostname(host, sizeof(host) - 1);
		add_literal(out, codes, host);
		return true;
	case '%':
		strbuf_addc(out, '%');
		return true;
	default:
		return false;
	}
}

static void
add_template(struct strbuf *out, const char *template,
	     const struct codes *codes)
{
	const char *at;

	for (at = template; *at; at++) {
		if (*at != '%' || !at[1]) {
			add_char(out, codes, *at);
		} else if (!add_code(out, codes, *++at)) {
			strbuf_addc(out, '%');
			add_char(out, codes, *at);
		}
	}
}

static bool
has_code(const char *template, size_t bytes, char code)
{
	size_t i;

	for (i = 0; i + 1 < bytes; i++)
		if (template[i] == '%' && template[++i] == code)
			return true;
	return false;
}

bool
naming_is_numbered(const struct naming *naming)
{
	return has_code(naming->template, strlen(naming->template), 'n');
}

char *
naming_path(const struct naming *naming, pid_t pid, const char *number)
{
	char decimal[16];
	const struct codes codes = {
		.exe = naming->exe ? naming->exe : "*",
		.pid = pid ? decimal : "*",
		.number = number,
		.unknown = "*",
	};
	struct strbuf path = { 0 };

	snprintf(decimal, sizeof(decimal), "%d", (int)pid);
	strbuf_adds(&path, naming->prefix);
	add_template(&path, naming->template, &codes);
	/* Without %n the first has the very name that was asked for, and the
	 * second is the first that needs a number. */
	if (!naming_is_numbered(naming) && !strcmp(number, "2"))
		strbuf_adds(&path, ".1");
	return strbuf_detach(&path);
}

/* Also a `template` that is only a part of naming's. */
static void
add_pattern(struct strbuf *path, const struct naming *naming,
	    const char *prefix, const char *template, pid_t pid)
{
	char decimal[16];
	const struct codes codes = {
		.exe = "*",
		.pid = pid ? decimal : "*",
		.number = "*",
		.unknown = "*",
		.pattern = true,
	};

	snprintf(decimal, sizeof(decimal), "%d", (int)pid);
	add_literal(path, &codes, prefix);
	add_template(path, template, &codes);
	if (!naming_is_numbered(naming))
		strbuf_addc(path, '*');
}

char *
naming_pattern(const struct naming *naming, pid_t pid)
{
	struct strbuf path = { 0 };

	add_pattern(&path, naming, naming->prefix, naming->template, pid);
	return strbuf_detach(&path);
}

static char *
fallback_of(uid_t uid)
{
	struct strbuf path = { 0 };

	strbuf_addf(&path, LKS_FALLBACK_DIRECTORY "%u/", (unsigned int)uid);
	return strbuf_detach(&path);
}

char *
naming_fallback_pattern(const struct naming *naming, pid_t pid, uid_t uid)
{
	char *directory = fallback_of(uid);
	struct strbuf path = { 0 };
	struct stat st;

	if (!strcmp(directory, naming->prefix) || stat(directory, &st) < 0 ||
	    st.st_uid != uid) {
		free(directory);
		return NULL;
	}
	add_pattern(&path, naming, directory, path_base(naming->template), pid);
	free(directory);
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

/* Does the template's directory depend on what only the start tells? */
static bool
is_directory_unknown(const struct naming *naming)
{
	const char *slash = strrchr(naming->template, '/');
	size_t bytes = slash ? (size_t)(slash - naming->template) : 0;

	return has_code(naming->template, bytes, 't') ||
	       (!naming->exe && has_code(naming->template, bytes, 'e'));
}

/* out= may be a directory, and where it can't be written the shim takes
 * /tmp/leakshim-UID/ instead. */
static void
look_around(struct naming *naming)
{
	char *path = naming_path(naming, getpid(), "1"), *slash;
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
		append(&naming->template, "/" LKS_OUT_DEFAULT);
		append(&path, "/");
	}
	slash = strrchr(path, '/');
	slash[slash == path] = '\0';
	naming->elsewhere = eaccess(path, W_OK | X_OK) < 0;
	if ((stat(path, &st) < 0 ? errno == ENOENT || errno == ENOTDIR
				 : !S_ISDIR(st.st_mode)) &&
	    !is_directory_unknown(naming))
		naming->missing = xstrdup(path);
	free(path);
	if (!naming->elsewhere)
		return;
	slash = strrchr(naming->template, '/');
	if (slash)
		memmove(naming->template, slash + 1, strlen(slash));
	free(naming->prefix);
	naming->prefix = fallback_of(geteuid());
}

void
naming_init_unseen(struct naming *naming, const char *options, const char *exe,
		   const char *directory)
{
	memset(naming, 0, sizeof(*naming));
	naming->template = overlay_get(options, "out");
	if (!naming->template || !*naming->template) {
		free(naming->template);
		naming->template = xstrdup("");
	}
	if (!*naming->template ||
	    naming->template[strlen(naming->template) - 1] == '/')
		append(&naming->template, LKS_OUT_DEFAULT);
	naming->exe = exe ? xstrdup(exe) : NULL;
	naming->prefix = xstrdup("");
	if (naming->template[0] != '/') {
		append(&naming->prefix, directory);
		append(&naming->prefix, "/");
	}
}

void
naming_init(struct naming *naming, const char *options, const char *program)
{
	char *exe = program_name(program);
	char cwd[PATH_MAX];

	naming_init_unseen(naming, options, exe,
			   getcwd(cwd, sizeof(cwd)) ? cwd : ".");
	free(exe);
	look_around(naming);
}

void
naming_release(struct naming *naming)
{
	free(naming->prefix);
	free(naming->template);
	free(naming->exe);
	free(naming->missing);
}

int
naming_check(const struct naming *naming, struct err *err)
{
	if (!naming->missing)
		return 0;
	return err_set(err, ERR_OPEN,
		       "snapshots cannot go to '%s': there is no such "
		       "directory",
		       naming->missing);
}
