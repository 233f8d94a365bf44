#include "soak_children.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../analyzer/clock.h"
#include "../analyzer/xalloc.h"

/* Statuses of orphans that are remembered; whoever asks does so soon. Those of
 * what we started stay until they are asked for and forgotten: a crowd of
 * orphans that end at once must not push one out. */
#define ENDED_MAX 256
/* Rounds of killing: each reaches one generation of orphans. */
#define KILL_ROUNDS 200
#define KILL_PAUSE_NS 5000000
#define CHILDREN_BYTES 65536
#define PATH_BYTES 320

struct ended {
	pid_t pid;
	int status;
};

struct started {
	pid_t pid; /* 0 = forgotten */
	bool has_ended;
	int status;
};

static struct ended ended[ENDED_MAX];
static size_t ended_count; /* ever */
static struct started *started;
static size_t started_count;
static size_t started_capacity;
/* Children that were there before the soak, as after `server & exec leakshim`:
 * they are nobody's to end. A pid in it is good until we have waited for it. */
static volatile pid_t foreign[SOAK_CHILDREN_MAX];
static size_t foreign_count;
static pid_t apart;
static volatile sig_atomic_t stops;
/* A byte comes in with each of our signals, so that no wait misses one. */
static int wake[2] = { -1, -1 };

/* Of a process as the kernel lists it. */
static void
children_path(char *path, size_t size, pid_t pid, const char *tid)
{
	snprintf(path, size, "/proc/%d/task/%s/children", (int)pid, tid);
}

/* --- the end, also from a handler ------------------------------------------- */

static bool
is_foreign(pid_t pid)
{
	size_t i;

	for (i = 0; i < foreign_count; i++)
		if (foreign[i] == pid)
			return true;
	return false;
}

/* Our main thread is the parent of all that we started or were left. Only
 * what is allowed in a handler. */
static size_t
kill_children(int children)
{
	char text[4096];
	ssize_t len, i;
	size_t count = 0;
	pid_t pid = 0;

	len = pread(children, text, sizeof(text), 0);
	for (i = 0; i < len; i++) {
		if (text[i] >= '0' && text[i] <= '9') {
			pid = pid * 10 + (text[i] - '0');
		} else if (pid > 0) {
			if (!is_foreign(pid)) {
				kill(pid, SIGKILL);
				count++;
			}
			pid = 0;
		}
	}
	return count;
}

static int own_children = -1; /* /proc/self/task/SELF/children */

static void
kill_all(void)
{
	const struct timespec pause = { 0, KILL_PAUSE_NS };
	pid_t pid;
	size_t k;
	int i;

	for (i = 0; i < KILL_ROUNDS; i++) {
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			for (k = 0; k < foreign_count; k++)
				if (foreign[k] == pid)
					foreign[k] = 0;
		if (own_children < 0 || !kill_children(own_children))
			return;
		nanosleep(&pause, NULL);
	}
}

static void
on_signal(int sig)
{
	int error = errno;

	if (sig != SIGCHLD && stops++) {
		kill_all();
		_exit(128 + sig);
	}
	/* Full: then there is enough in it. */
	if (write(wake[1], "", 1) < 0)
		errno = error;
	errno = error;
}

int
soak_children_init(struct err *err)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_NOCLDSTOP | SA_RESTART };
	struct sigaction before;
	char path[PATH_BYTES], tid[16];
	pid_t pids[SOAK_CHILDREN_MAX];
	size_t i;

	snprintf(tid, sizeof(tid), "%d", (int)getpid());
	children_path(path, sizeof(path), getpid(), tid);
	own_children = open(path, O_RDONLY | O_CLOEXEC);
	if (own_children < 0)
		return err_set(err, ERR_STEP, "cannot open '%s': %s", path,
			       strerror(errno));
	if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return err_set(err, ERR_STEP, "cannot wait for processes: %s",
			       strerror(errno));
	foreign_count = soak_children_list(pids, SOAK_CHILDREN_MAX);
	for (i = 0; i < foreign_count; i++)
		foreign[i] = pids[i];
	sigemptyset(&action.sa_mask);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* Under nohup(1) the terminal's end is not ours. */
		if (signals[i] == SIGHUP && !sigaction(SIGHUP, NULL, &before) &&
		    before.sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &action, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

int
soak_children_stops(void)
{
	return stops > 0;
}

/* --- waiting ---------------------------------------------------------------- */

double
soak_children_now(void)
{
	return clock_s();
}

static struct started *
find_started(pid_t pid)
{
	size_t i;

	for (i = 0; i < started_count; i++)
		if (started[i].pid == pid)
			return &started[i];
	return NULL;
}

static void
remember(pid_t pid, int status)
{
	struct started *own = find_started(pid);
	size_t i;

	for (i = 0; i < foreign_count; i++)
		if (foreign[i] == pid)
			foreign[i] = 0;
	if (own) {
		own->has_ended = true;
		own->status = status;
		return;
	}
	ended[ended_count++ % ENDED_MAX] = (struct ended){ pid, status };
}

static void
reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		remember(pid, status);
}

void
soak_children_wait(double seconds)
{
	struct pollfd fd = { .fd = wake[0], .events = POLLIN };
	char bytes[256];
	int ms = seconds >= 3600 ? 3600000 : (int)(seconds * 1000 + 0.999);

	if (poll(&fd, 1, ms > 0 ? ms : 0) > 0)
		while (read(wake[0], bytes, sizeof(bytes)) > 0)
			continue;
	reap();
}

bool
soak_children_ended(pid_t pid, int *status)
{
	const struct started *own;
	size_t i;

	reap();
	own = find_started(pid);
	if (own) {
		*status = own->status;
		return own->has_ended;
	}
	for (i = 0; i < ENDED_MAX && i < ended_count; i++) {
		if (ended[i].pid != pid)
			continue;
		*status = ended[i].status;
		return true;
	}
	return false;
}

void
soak_children_forget(pid_t pid)
{
	struct started *own = find_started(pid);
	size_t i;

	if (own)
		own->pid = 0;
	for (i = 0; i < ENDED_MAX; i++)
		if (ended[i].pid == pid)
			ended[i].pid = 0;
}

static void
add_started(pid_t pid)
{
	struct started *own = find_started(0);

	if (!own) {
		started = xgrow(started, &started_capacity, started_count + 1,
				sizeof(*started));
		own = &started[started_count++];
	}
	*own = (struct started){ .pid = pid };
}

void
soak_children_set_apart(pid_t pid)
{
	apart = pid;
}

/* --- starting --------------------------------------------------------------- */

/* In the child: other threads may have held any lock of libc's. */
static void
become(const char *path, char *const *argv, char *const *envp, int output,
       int report)
{
	int null = open("/dev/null", O_RDONLY);
	struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t none;
	int error;

	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGPIPE, &standard, NULL);
	sigaction(SIGHUP, &standard, NULL);
	sigaction(SIGINT, &standard, NULL);
	sigaction(SIGQUIT, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null >= 0)
		dup2(null, 0);
	if (null > 2)
		close(null);
	dup2(output, 1);
	dup2(output, 2);
	execve(path, argv, envp);
	error = errno;
	if (write(report, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

pid_t
soak_children_start(const char *path, char *const *argv, char *const *envp,
		    int output)
{
	int report[2], error = 0, status;
	sigset_t all, before;
	ssize_t len;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) < 0)
		return -1;
	/* The child must not run our handlers. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		become(path, argv, envp, output, report[1]);
	error = errno;
	if (pid > 0) {
		soak_children_forget(pid);
		add_started(pid);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(report[1]);
	if (pid < 0) {
		close(report[0]);
		errno = error;
		return -1;
	}
	do
		len = read(report[0], &error, sizeof(error));
	while (len < 0 && errno == EINTR);
	close(report[0]);
	if (len != (ssize_t)sizeof(error))
		return pid;
	while (!soak_children_ended(pid, &status))
		soak_children_wait(1);
	soak_children_forget(pid);
	errno = error;
	return -1;
}

/* --- who is there ----------------------------------------------------------- */

static void
add_children(pid_t pid, const char *tid, pid_t *pids, size_t *count,
	     size_t most)
{
	static char text[CHILDREN_BYTES];
	char path[PATH_BYTES], *at = text, *end;
	ssize_t len;
	long child;
	int fd;

	children_path(path, sizeof(path), pid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[len > 0 ? len : 0] = '\0';
	for (; *count < most; at = end) {
		child = strtol(at, &end, 10);
		if (end == at)
			return;
		pids[(*count)++] = (pid_t)child;
	}
}

static void
add_children_of(pid_t pid, pid_t *pids, size_t *count, size_t most)
{
	struct dirent *entry;
	char path[64];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (!tasks)
		return;
	while ((entry = readdir(tasks)) && *count < most)
		if (entry->d_name[0] != '.')
			add_children(pid, entry->d_name, pids, count, most);
	closedir(tasks);
}

/* All but the foreign ones, and `without` with what descends from it. */
static size_t
list_without(pid_t without, pid_t *pids, size_t most)
{
	size_t count = 0, kept = 0, i;

	add_children_of(getpid(), pids, &count, most);
	for (i = 0; i < count; i++)
		if (pids[i] != without && !is_foreign(pids[i]))
			pids[kept++] = pids[i];
	count = kept;
	for (i = 0; i < count; i++)
		add_children_of(pids[i], pids, &count, most);
	return count;
}

size_t
soak_children_list(pid_t *pids, size_t most)
{
	return list_without(0, pids, most);
}

static size_t
list_others(const struct soak_spare *spare, pid_t without, pid_t *pids,
	    size_t most)
{
	size_t count = list_without(without, pids, most), kept = 0, i, k;

	for (i = 0; i < count; i++) {
		for (k = 0; k < spare->count && spare->pids[k] != pids[i]; k++)
			continue;
		if (k == spare->count)
			pids[kept++] = pids[i];
	}
	return kept;
}

size_t
soak_children_others(const struct soak_spare *spare, pid_t *pids, size_t most)
{
	return list_others(spare, apart, pids, most);
}

/* Signals all but the spared; how many there are. */
static size_t
signal_others(int number, const struct soak_spare *spare)
{
	pid_t pids[SOAK_CHILDREN_MAX];
	size_t count = list_others(spare, 0, pids, SOAK_CHILDREN_MAX), i;

	for (i = 0; number && i < count; i++)
		kill(pids[i], number);
	return count;
}

bool
soak_children_are_more(const struct soak_spare *spare)
{
	pid_t pids[SOAK_CHILDREN_MAX];

	return soak_children_others(spare, pids, SOAK_CHILDREN_MAX) > 0;
}

/* A grandchild's end tells us nothing. */
static void
wait_for_others(double end, pid_t first, const struct soak_spare *spare)
{
	double left;

	while ((left = end - soak_children_now()) > 0) {
		reap();
		if (!signal_others(0, spare) ||
		    (first > 0 && kill(first, 0) < 0))
			return;
		soak_children_wait(left < 0.05 ? left : 0.05);
	}
}

void
soak_children_spare(struct soak_spare *spare)
{
	spare->count = soak_children_list(spare->pids, SOAK_CHILDREN_MAX);
}

size_t
soak_children_end(pid_t first, double grace_s, const struct soak_spare *spare)
{
	static const struct soak_spare none;
	double end = soak_children_now() + grace_s;
	int i;

	if (!spare)
		spare = &none;
	/* A master ends its workers in its own way. */
	if (first > 0 && !kill(first, SIGTERM))
		wait_for_others(end, first, spare);
	if (signal_others(SIGTERM, spare))
		wait_for_others(end, 0, spare);
	for (i = 0; i < KILL_ROUNDS; i++) {
		reap();
		if (!signal_others(SIGKILL, spare))
			return 0;
		soak_children_wait((double)KILL_PAUSE_NS / 1e9);
	}
	reap();
	return signal_others(0, spare);
}
