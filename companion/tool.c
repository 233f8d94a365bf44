#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"
#include "overlay.h"
#include "program.h"

char *
tool_find(const char *name, struct err *err)
{
	char *own = overlay_directory(), *path = NULL;
	struct strbuf beside = { 0 };

	if (own) {
		strbuf_addf(&beside, "%s/%s", own, name);
		path = program_find(strbuf_text(&beside));
	}
	if (!path)
		path = program_find(name);
	if (!path)
		err_set(err, ERR_OPEN,
			"cannot find %s, neither in %s nor in "
			"PATH",
			name, own ? own : "this program's directory");
	strbuf_release(&beside);
	free(own);
	return path;
}

/* Who exported the shim's variables to a whole session means other programs. */
static void
leave_tracking(void)
{
	char *rest = overlay_strip(getenv("LD_PRELOAD"));

	/* Without memory it is tracked, which does it no harm. */
	if (rest)
		setenv("LD_PRELOAD", rest, 1);
	else
		unsetenv("LD_PRELOAD");
	unsetenv("LEAKSHIM");
	free(rest);
}

/* exec takes what it never changes as not const. */
static void
copy_arguments(char **out, const char *const *arguments)
{
	size_t i;

	for (i = 0; arguments[i]; i++)
		memcpy(&out[i], &arguments[i], sizeof(out[i]));
	out[i] = NULL;
}

static size_t
count_arguments(const char *const *arguments)
{
	size_t count = 0;

	while (arguments[count])
		count++;
	return count;
}

int
tool_run(const char *path, const char *const *arguments, int fd,
	 struct err *err)
{
	char **copy = xcalloc(count_arguments(arguments) + 1, sizeof(*copy));
	int status = 0;
	pid_t pid;

	copy_arguments(copy, arguments);
	pid = fork();
	if (pid == 0) {
		leave_tracking();
		if (fd == STDOUT_FILENO || dup2(fd, STDOUT_FILENO) >= 0)
			execv(path, copy);
		_exit(127);
	}
	free(copy);
	if (pid < 0)
		return err_set(err, ERR_STEP, "cannot run '%s': %s", path,
			       strerror(errno));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}
