#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "overlay.h"

/* How the shim begins its lines: others are the loader's or a sanitizer's. */
#define PREFIX "leakshim: "
/* Of a trial: a line for each key, and each of those is bounded. */
#define SAID_BYTES (1u << 20)

/* NAME=VALUE for an environment; owned by the caller. */
static char *
make_variable(const char *name, const char *value)
{
	struct strbuf text = { 0 };

	strbuf_addf(&text, "%s=%s", name, value);
	return strbuf_detach(&text);
}

/* Starts the process with `fd` as its standard error. 0 or an errno. */
static int
start(pid_t *pid, int fd, char **environment)
{
	char name[] = "leakshim", version[] = "--version";
	char *arguments[] = { name, version, NULL };
	posix_spawn_file_actions_t actions;
	int error;

	error = posix_spawn_file_actions_init(&actions);
	if (error)
		return error;
	error = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO,
						 "/dev/null", O_WRONLY, 0);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, fd,
							 STDERR_FILENO);
	if (!error)
		error = posix_spawn(pid, "/proc/self/exe", &actions, NULL,
				    arguments, environment);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static void
add_own_lines(struct strbuf *out, const char *said)
{
	const char *end;

	for (; *said; said = end) {
		end = strchrnul(said, '\n');
		end += *end == '\n';
		if (strncmp(said, PREFIX, strlen(PREFIX)) != 0)
			continue;
		said += strlen(PREFIX);
		strbuf_add(out, said, (size_t)(end - said));
	}
}

static int
listen_to(struct strbuf *out, char **environment)
{
	struct strbuf said = { 0 };
	int ends[2], error;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	error = start(&pid, ends[1], environment);
	close(ends[1]);
	/* What is said beyond the bound, or unheard, is no line of ours. */
	if (!error && strbuf_read(&said, ends[0], SAID_BYTES) < 0)
		strbuf_addc(&said, '\n');
	/* Before it is waited for: it may have more to say. */
	close(ends[0]);
	if (!error) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		add_own_lines(out, strbuf_text(&said));
	}
	strbuf_release(&said);
	return error;
}

int
trial_of_options(struct strbuf *out, const char *library, const char *options,
		 struct err *err)
{
	/* No program's name has a slash: nothing is tracked. */
	static const struct overlay_pair none = { "only", "/" };
	char *trial = overlay_options(options, &none, 1);
	char *environment[] = {
		make_variable("LD_PRELOAD", library),
		make_variable("LEAKSHIM", trial),
		NULL,
	};
	int error = listen_to(out, environment);

	free(environment[1]);
	free(environment[0]);
	free(trial);
	if (error)
		return err_set(err, ERR_STEP, "cannot try the options: %s",
			       strerror(error));
	return 0;
}
