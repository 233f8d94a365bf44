/* cflags: -Wno-deprecated-declarations */
/* link: -pthread */
/*
 * What a host may do with our signal, and what it must see: a handler installed
 * before (in a constructor) or after us runs, once for each signal; an ignored
 * one stays ignored; queries answer as without us, by every call there is; in
 * forked children, after exec, in threads. Run once for each way by the .sh,
 * which compares with plain runs.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

static volatile sig_atomic_t taken;

static void
take(int sig)
{
	(void)sig;
	taken++;
}

static const char *
name_of(void (*handler)(int))
{
	if (handler == SIG_DFL)
		return "default";
	if (handler == SIG_IGN)
		return "ignored";
	return handler == take ? "mine" : "another";
}

static void
show(const char *when)
{
	struct sigaction seen;
	sigset_t blocked;

	sigaction(SIGUSR2, NULL, &seen);
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	printf("%s: %s, flags %x, mask %d, blocked %d, taken %d\n", when,
	       name_of(seen.sa_handler), (unsigned)seen.sa_flags & ~0x4000000u,
	       sigismember(&seen.sa_mask, SIGUSR1),
	       sigismember(&blocked, SIGUSR2), (int)taken);
}

static void
install(void)
{
	struct sigaction act = { .sa_handler = take, .sa_flags = SA_NODEFER };

	sigaddset(&act.sa_mask, SIGUSR1);
	sigaction(SIGUSR2, &act, NULL);
}

/* Before our constructor. */
static void
early(int argc, char **argv, char **environment)
{
	(void)environment;
	if (argc > 1 && strcmp(argv[1], "early") == 0)
		install();
}

__attribute__((section(".preinit_array"),
	       used)) static void (*const first)(int, char **, char **) = early;

static void *
show_in_thread(void *when)
{
	show(when);
	return NULL;
}

static void
show_everywhere(void)
{
	pthread_t thread;
	pid_t pid;

	show("main");
	pthread_create(&thread, NULL, show_in_thread,
		       (void *)(size_t) "thread");
	pthread_join(thread, NULL);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		show("child");
		exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void
raise_twice(void)
{
	kill(getpid(), SIGUSR2);
	raise(SIGUSR2);
	show("raised");
}

int
main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";

	show_everywhere();
	if (strcmp(way, "early") == 0) {
		raise_twice();
	} else if (strcmp(way, "sigaction") == 0) {
		install();
		raise_twice();
	} else if (strcmp(way, "signal") == 0) {
		printf("%s\n", name_of(signal(SIGUSR2, take)));
		raise_twice();
	} else if (strcmp(way, "sigset") == 0) {
		printf("%s\n", name_of(sigset(SIGUSR2, take)));
		raise_twice();
	} else if (strcmp(way, "held") == 0) {
		sighold(SIGUSR2);
		printf("%d\n", sigset(SIGUSR2, take) == SIG_HOLD);
		raise_twice();
	} else if (strcmp(way, "interrupts") == 0) {
		siginterrupt(SIGUSR2, 1);
		printf("%s\n", name_of(signal(SIGUSR2, take)));
		raise_twice();
	} else if (strcmp(way, "sysv") == 0) {
		printf("%s\n", name_of(sysv_signal(SIGUSR2, take)));
		kill(getpid(), SIGUSR2);
		show("raised once");
	} else if (strcmp(way, "default") == 0) {
		printf("%s\n", name_of(signal(SIGUSR2, SIG_DFL)));
		printf("%s\n", name_of(sigset(SIGUSR2, SIG_DFL)));
	} else if (strcmp(way, "ignore") == 0) {
		printf("%s\n", name_of(signal(SIGUSR2, SIG_IGN)));
		raise_twice();
	} else if (strcmp(way, "hold") == 0) {
		sighold(SIGUSR2);
		install();
		raise_twice();
		sigrelse(SIGUSR2);
	} else if (strcmp(way, "back") == 0) {
		install();
		raise_twice();
		printf("%s\n", name_of(signal(SIGUSR2, SIG_DFL)));
		show("back");
		signal(SIGUSR2, SIG_IGN);
	} else if (strcmp(way, "exec") == 0) {
		signal(SIGUSR2, SIG_IGN);
		execl("/proc/self/exe", "self", "inherited", (char *)NULL);
	} else if (strcmp(way, "inherited") == 0) {
		raise_twice();
	}
	show_everywhere();
	return 0;
}
