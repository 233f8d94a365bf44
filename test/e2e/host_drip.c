/*
 * host_drip WHAT...: does one unit of work at each SIGRTMIN+1 or SIGHUP, and
 * each WHAT says what that leaves behind. What begins with @ is a file of such words, as
 * a program has a configuration.
 *
 *	leak:N     N bytes, from drip_leak
 *	thread     a thread that ended and nobody joins, from drip_thread
 *	churn:N    N bytes that are freed again
 *	crash:N    at the Nth unit: SIGABRT
 *	pin:N      N KiB in small blocks that are freed again, below one that
 *	           stays: only malloc_trim gives them back
 *	slow:N     takes N ms
 *	exec:N     at each Nth unit: executes itself anew
 *	daemon     becomes one: the first process ends well
 *	deaf       ignores SIGTERM
 *	threaded   has a second thread from the start
 *
 * Says on stderr when it is up, and how it ends.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 16

static const char *words[WORDS_MAX];
static int word_count;
static char **arguments;
static void *volatile last;

__attribute__((noinline)) static void
drip_leak(size_t bytes)
{
	last = malloc(bytes);
	memset(last, 1, bytes);
}

static void
pin(long blocks)
{
	void **list = malloc((size_t)blocks * sizeof(*list));
	long i;

	for (i = 0; i < blocks; i++) {
		list[i] = malloc(1000);
		memset(list[i], 1, 1000);
	}
	last = malloc(16);
	while (blocks)
		free(list[--blocks]);
	free(list);
}

static void *
nothing(void *unused)
{
	return unused;
}

__attribute__((noinline)) static void
drip_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, nothing, NULL))
		abort();
}

static void *
wait_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void
work(const char *word, int unit)
{
	const char *colon = strchr(word, ':');
	long number = colon ? atol(colon + 1) : 0;

	if (!strncmp(word, "leak:", 5))
		drip_leak((size_t)number);
	else if (!strcmp(word, "thread"))
		drip_thread();
	else if (!strncmp(word, "churn:", 6))
		free(malloc((size_t)number));
	else if (!strncmp(word, "pin:", 4) && unit == 1)
		pin(number);
	else if (!strncmp(word, "slow:", 5))
		usleep((useconds_t)number * 1000);
	else if (!strncmp(word, "exec:", 5) && unit == number)
		execv("/proc/self/exe", arguments);
	if (!strncmp(word, "crash:", 6) && unit == number) {
		fprintf(stderr, "drip: crashing at %d\n", unit);
		abort();
	}
}

static void
add_word(const char *word)
{
	static char line[256];
	char *token;
	FILE *file;

	if (word[0] != '@') {
		if (word_count < WORDS_MAX)
			words[word_count++] = word;
		return;
	}
	file = fopen(word + 1, "r");
	if (!file || !fgets(line, sizeof(line), file))
		exit(3);
	fclose(file);
	for (token = strtok(line, " \n"); token; token = strtok(NULL, " \n"))
		add_word(token);
}

static int
has(const char *word)
{
	int i;

	for (i = 0; i < word_count; i++)
		if (!strcmp(words[i], word))
			return 1;
	return 0;
}

int
main(int argc, char **argv)
{
	pthread_t second;
	sigset_t set;
	int unit, i, sig;

	arguments = argv;
	for (i = 1; i < argc; i++)
		add_word(argv[i]);
	if (has("daemon") && daemon(1, 1))
		return 1;
	if (has("deaf"))
		signal(SIGTERM, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (has("threaded"))
		pthread_create(&second, NULL, wait_for_ever, NULL);
	fputs("drip: up\n", stderr);
	for (unit = 1; !sigwait(&set, &sig); unit++)
		for (i = 0; i < word_count; i++)
			work(words[i], unit);
	return 1;
}
