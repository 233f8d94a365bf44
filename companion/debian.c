#include "debian.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"

/* A package with more files than fit into this is not looked into. */
#define LIST_BYTES (16u << 20)

static bool
read_list(struct strbuf *text, int directory, const char *name)
{
	int result, fd = openat(directory, name, O_RDONLY | O_CLOEXEC);

	strbuf_clear(text);
	if (fd < 0)
		return false;
	/* A line begins after a line's end, also the first. */
	strbuf_addc(text, '\n');
	result = strbuf_read(text, fd, LIST_BYTES);
	close(fd);
	return result == 0;
}

static bool
has_line(const struct strbuf *text, const char *line)
{
	size_t bytes = strlen(line);
	const char *at = strbuf_text(text);

	while ((at = strstr(at, line))) {
		if (at[-1] == '\n' && at[bytes] == '\n')
			return true;
		at += bytes;
	}
	return false;
}

/* PACKAGE of PACKAGE.list or PACKAGE:ARCH.list; NULL: it is no list. */
static char *
package_of(const char *name)
{
	const char *end = strrchr(name, '.');
	char *package;

	if (!end || strcmp(end, ".list") != 0)
		return NULL;
	package = xstrdup(name);
	package[strcspn(package, ":")] = '\0';
	if (!strcmp(package, name))
		package[end - name] = '\0';
	return package;
}

char *
debian_package(const char *lists, const char *path)
{
	const char *other = strncmp(path, "/usr/", 5) ? NULL : path + 4;
	struct strbuf text = { 0 };
	struct dirent *entry;
	char *package = NULL;
	DIR *directory;

	/* It is looked for between line ends. */
	if (strchr(path, '\n'))
		return NULL;
	directory = opendir(lists);
	if (!directory)
		return NULL;
	while (!package && (entry = readdir(directory))) {
		char *name = package_of(entry->d_name);

		if (name && read_list(&text, dirfd(directory), entry->d_name) &&
		    (has_line(&text, path) ||
		     (other && has_line(&text, other))))
			package = name;
		else
			free(name);
	}
	closedir(directory);
	strbuf_release(&text);
	return package;
}
