/*
 * _Fork runs no handlers, so its child may have inherited our locks held: we
 * must be off there, whatever it does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(void)
{
	void *volatile before = malloc(1000);
	int status = 0;
	pid_t pid = _Fork();

	if (pid == 0) {
		void *volatile p = malloc(3000000);

		free(before);
		if (p == NULL)
			_exit(1);
		sleep(2); /* long enough to be worth a snapshot at its exit */
		exit(4);
	}
	waitpid(pid, &status, 0);
	printf("status %d\n", WEXITSTATUS(status));
	free(before);
	return 0;
}
