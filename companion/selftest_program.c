#include "selftest_program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../analyzer/clock.h"
#include "../analyzer/strbuf.h"
#include "overlay.h"

#define LOOK_NS 10000000

void
selftest_program_init(struct selftest_program *program, const char *directory)
{
	*program = (struct selftest_program){
		.requests = -1,
		.answers = -1,
		.directory = directory,
	};
}

/* In the child. */
static void __attribute__((noreturn))
become(const char *library, const char *options, int input, int output,
       int errors)
{
	static char name[] = "leakshim", verb[] = "selftest", leak[] = "--leak";
	char *arguments[] = { name, verb, leak, NULL };
	char *preload = overlay_preload(getenv("LD_PRELOAD"), library);

	if (dup2(input, STDIN_FILENO) >= 0 &&
	    dup2(output, STDOUT_FILENO) >= 0 &&
	    dup2(errors, STDERR_FILENO) >= 0 &&
	    !setenv("LD_PRELOAD", preload, 1) &&
	    !setenv("LEAKSHIM", options, 1))
		execv("/proc/self/exe", arguments);
	_exit(127);
}

static int
open_errors(const struct selftest_program *program)
{
	struct strbuf path = { 0 };
	int fd;

	strbuf_addf(&path, "%s/stderr", program->directory);
	fd = open(strbuf_text(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	strbuf_release(&path);
	return fd;
}

static void
close_all(const int *fds, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

int
selftest_program_start(struct selftest_program *program, const char *library,
		       const char *options, struct err *err)
{
	/* Its input, its output, each read and written; its errors. */
	int fds[5] = { -1, -1, -1, -1, -1 };

	fds[4] = open_errors(program);
	if (fds[4] < 0 || pipe2(fds, O_CLOEXEC) < 0 ||
	    pipe2(fds + 2, O_CLOEXEC) < 0)
		goto failed;
	program->pid = fork();
	if (program->pid == 0)
		become(library, options, fds[0], fds[3], fds[4]);
	if (program->pid < 0) {
		program->pid = 0;
		goto failed;
	}
	program->requests = fds[1];
	program->answers = fds[2];
	close(fds[0]);
	close(fds[3]);
	close(fds[4]);
	return 0;
failed:
	err_set(err, ERR_STEP, "cannot start a program: %s", strerror(errno));
	close_all(fds, 5);
	return -1;
}

void
selftest_program_explain(const struct selftest_program *program,
			 struct err *err)
{
	char line[256];
	struct err said;
	ssize_t bytes;
	int fd = open_errors(program);

	if (fd < 0)
		return;
	bytes = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (bytes <= 0)
		return;
	line[bytes] = '\0';
	line[strcspn(line, "\n")] = '\0';
	said = *err;
	err_set(err, ERR_STEP, "%.500s; it said: %s", said.text, line);
}

/* True once the program is what we made of ourselves: before that a look
 * would see this very leakshim. */
static bool
is_executed(const struct selftest_program *program)
{
	struct pollfd poll_fd = { .fd = program->answers, .events = POLLIN };

	return poll(&poll_fd, 1, SELFTEST_TIMEOUT_S * 1000) == 1;
}

bool
selftest_program_ask(const struct selftest_program *program)
{
	char byte = '.';

	return write(program->requests, &byte, 1) == 1 &&
	       is_executed(program) && read(program->answers, &byte, 1) == 1;
}

/* True if it ended by itself, in time. */
static bool
await_end(pid_t pid, int *status)
{
	const struct timespec pause = { 0, LOOK_NS };
	uint64_t end =
		clock_ns(CLOCK_MONOTONIC) + SELFTEST_TIMEOUT_S * CLOCK_NS_PER_S;

	do {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		nanosleep(&pause, NULL);
	} while (clock_ns(CLOCK_MONOTONIC) < end);
	kill(pid, SIGKILL);
	waitpid(pid, status, 0);
	return false;
}

int
selftest_program_end(struct selftest_program *program, struct err *err)
{
	pid_t pid = program->pid;
	int status;

	/* It ends with its input. */
	close(program->requests);
	program->requests = -1;
	program->pid = 0;
	if (!await_end(pid, &status))
		return err_set(err, ERR_STEP, "the program did not end");
	if (WIFSIGNALED(status))
		return err_set(err, ERR_STEP, "signal %d killed the program",
			       WTERMSIG(status));
	if (WEXITSTATUS(status))
		return err_set(err, ERR_STEP,
			       "the program's exit status is %d, not 0",
			       WEXITSTATUS(status));
	return 0;
}

bool
selftest_program_release(struct selftest_program *program)
{
	const int fds[] = { program->requests, program->answers };
	bool runs = program->pid != 0;

	close_all(fds, 2);
	if (runs) {
		kill(program->pid, SIGKILL);
		waitpid(program->pid, NULL, 0);
	}
	return runs;
}
