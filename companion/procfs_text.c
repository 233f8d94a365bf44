#include "procfs_text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"
/* status is about 1.5 KiB, but Groups: may list 65,536 of them and stands
 * before what we look for. uid_map has at most 340 lines. */
#define TEXT_BYTES (1u << 20)

/* The directory outlives its process as a name only: a look-up below says
 * ENOENT then, where a read says ESRCH. */
int
procfs_text_open(int directory, const char *name, int flags)
{
	int fd = openat(directory, name, flags | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		errno = ESRCH;
	return fd;
}

char *
procfs_text_read(int directory, const char *name)
{
	int result, error, fd = procfs_text_open(directory, name, O_RDONLY);
	struct strbuf text = { 0 };

	if (fd < 0)
		return NULL;
	result = strbuf_read(&text, fd, TEXT_BYTES);
	error = errno;
	close(fd);
	if (result == 0)
		return strbuf_detach(&text);
	strbuf_release(&text);
	errno = error;
	return NULL;
}

bool
procfs_text_fields(const char *stat, char *state, uint64_t *fields,
		   unsigned int last)
{
	/* The name in parentheses may hold anything, also ')' and spaces. */
	const char *at = strrchr(stat, ')');
	unsigned int field;

	if (!at || at[1] != ' ' || !isalpha((unsigned char)at[2]))
		return false;
	*state = at[2];
	at += 3;
	for (field = 4; field <= last; field++) {
		if (at[0] != ' ' ||
		    !(isdigit((unsigned char)at[1]) ||
		      (at[1] == '-' && isdigit((unsigned char)at[2]))))
			return false;
		fields[field] = strtoull(at + 1, NULL, 10);
		at += 2 + strcspn(at + 2, " \n");
	}
	return true;
}

const char *
procfs_text_line(const char *text, const char *key)
{
	size_t bytes = strlen(key);

	while (text) {
		if (!strncmp(text, key, bytes) && text[bytes] == ':')
			return text + bytes + 1;
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return NULL;
}
