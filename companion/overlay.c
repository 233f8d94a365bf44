#include "overlay.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../analyzer/path.h"
#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"
#include "triplet.h"

/* Set by the Makefile; this is its default. */
#ifndef LKS_LIBDIR
#define LKS_LIBDIR "/usr/local/lib"
#endif

/* --- the library ------------------------------------------------------------ */

char *
overlay_directory(void)
{
	char path[PATH_MAX];
	ssize_t bytes = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (bytes < 0)
		return NULL;
	path[bytes] = '\0';
	slash = strrchr(path, '/');
	if (slash)
		*slash = '\0';
	return xstrdup(path);
}

/* The canonical path of a library in `directory` + `below`, or NULL. */
static char *
look_in(const char *directory, const char *below)
{
	struct strbuf path = { 0 };
	char *real;

	strbuf_addf(&path, "%s%s/" OVERLAY_LIBRARY, directory, below);
	real = realpath(strbuf_text(&path), NULL);
	strbuf_release(&path);
	if (real && access(real, R_OK) < 0) {
		free(real);
		real = NULL;
	}
	return real;
}

char *
overlay_library(struct err *err)
{
	char *own = overlay_directory(), *path = NULL;

	if (own) {
		path = look_in(own, "");
		if (!path)
			path = look_in(own, "/../lib");
		if (!path)
			path = look_in(own, "/../lib/" TRIPLET);
	}
	if (!path)
		path = look_in(LKS_LIBDIR, "");
	if (!path) {
		err_set(err, ERR_OPEN,
			"cannot find " OVERLAY_LIBRARY
			": not in %s, its ../lib "
			"or ../lib/" TRIPLET ", nor in " LKS_LIBDIR,
			own ? own : "this program's directory");
	} else if (strpbrk(path, " :")) {
		/* The loader has no way to quote. */
		err_set(err, ERR_OPEN,
			"cannot preload '%s': LD_PRELOAD cannot hold a path "
			"with a space or a colon",
			path);
		free(path);
		path = NULL;
	}
	free(own);
	return path;
}

/* The next library of LD_PRELOAD, which *at moves behind; 0: no more. */
static size_t
next_library(const char **at, const char **library)
{
	size_t bytes;

	*at += strspn(*at, " :");
	bytes = strcspn(*at, " :");
	*library = *at;
	*at += bytes;
	return bytes;
}

static bool
has_base(const char *library, size_t bytes, const char *base)
{
	const char *slash = memrchr(library, '/', bytes);
	const char *name = slash ? slash + 1 : library;

	return (size_t)(library + bytes - name) == strlen(base) &&
	       !strncmp(name, base, strlen(base));
}

char *
overlay_preload(const char *inherited, const char *library)
{
	const char *at = inherited ? inherited : "", *other;
	struct strbuf out = { 0 };
	size_t bytes;

	while ((bytes = next_library(&at, &other)))
		if (has_base(other, bytes, path_base(library)))
			return xstrdup(inherited);
	strbuf_adds(&out, library);
	if (inherited && *inherited)
		strbuf_addf(&out, ":%s", inherited);
	return strbuf_detach(&out);
}

char *
overlay_strip(const char *inherited)
{
	const char *at = inherited ? inherited : "", *library;
	struct strbuf out = { 0 };
	size_t bytes;

	while ((bytes = next_library(&at, &library))) {
		if (has_base(library, bytes, OVERLAY_LIBRARY))
			continue;
		if (out.len)
			strbuf_addc(&out, ':');
		strbuf_add(&out, library, bytes);
	}
	return out.len ? strbuf_detach(&out) : NULL;
}

/* --- LEAKSHIM --------------------------------------------------------------- */

bool
overlay_can_hold(const char *value)
{
	size_t bytes = strlen(value);

	return !bytes || value[bytes - 1] != '\\';
}

/* Length of the piece at `at`, up to a comma that is not escaped. */
static size_t
piece_bytes(const char *at)
{
	size_t i;

	for (i = 0; at[i] && at[i] != ','; i++)
		if (at[i] == '\\' && at[i + 1] == ',')
			i++;
	return i;
}

static bool
piece_has_key(const char *piece, size_t bytes, const char *key)
{
	size_t key_bytes = strlen(key);

	return bytes > key_bytes && piece[key_bytes] == '=' &&
	       !strncmp(piece, key, key_bytes);
}

static void
add_escaped(struct strbuf *out, const char *value)
{
	for (; *value; value++) {
		if (*value == ',')
			strbuf_addc(out, '\\');
		strbuf_addc(out, *value);
	}
}

static bool
is_replaced(const char *piece, size_t bytes, const struct overlay_pair *pairs,
	    size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (piece_has_key(piece, bytes, pairs[i].key))
			return true;
	return false;
}

char *
overlay_options(const char *inherited, const struct overlay_pair *pairs,
		size_t count)
{
	const char *at = inherited ? inherited : "";
	struct strbuf out = { 0 };
	bool replaced = false;
	size_t i, bytes;

	for (; *at; at += bytes + (at[bytes] == ',')) {
		bytes = piece_bytes(at);
		if (!bytes)
			continue;
		/* A bare word belongs to the key before it: the shim takes
		 * follow=fork,exec as people write it. */
		if (memchr(at, '=', bytes))
			replaced = is_replaced(at, bytes, pairs, count);
		if (replaced)
			continue;
		if (out.len)
			strbuf_addc(&out, ',');
		strbuf_add(&out, at, bytes);
	}
	for (i = 0; i < count; i++) {
		if (out.len)
			strbuf_addc(&out, ',');
		strbuf_addf(&out, "%s=", pairs[i].key);
		add_escaped(&out, pairs[i].value);
	}
	return out.len ? strbuf_detach(&out) : xstrdup("");
}

static bool
is_piece(const char *piece, size_t bytes, const char *text)
{
	return bytes == strlen(text) && !strncmp(piece, text, bytes);
}

char *
overlay_spoken(const char *options)
{
	struct strbuf out = { 0 };
	size_t bytes;

	for (; *options; options += bytes + (options[bytes] == ',')) {
		bytes = piece_bytes(options);
		if (is_piece(options, bytes, "seed=0") ||
		    is_piece(options, bytes, "log="))
			continue;
		if (out.len)
			strbuf_addc(&out, ',');
		if (is_piece(options, bytes, "follow=fork+exec"))
			strbuf_adds(&out, "follow=fork,exec");
		else
			strbuf_add(&out, options, bytes);
	}
	return out.len ? strbuf_detach(&out) : xstrdup("");
}

char *
overlay_get(const char *options, const char *key)
{
	const char *found = NULL;
	size_t i, bytes, found_bytes = 0;
	struct strbuf out = { 0 };

	for (; *options; options += bytes + (options[bytes] == ',')) {
		bytes = piece_bytes(options);
		if (!piece_has_key(options, bytes, key))
			continue;
		found = options + strlen(key) + 1;
		found_bytes = bytes - strlen(key) - 1;
	}
	if (!found)
		return NULL;
	for (i = 0; i < found_bytes; i++) {
		if (found[i] == '\\' && found[i + 1] == ',')
			i++;
		strbuf_addc(&out, found[i]);
	}
	return out.len ? strbuf_detach(&out) : xstrdup("");
}
