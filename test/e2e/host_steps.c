/*
 * A program that does what its arguments say, one after another, and returns
 * 0 from main: `host_steps leak:100x64 touch:ready pause`. Tests put together
 * from steps the program that they need.
 *
 * Each way of allocating is a function of its own name, so that reports can be
 * asked for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

extern char **environ;

static const char *self;

static void __attribute__((noreturn)) fail(const char *what)
{
	perror(what);
	_exit(99);
}

static void
sleep_ms(long ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) < 0)
		;
}

static void *
need(void *block)
{
	if (!block)
		fail("allocate");
	return block;
}

/* "COUNTxSIZE" */
static void
parse_amount(const char *text, long *count, size_t *size)
{
	char *end;

	*count = strtol(text, &end, 10);
	*size = *end == 'x' ? strtoul(end + 1, NULL, 10) : 1;
}

/* --- allocating --------------------------------------------------- */

static void *volatile sink;

NOINLINE static void
leak_here(const char *amount)
{
	long count;
	size_t size;

	for (parse_amount(amount, &count, &size); count > 0; count--)
		sink = need(malloc(size));
}

/* Every page is written, and it takes a while: a millisecond per 64 blocks. */
NOINLINE static void
leak_slowly(const char *amount)
{
	long count;
	size_t size;

	for (parse_amount(amount, &count, &size); count > 0; count--) {
		void *block = need(malloc(size));

		memset(block, 1, size);
		sink = block;
		if (count % 64 == 0)
			sleep_ms(1);
	}
}

NOINLINE static void
churn_here(const char *amount)
{
	long count;
	size_t size;

	for (parse_amount(amount, &count, &size); count > 0; count--) {
		sink = need(malloc(size));
		free(sink);
	}
}

/* Kept and resized: one live block, many allocations. */
NOINLINE static void
regrow_here(const char *amount)
{
	long count;
	size_t size;
	void *block = NULL;

	for (parse_amount(amount, &count, &size); count > 0; count--)
		block = need(realloc(block, size * (size_t)count));
	sink = block;
}

NOINLINE static void
leak_deep(long depth)
{
	char guard[64];

	guard[0] = (char)depth;
	if (depth > 0)
		leak_deep(depth - 1);
	else
		sink = need(malloc(77));
	/* Nothing is left to do after a tail call; the frame stays. */
	__asm__ volatile("" : : "r"(guard) : "memory");
}

static void *block_of_atexit;

static void
free_at_exit(void)
{
	free(block_of_atexit);
}

NOINLINE static void
keep_until_exit(const char *how)
{
	block_of_atexit = need(malloc(123456));
	if (strcmp(how, "quick") == 0)
		at_quick_exit(free_at_exit);
	else
		atexit(free_at_exit);
}

/* --- threads and processes ---------------------------------------- */

static void *
wait_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void *
end_at_once(void *unused)
{
	return unused;
}

NOINLINE static void
start_threads(long count)
{
	pthread_t thread;

	while (count-- > 0)
		if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
			fail("pthread_create");
}

NOINLINE static void
never_join(long count)
{
	pthread_t thread;

	while (count-- > 0)
		if (pthread_create(&thread, NULL, end_at_once, NULL) != 0)
			fail("pthread_create");
}

static void
step_touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	if (fd < 0)
		fail(path);
	close(fd);
}

/* The child goes on; the parent waits and ends as it did. */
static void
step_fork(const char *unused)
{
	pid_t child = fork();
	int status;

	(void)unused;
	if (child < 0)
		fail("fork");
	if (child == 0)
		return;
	if (waitpid(child, &status, 0) < 0)
		fail("waitpid");
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 98);
}

/* The parent goes on at once; the child leaks, touches and stays. */
static void
step_forked(const char *path)
{
	pid_t child = fork();

	if (child < 0)
		fail("fork");
	if (child > 0)
		return;
	leak_slowly("3000x1024");
	step_touch(path);
	for (;;)
		pause();
}

static void
write_pid(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		fail(path);
	fprintf(file, "%d\n", (int)getpid());
	fclose(file);
}

static void
step_pid(const char *path)
{
	char temporary[4096];

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	write_pid(temporary);
	if (rename(temporary, path) < 0)
		fail(path);
}

/* As daemons do by the book: twice forked, in no directory, no descriptor. */
static void
step_daemon(const char *unused)
{
	pid_t child = fork();

	(void)unused;
	if (child > 0)
		_exit(0);
	setsid();
	child = fork();
	if (child > 0)
		_exit(0);
	if (child < 0 || chdir("/") < 0)
		fail("daemon");
	umask(0);
	closefrom(0);
	if (open("/dev/null", O_RDWR) != 0 || dup(0) != 1 || dup(0) != 2)
		_exit(97);
}

/* Nobody to wait for, as far as this program knows. */
static void
step_childless(const char *unused)
{
	(void)unused;
	if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
		fail("there is a child");
}

static void
step_vfork(const char *unused)
{
	pid_t child = vfork();
	int status;

	(void)unused;
	if (child < 0)
		fail("vfork");
	if (child == 0) {
		/* What a vfork child may not do, many do. */
		sink = malloc(4321);
		_exit(0);
	}
	if (waitpid(child, &status, 0) < 0 || status != 0)
		fail("vfork child");
}

static void
step_spawn(const char *program)
{
	char *argv[] = { strdup(program), NULL };
	pid_t child;
	int status;

	if (posix_spawn(&child, program, NULL, NULL, argv, environ) != 0)
		fail(program);
	if (waitpid(child, &status, 0) < 0 || status != 0)
		fail("spawned child");
	free(argv[0]);
}

static void
step_setuid(const char *uid)
{
	if (setgid((gid_t)atoi(uid)) < 0 || setuid((uid_t)atoi(uid)) < 0)
		fail("setuid");
}

static void
step_chroot(const char *directory)
{
	if (chroot(directory) < 0 || chdir("/") < 0)
		fail(directory);
}

static void
step_undumpable(const char *unused)
{
	(void)unused;
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		fail("prctl");
}

/* Every descriptor, one by one and all at once; then none is open. */
static void
step_closeall(const char *how)
{
	if (strcmp(how, "range") == 0)
		close_range(0, ~0u, 0);
	else
		closefrom(0);
	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			_exit(95);
}

static void
set_limit(int which, const char *value)
{
	struct rlimit limit = { strtoul(value, NULL, 10),
				strtoul(value, NULL, 10) };

	if (setrlimit((__rlimit_resource_t)which, &limit) < 0)
		fail("setrlimit");
}

static void
step_files(const char *count)
{
	set_limit(RLIMIT_NOFILE, count);
}

static void
step_fsize(const char *bytes)
{
	set_limit(RLIMIT_FSIZE, bytes);
}

static void
step_memory(const char *bytes)
{
	set_limit(RLIMIT_AS, bytes);
}

/* --- signals and files -------------------------------------------- */

static volatile sig_atomic_t taken;

static void
take(int sig)
{
	(void)sig;
	taken++;
}

static void
step_take(const char *number)
{
	struct sigaction act = { .sa_handler = take };

	if (sigaction(atoi(number), &act, NULL) < 0)
		fail("sigaction");
}

static void
step_block(const char *unused)
{
	sigset_t all;

	(void)unused;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

static void
step_sigwait(const char *number)
{
	int wanted = atoi(number);
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, wanted);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (sigwait(&set, &sig) != 0 || sig != wanted)
		fail("sigwait");
	taken++;
}

/* Until so many were taken. */
static void
step_await(const char *number)
{
	while (taken < atoi(number))
		sleep_ms(10);
}

static void
step_wait(const char *path)
{
	while (access(path, F_OK) != 0)
		sleep_ms(10);
}

static void
step_taken(const char *unused)
{
	(void)unused;
	printf("taken %d\n", (int)taken);
	fflush(stdout);
}

/* --- the steps ---------------------------------------------------- */

static void
step_deep(const char *depth)
{
	leak_deep(atol(depth));
}

static void
step_threads(const char *count)
{
	start_threads(atol(count));
}

static void
step_unjoined(const char *count)
{
	never_join(atol(count));
	sleep_ms(50);
}

static void
step_pause(const char *unused)
{
	(void)unused;
	for (;;)
		pause();
}

static void
step_sleep(const char *ms)
{
	sleep_ms(atol(ms));
}

static void
step_umask(const char *mask)
{
	umask((mode_t)strtol(mask, NULL, 8));
}

static void
step_exit(const char *status)
{
	exit(atoi(status));
}

static void
step_quick_exit(const char *status)
{
	quick_exit(atoi(status));
}

static void
step__exit(const char *status)
{
	_exit(atoi(status));
}

static void
step__Exit(const char *status)
{
	_Exit(atoi(status));
}

static void *
exit_here(void *status)
{
	exit(atoi(status));
}

static void
step_thread_exit(const char *status)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, exit_here, strdup(status)) != 0)
		fail("pthread_create");
	step_pause("");
}

static void
step_leave(const char *unused)
{
	(void)unused;
	pthread_exit(NULL);
}

static void
step_kill(const char *number)
{
	kill(getpid(), atoi(number));
	step_pause("");
}

static const struct step {
	const char *name;
	void (*run)(const char *argument);
} steps[] = {
	{ "leak", leak_here },
	{ "slow", leak_slowly },
	{ "churn", churn_here },
	{ "regrow", regrow_here },
	{ "deep", step_deep },
	{ "atexit", keep_until_exit },
	{ "threads", step_threads },
	{ "unjoined", step_unjoined },
	{ "fork", step_fork },
	{ "forked", step_forked },
	{ "daemon", step_daemon },
	{ "childless", step_childless },
	{ "vfork", step_vfork },
	{ "spawn", step_spawn },
	{ "setuid", step_setuid },
	{ "chroot", step_chroot },
	{ "undumpable", step_undumpable },
	{ "closeall", step_closeall },
	{ "files", step_files },
	{ "fsize", step_fsize },
	{ "memory", step_memory },
	{ "take", step_take },
	{ "await", step_await },
	{ "taken", step_taken },
	{ "block", step_block },
	{ "sigwait", step_sigwait },
	{ "touch", step_touch },
	{ "wait", step_wait },
	{ "pid", step_pid },
	{ "pause", step_pause },
	{ "sleep", step_sleep },
	{ "umask", step_umask },
	{ "exit", step_exit },
	{ "quick_exit", step_quick_exit },
	{ "_exit", step__exit },
	{ "_Exit", step__Exit },
	{ "thread_exit", step_thread_exit },
	{ "leave", step_leave },
	{ "kill", step_kill },
};

NOINLINE static void
run_step(const char *word)
{
	size_t length = strcspn(word, ":");
	const char *argument = word[length] ? word + length + 1 : "";

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (strlen(steps[i].name) == length &&
		    strncmp(steps[i].name, word, length) == 0) {
			steps[i].run(argument);
			return;
		}
	}
	fprintf(stderr, "%s: no such step: %s\n", self, word);
	_exit(96);
}

int
main(int argc, char **argv)
{
	self = argv[0];
	for (int i = 1; i < argc; i++) {
		/* exec: this program again, with the steps that are left. */
		if (strcmp(argv[i], "exec") == 0) {
			argv[i] = argv[0];
			execv("/proc/self/exe", argv + i);
			fail("exec");
		}
		run_step(argv[i]);
	}
	return 0;
}
