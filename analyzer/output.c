#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "strbuf.h"
#include "xalloc.h"

struct output {
	const char *name;  /* for messages */
	char *destination; /* owned; NULL: written in place */
	char *temporary;   /* owned; NULL likewise */
	FILE *stream;
	int fd;
	int error; /* errno of the first write that failed, 0 = none */
};

static int
write_failed(const char *name, struct err *err)
{
	return err_set(err, ERR_WRITE, "cannot write '%s': %s", name,
		       strerror(errno));
}

/* The mode that open(2) would have given, or that the file had. */
static mode_t
wanted_mode(const char *destination)
{
	struct stat st;
	mode_t mask;

	if (stat(destination, &st) == 0)
		return st.st_mode & 0777;
	mask = umask(0);
	umask(mask);
	return 0666 & ~mask;
}

static int
open_temporary(struct output *output)
{
	struct strbuf name = { 0 };
	int fd;

	strbuf_addf(&name, "%s.XXXXXX", output->destination);
	output->temporary = strbuf_detach(&name);
	fd = mkostemp(output->temporary, O_CLOEXEC);
	if (fd < 0) {
		free(output->temporary);
		output->temporary = NULL;
		return -1;
	}
	/* Best effort: where modes can't be changed there are none. */
	if (fchmod(fd, wanted_mode(output->destination)) < 0)
		errno = 0;
	return fd;
}

static int
open_file(struct output *output, const char *file)
{
	struct stat st;

	if (stat(file, &st) == 0 && !S_ISREG(st.st_mode))
		return open(file, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	/* A link stays one: what it leads to is replaced. */
	output->destination = realpath(file, NULL);
	if (!output->destination)
		output->destination = xstrdup(file);
	return open_temporary(output);
}

static void
release(struct output *output)
{
	free(output->destination);
	free(output->temporary);
	free(output);
}

/* stdio forgets why a write failed once the next call succeeds; this does not.
 * Like every fopencookie writer it says 0 for a failure. */
static ssize_t
write_some(void *cookie, const char *data, size_t len)
{
	struct output *output = cookie;
	ssize_t written;

	do {
		written = write(output->fd, data, len);
	} while (written < 0 && errno == EINTR);
	if (written >= 0)
		return written;
	if (!output->error)
		output->error = errno;
	return 0;
}

/* What the system found out late (a full disk, a quota). */
static int
close_it(void *cookie)
{
	struct output *output = cookie;

	return close(output->fd);
}

static int
open_stream(struct output *output, int fd)
{
	static const cookie_io_functions_t functions = {
		.write = write_some,
		.close = close_it,
	};

	output->fd = fd;
	output->stream = fopencookie(output, "w", functions);
	return output->stream ? 0 : -1;
}

struct output *
output_open(const char *file, struct err *err)
{
	struct output *output = xcalloc(1, sizeof(*output));
	int fd;

	if (!file || strcmp(file, "-") == 0) {
		output->name = "standard output";
		fd = STDOUT_FILENO;
	} else {
		output->name = file;
		fd = open_file(output, file);
	}
	if (fd >= 0) {
		if (open_stream(output, fd) == 0)
			return output;
		close(fd);
	}
	write_failed(output->name, err);
	if (output->temporary)
		unlink(output->temporary);
	release(output);
	return NULL;
}

FILE *
output_stream(const struct output *output)
{
	return output->stream;
}

static int
finish(struct output *output)
{
	bool failed = fflush(output->stream) != 0 || ferror(output->stream);

	if (fclose(output->stream) != 0)
		failed = true;
	if (output->error)
		errno = output->error;
	return failed || output->error ? -1 : 0;
}

int
output_commit(struct output *take, struct err *err)
{
	int result = finish(take);

	if (result == 0 && take->temporary)
		result = rename(take->temporary, take->destination);
	if (result < 0) {
		write_failed(take->name, err);
		if (take->temporary)
			unlink(take->temporary);
	}
	release(take);
	return result < 0 ? -1 : 0;
}

void
output_discard(struct output *take)
{
	fclose(take->stream);
	if (take->temporary)
		unlink(take->temporary);
	release(take);
}
