/*
 * bench_launch REPORT [NAME=VALUE...] -- COMMAND...: runs the command with these
 * variables added to its environment, and writes to the file REPORT
 *
 *	STATUS WALL-NS CPU-NS RSS-KIB
 *
 * of the command and the children it waited for. A program of its own because
 * a process inherits the peak resident memory of the one that started it: a
 * script's would hide a small program's.
 */
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "work.h"

static long long
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000000000 + now.tv_nsec;
}

static long long
nanoseconds(const struct timeval *time)
{
	return (long long)time->tv_sec * 1000000000 + time->tv_usec * 1000;
}

int
main(int argc, char **argv)
{
	struct rusage usage;
	long long begin;
	FILE *report;
	int status;
	int i = 2;
	pid_t pid;

	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	if (i + 1 >= argc) {
		fputs("usage: bench_launch REPORT [NAME=VALUE...] -- COMMAND\n",
		      stderr);
		return 2;
	}
	begin = now_ns();
	pid = fork();
	if (pid < 0) {
		perror("bench_launch");
		return 1;
	}
	if (pid == 0) {
		for (int k = 2; k < i; k++)
			putenv(argv[k]);
		execvp(argv[i + 1], argv + i + 1);
		perror(argv[i + 1]);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &usage) != pid) {
		perror("bench_launch");
		return 1;
	}
	report = fopen(argv[1], "w");
	if (!report ||
	    fprintf(report, "%d %lld %lld %ld\n",
		    WIFEXITED(status) ? WEXITSTATUS(status)
				      : 128 + WTERMSIG(status),
		    now_ns() - begin,
		    nanoseconds(&usage.ru_utime) + nanoseconds(&usage.ru_stime),
		    usage.ru_maxrss) < 0 ||
	    fclose(report) != 0) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
