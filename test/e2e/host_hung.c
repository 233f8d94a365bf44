/*
 * Waits in the kernel (state D) and takes no signal, like a process whose disk
 * is gone: its vfork child neither executes nor ends until the deadline.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

int
main(void)
{
	void *volatile block = malloc(1000);

	if (!block || puts("ready") < 0 || fflush(stdout))
		return 1;
	if (vfork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sleep(120);
		_exit(0);
	}
	return 0;
}
