/* Becomes another process before main, and before our constructor. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

void *kept_by_the_library;

__attribute__((constructor)) static void
become_a_child(void)
{
	int status = 99;
	pid_t pid;

	kept_by_the_library = malloc(77);
	pid = fork();
	if (pid > 0) {
		waitpid(pid, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
	}
}
