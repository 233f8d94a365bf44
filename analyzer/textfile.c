#include "textfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int
textfile_read_stream(FILE *stream, const char *name, size_t max,
		     struct strbuf *text, struct err *err)
{
	char bytes[8192];
	size_t all = 0, got;

	while ((got = fread(bytes, 1, sizeof(bytes), stream)) > 0) {
		/* Not by the size that stat tells: a pipe has none. */
		if (got > max - all)
			return err_set(err, ERR_TOO_LARGE,
				       "'%s' has more than %zu bytes", name,
				       max);
		all += got;
		strbuf_add(text, bytes, got);
	}
	if (ferror(stream))
		return err_set(err, ERR_READ, "cannot read '%s': %s", name,
			       strerror(errno));
	return 0;
}

int
textfile_read(const char *file, size_t max, struct strbuf *text, bool *absent,
	      struct err *err)
{
	FILE *stream = fopen(file, "re");
	int result;

	if (absent)
		*absent = !stream && errno == ENOENT;
	if (!stream && absent && *absent)
		return 0;
	if (!stream)
		return err_set(err, ERR_OPEN, "cannot open '%s': %s", file,
			       strerror(errno));
	result = textfile_read_stream(stream, file, max, text, err);
	fclose(stream);
	return result;
}
