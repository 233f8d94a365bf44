#include "needed.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../analyzer/path.h"
#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"
#include "triplet.h"

/* Files of ld.so.conf read, one including others as well. */
#define CONF_FILES_MAX 256

/* A stub is at most so large, and its library at least so many times that. */
#define STUB_BYTES 65536
#define STUB_TIMES 8

/* Directories, joined by ':'. */
struct places {
	struct strbuf text;
	unsigned int conf_files;
};

/* --- where the loader looks ------------------------------------------------- */

static void read_conf(struct places *places, const char *path);

static void
read_conf_glob(struct places *places, const char *pattern)
{
	glob_t found;
	size_t i;

	if (glob(pattern, 0, NULL, &found) == 0)
		for (i = 0; i < found.gl_pathc; i++)
			read_conf(places, found.gl_pathv[i]);
	globfree(&found);
}

static void
read_conf(struct places *places, const char *path)
{
	char *line = NULL, *word, *rest;
	size_t capacity = 0;
	FILE *file;

	if (places->conf_files++ >= CONF_FILES_MAX)
		return;
	file = fopen(path, "re");
	if (!file)
		return;
	while (getline(&line, &capacity, file) > 0) {
		line[strcspn(line, "#\n")] = '\0';
		word = strtok_r(line, " \t", &rest);
		if (!word)
			continue;
		if (*word == '/')
			strbuf_addf(&places->text, "%s:", word);
		else if (!strcmp(word, "include") &&
			 (word = strtok_r(NULL, " \t", &rest)) && *word == '/')
			read_conf_glob(places, word);
	}
	free(line);
	fclose(file);
}

/* `list` with $ORIGIN and ${ORIGIN} as the directory of `file`. */
static void
add_origin(struct strbuf *out, const char *list, const struct elf_file *file)
{
	static const char *const spellings[] = { "$ORIGIN", "${ORIGIN}" };
	const char *base = path_base(file->path);
	const char *at;
	size_t i;

	for (at = list; *at;) {
		for (i = 0; i < 2; i++)
			if (!strncmp(at, spellings[i], strlen(spellings[i])))
				break;
		if (i == 2) {
			strbuf_addc(out, *at++);
			continue;
		}
		at += strlen(spellings[i]);
		if (base == file->path)
			strbuf_addc(out, '.');
		strbuf_add(out, file->path, (size_t)(base - file->path));
	}
	strbuf_addc(out, ':');
}

/* --- the search ------------------------------------------------------------- */

static void
add_path(struct needed *needed, char *take_path)
{
	size_t i;

	for (i = 0; i < needed->count; i++)
		if (!strcmp(needed->paths[i], take_path)) {
			free(take_path);
			return;
		}
	needed->paths = xgrow(needed->paths, &needed->capacity,
			      needed->count + 1, sizeof(*needed->paths));
	needed->paths[needed->count++] = take_path;
}

/* Whether a library of that name was found already. */
static bool
is_known(const struct needed *needed, const char *name)
{
	size_t i;

	for (i = 0; i < needed->count; i++)
		if (!strcmp(path_base(needed->paths[i]), path_base(name)))
			return true;
	return false;
}

/* In the first of the directories in `list` that has it, and for this
 * machine: others are passed over, as the loader does. */
static bool
look_in(struct needed *needed, const char *list, const char *name)
{
	struct strbuf path = { 0 };
	struct elf_file file;
	bool found = false;
	struct err err;
	size_t bytes;

	for (; *list && !found; list += bytes + (list[bytes] == ':')) {
		bytes = strcspn(list, ":");
		if (!bytes)
			continue;
		strbuf_clear(&path);
		strbuf_add(&path, list, bytes);
		strbuf_addf(&path, "/%s", name);
		if (access(strbuf_text(&path), R_OK) < 0 ||
		    elf_file_open(&file, strbuf_text(&path), &err) < 0)
			continue;
		found = file.is_own_machine;
		elf_file_close(&file);
	}
	if (found)
		add_path(needed, strbuf_detach(&path));
	strbuf_release(&path);
	return found;
}

static void
add_needed_by(struct needed *needed, const struct elf_file *file,
	      const char *search, const char *system)
{
	struct strbuf own = { 0 };
	const char *lists[3];
	size_t i, j;

	if (file->runpath)
		add_origin(&own, file->runpath, file);
	lists[0] = search ? search : "";
	lists[1] = strbuf_text(&own);
	lists[2] = system;
	for (i = 0; i < file->needed_count && needed->count < NEEDED_MAX; i++) {
		const char *name = file->needed[i];

		if (is_known(needed, name))
			continue;
		if (strchr(name, '/')) {
			if (!access(name, R_OK))
				add_path(needed, xstrdup(name));
		} else {
			for (j = 0; j < 3; j++)
				if (look_in(needed, lists[j], name))
					break;
		}
	}
	strbuf_release(&own);
}

void
needed_find(struct needed *needed, const struct elf_file *program,
	    const char *search)
{
	struct places places = { .conf_files = 0 };
	struct elf_file library;
	struct err err;
	size_t i;

	memset(needed, 0, sizeof(*needed));
	if (program->kind != ELF_FILE_ELF || !program->is_own_machine)
		return;
	read_conf(&places, "/etc/ld.so.conf");
	strbuf_adds(&places.text, "/lib/" TRIPLET ":/usr/lib/" TRIPLET
				  ":/lib64:/usr/lib64:/lib:/usr/lib");
	add_needed_by(needed, program, search, strbuf_text(&places.text));
	/* The list grows while it is walked: breadth first, as the loader. */
	for (i = 0; i < needed->count; i++) {
		if (elf_file_open(&library, needed->paths[i], &err) < 0)
			continue;
		add_needed_by(needed, &library, search,
			      strbuf_text(&places.text));
		elf_file_close(&library);
	}
	strbuf_release(&places.text);
}

void
needed_release(struct needed *needed)
{
	size_t i;

	for (i = 0; i < needed->count; i++)
		free(needed->paths[i]);
	free(needed->paths);
}

/* --- stubs ------------------------------------------------------------------ */

/* Every program has these. */
static bool
is_runtime(const char *name)
{
	static const char *const prefixes[] = {
		"libc.so",      "libm.so",  "libpthread.so",
		"libdl.so",     "librt.so", "ld-linux",
		"libstdc++.so", "libc++",   "libgcc_s.so",
	};
	size_t i;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

static bool
is_direct(const struct elf_file *program, const char *path)
{
	size_t i;

	for (i = 0; i < program->needed_count; i++)
		if (!strcmp(path_base(program->needed[i]), path_base(path)))
			return !is_runtime(path_base(path));
	return false;
}

char *
needed_body(const struct elf_file *program)
{
	struct needed needed;
	off_t most;
	char *body = NULL;
	struct stat st;
	size_t i;

	if (program->has_symtab || fstat(program->fd, &st) < 0 ||
	    st.st_size > STUB_BYTES)
		return NULL;
	most = st.st_size * STUB_TIMES;
	needed_find(&needed, program, NULL);
	for (i = 0; i < needed.count; i++) {
		if (!is_direct(program, needed.paths[i]) ||
		    stat(needed.paths[i], &st) < 0 || st.st_size < most)
			continue;
		most = st.st_size;
		free(body);
		body = xstrdup(needed.paths[i]);
	}
	needed_release(&needed);
	return body;
}
