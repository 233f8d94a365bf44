/*
 * A leak on purpose, for a soak to find: preloaded into a program that knows
 * nothing of it, beside libleakshim.so. LEAKSHIM_PLANT says when it leaks and
 * how much, as KIND:BYTES:
 *
 *	gzip     for each answer that zlib is asked to pack
 *	reload   each time that nginx reads its configuration
 *	thread   a thread likewise, which is never joined (no BYTES)
 *	signal   for each HUP, USR1, WINCH or CHLD that nginx's master is sent
 *
 * Without LEAKSHIM_PLANT it does nothing. It has a process's own functions in
 * between, so everything that does not leak is passed on as it came.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum plant_kind {
	PLANT_NOTHING,
	PLANT_GZIP,
	PLANT_RELOAD,
	PLANT_THREAD,
	PLANT_SIGNAL,
};

/* Written by the constructor only, so that a program may clear its
 * environment. */
static enum plant_kind kind;
static size_t leak_bytes;

/* What keeps the compiler from removing an allocation that nobody uses, and
 * from making one of the functions that are alike. */
static void *volatile lost[PLANT_SIGNAL + 1];

__attribute__((constructor)) static void
plant_begin(void)
{
	static const char *const names[] = {
		[PLANT_GZIP] = "gzip",
		[PLANT_RELOAD] = "reload",
		[PLANT_THREAD] = "thread",
		[PLANT_SIGNAL] = "signal",
	};
	const char *text = getenv("LEAKSHIM_PLANT");
	size_t i, len;

	for (i = 1; text && i < sizeof(names) / sizeof(names[0]); i++) {
		len = strlen(names[i]);
		if (strncmp(text, names[i], len) != 0)
			continue;
		kind = (enum plant_kind)i;
		if (text[len] == ':')
			leak_bytes = strtoul(text + len + 1, NULL, 10);
		return;
	}
}

/* The names below are what a report must show: not static, so that they are in
 * the dynamic table, which strip leaves alone. */
void plant_leak_for_a_request(void);
void plant_leak_for_a_reload(void);
void plant_leak_for_a_signal(void);
void plant_leak_a_thread(void);

__attribute__((noinline)) void
plant_leak_for_a_request(void)
{
	lost[PLANT_GZIP] = malloc(leak_bytes);
}

__attribute__((noinline)) void
plant_leak_for_a_reload(void)
{
	lost[PLANT_RELOAD] = malloc(leak_bytes);
}

__attribute__((noinline)) void
plant_leak_for_a_signal(void)
{
	lost[PLANT_SIGNAL] = malloc(leak_bytes);
}

static void *
end_at_once(void *unused)
{
	return unused;
}

/* No signal may find it instead of the program's own thread. */
__attribute__((noinline)) void
plant_leak_a_thread(void)
{
	pthread_t thread;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_create(&thread, NULL, end_at_once, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* --- gzip: zlib's set-up, which nginx calls once for each packed answer ----- */

int
deflateInit2_(void *stream, int level, int method, int window, int memory,
	      int strategy, const char *version, int size)
{
	int (*next)(void *, int, int, int, int, int, const char *, int);

	*(void **)&next = dlsym(RTLD_NEXT, "deflateInit2_");
	if (kind == PLANT_GZIP)
		plant_leak_for_a_request();
	return next(stream, level, method, window, memory, strategy, version,
		    size);
}

/* --- reload: the opening of nginx.conf -------------------------------------- */

static void
look_at_opening(const char *path)
{
	const char *base = strrchr(path, '/');

	if (strcmp(base ? base + 1 : path, "nginx.conf") != 0)
		return;
	if (kind == PLANT_RELOAD)
		plant_leak_for_a_reload();
	else if (kind == PLANT_THREAD)
		plant_leak_a_thread();
}

int
open64(const char *path, int flags, ...)
{
	int (*next)(const char *, int, ...);
	va_list args;
	mode_t mode;

	/* Where there is none it is not looked at. */
	va_start(args, flags);
	mode = va_arg(args, mode_t);
	va_end(args);
	*(void **)&next = dlsym(RTLD_NEXT, "open64");
	if (kind == PLANT_RELOAD || kind == PLANT_THREAD)
		look_at_opening(path);
	return next(path, flags, mode);
}

/* --- signal: each handler, counted ------------------------------------------ */

static void (*handlers[NSIG])(int, siginfo_t *, void *);
static atomic_ulong unpaid; /* signals that came and for which nothing leaked */

/* Not here: malloc is none of what a handler may call. */
static void
count_signal(int number, siginfo_t *info, void *context)
{
	/* Those that the kernel sends of itself, as for a child that ended,
	 * are not of the barrage. */
	if (info->si_code == SI_USER)
		atomic_fetch_add(&unpaid, 1);
	handlers[number](number, info, context);
}

static bool
is_of_the_barrage(int number)
{
	return number == SIGHUP || number == SIGUSR1 || number == SIGWINCH ||
	       number == SIGCHLD;
}

int
sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
	int (*next)(int, const struct sigaction *, struct sigaction *);
	struct sigaction ours;

	*(void **)&next = dlsym(RTLD_NEXT, "sigaction");
	if (kind == PLANT_SIGNAL && action && is_of_the_barrage(number) &&
	    (action->sa_flags & SA_SIGINFO)) {
		handlers[number] = action->sa_sigaction;
		ours = *action;
		ours.sa_sigaction = count_signal;
		action = &ours;
	}
	return next(number, action, old);
}

/* Where nginx's master waits for signals: the only place where it takes any. */
int
sigsuspend(const sigset_t *mask)
{
	int (*next)(const sigset_t *);
	unsigned long due;
	int result;

	*(void **)&next = dlsym(RTLD_NEXT, "sigsuspend");
	result = next(mask);
	if (kind == PLANT_SIGNAL)
		for (due = atomic_exchange(&unpaid, 0); due > 0; due--)
			plant_leak_for_a_signal();
	return result;
}
