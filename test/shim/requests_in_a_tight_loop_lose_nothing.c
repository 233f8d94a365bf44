/* not starved: the .sh looks into a snapshot */
/*
 * One thread that does little but allocate, asked for snapshots all the while:
 * nearly each request comes in the middle of a call. Alarms take it out of its
 * computations by siglongjmp, never out of an allocation. It prints what it
 * did, for the .sh to compare.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

#define REQUESTS 400
#define KEPT 200

/* The shim's, if it is there: plain programs die of the signal. */
__attribute__((weak)) void leakshim_shim_snapshot(void);

static sigjmp_buf out;
static void *kept[KEPT];
static volatile sig_atomic_t over;

static void
jump(int sig)
{
	(void)sig;
	siglongjmp(out, 1);
}

static void
ended(int sig)
{
	(void)sig;
	over = 1;
}

NOINLINE static void
work(int i)
{
	void *p[8];

	for (int k = 0; k < 8; k++)
		p[k] = use(malloc((size_t)(i + k) % 500));
	for (int k = 0; k < 8; k++)
		free(p[k]);
}

NOINLINE static void
keep(int i)
{
	kept[i] = use(malloc(1000));
}

static void
compute_until_alarm(void)
{
	const struct itimerval soon = { { 0, 0 }, { 0, 150 } };

	if (sigsetjmp(out, 1) != 0)
		return;
	setitimer(ITIMER_REAL, &soon, NULL);
	for (volatile unsigned i = 0;; i++)
		;
}

int
main(void)
{
	const pid_t host = getpid();
	volatile int done = 0;
	int many = leakshim_shim_snapshot != NULL ? REQUESTS : 0;
	pid_t pid;

	signal(SIGCHLD, ended);
	signal(SIGALRM, jump);
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < many; i++) {
			usleep(500);
			kill(host, SIGUSR2);
		}
		_exit(0);
	}
	while (!over || done < KEPT) {
		for (int i = 0; i < 30; i++)
			work(done + i);
		compute_until_alarm();
		if (done < KEPT)
			keep(done);
		done++;
	}
	waitpid(pid, NULL, 0);
	printf("%d\n", done * 30 * 8);
	return failed;
}
