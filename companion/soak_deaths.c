#include "soak_deaths.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../analyzer/clock.h"
#include "../analyzer/xalloc.h"
#include "human.h"
#include "procfs_names.h"
#include "target.h"

#define SHIM_NAME "libleakshim.so"

/* linux/pidfd.h of 6.15; its layout is fixed at 64 bytes (VER0). */
struct exit_info {
	uint64_t mask;
	uint64_t cgroup;
	uint32_t ids[11];
	int32_t status; /* as of wait(2) */
};
#define EXIT_INFO _IOWR(0xff, 11, struct exit_info)
#define EXIT_INFO_STATUS (UINT64_C(1) << 3)

bool
soak_deaths_is_crash(int signal)
{
	switch (signal) {
	case SIGSEGV:
	case SIGBUS:
	case SIGILL:
	case SIGFPE:
	case SIGABRT:
	case SIGTRAP:
	case SIGSYS:
		return true;
	default:
		return false;
	}
}

void
soak_deaths_describe(const struct soak_death *death, struct strbuf *out)
{
	char name[HUMAN_SIGNAL_BYTES];

	strbuf_add_printable(out, death->name);
	strbuf_addf(out, ", pid %d, ", (int)death->pid);
	if (death->signal) {
		human_signal(name, (uint64_t)death->signal);
		strbuf_addf(out, "ended by SIG%s", name);
	} else {
		strbuf_adds(out, "was killed");
	}
	strbuf_addf(out, " in iteration %" PRIu64, death->iteration);
}

/* --- those that live --------------------------------------------------------- */

static void
drop(struct soak_deaths *deaths, size_t i)
{
	if (deaths->lives[i].fd >= 0)
		close(deaths->lives[i].fd);
	deaths->lives[i] = deaths->lives[--deaths->life_count];
}

/* Tracking begins some time after the start, its status file a second later. */
static void
look_at(struct soak_life *life)
{
	struct procfs_names names;
	struct target target;
	struct err ignored;

	if (target_hold(&target, life->pid, &ignored) < 0)
		return;
	if (target.stat.start_ticks == life->start_ticks) {
		if (!procfs_names(&target.proc, &names)) {
			snprintf(life->name, sizeof(life->name), "%s",
				 names.exe && *names.exe ? names.exe
							 : names.comm);
			procfs_names_release(&names);
		}
		life->tracked |= procfs_maps(&target.proc, SHIM_NAME) == 1;
		life->has_place = target_find(&target, &ignored) == 1 &&
				  target.place.root < 0;
		if (life->has_place)
			life->place = target.place;
	}
	target_close(&target);
}

static bool
is_known(const struct soak_deaths *deaths, pid_t pid)
{
	size_t i;

	for (i = 0; i < deaths->life_count; i++)
		if (deaths->lives[i].pid == pid)
			return true;
	return false;
}

static void
add_life(struct soak_deaths *deaths, pid_t pid)
{
	struct soak_life life = { .pid = pid };
	struct procfs_stat stat;
	struct procfs proc;
	bool alive;

	life.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (life.fd < 0)
		return;
	alive = procfs_open(&proc, pid) == 0;
	if (alive) {
		alive = procfs_stat(&proc, &stat) == 0;
		procfs_close(&proc);
	}
	if (!alive) {
		close(life.fd);
		return;
	}
	life.start_ticks = stat.start_ticks;
	look_at(&life);
	deaths->lives = xgrow(deaths->lives, &deaths->life_capacity,
			      deaths->life_count + 1, sizeof(*deaths->lives));
	deaths->lives[deaths->life_count++] = life;
}

/* --- those that died --------------------------------------------------------- */

static bool
has_left_file(const struct soak_life *life)
{
	struct status status;
	struct err ignored;
	bool left;

	if (!life->has_place ||
	    status_read(&status, &life->place, &ignored) != 1)
		return false;
	left = status.start_ticks == life->start_ticks;
	status_release(&status);
	return left;
}

bool
soak_deaths_status(int pidfd, int *status)
{
	struct exit_info info = { .mask = EXIT_INFO_STATUS };

	if (ioctl(pidfd, EXIT_INFO, &info) < 0 ||
	    !(info.mask & EXIT_INFO_STATUS))
		return false;
	*status = info.status;
	return true;
}

/* True if it ended by a signal, which is 0 if it is not known. */
static bool
was_killed(const struct soak_life *life, int *number)
{
	int status;

	*number = 0;
	if (!soak_children_ended(life->pid, &status) &&
	    !soak_deaths_status(life->fd, &status))
		return has_left_file(life);
	if (WIFSIGNALED(status))
		*number = WTERMSIG(status);
	return WIFSIGNALED(status);
}

static void
bury(struct soak_deaths *deaths, const struct soak_life *life,
     uint64_t iteration, struct strbuf *lines)
{
	struct soak_death death = { .pid = life->pid, .iteration = iteration };

	if (!life->tracked || !was_killed(life, &death.signal))
		return;
	memcpy(death.name, life->name, sizeof(death.name));
	deaths->crashed += soak_deaths_is_crash(death.signal);
	if (deaths->killed++ >= SOAK_DEATHS_MAX)
		return;
	deaths->list[deaths->killed - 1] = death;
	soak_deaths_describe(&death, lines);
	strbuf_addc(lines, '\n');
}

static bool
has_ended(const struct soak_life *life)
{
	struct pollfd wait = { .fd = life->fd, .events = POLLIN };

	return poll(&wait, 1, 0) > 0;
}

void
soak_deaths_look(struct soak_deaths *deaths, pid_t main,
		 const struct soak_spare *spare, uint64_t iteration, bool now,
		 struct strbuf *lines)
{
	pid_t pids[SOAK_CHILDREN_MAX];
	size_t count, i;

	if (!now && clock_s() < deaths->next_s)
		return;
	for (i = deaths->life_count; i > 0; i--) {
		struct soak_life *life = &deaths->lives[i - 1];

		if (has_ended(life)) {
			if (life->pid != main)
				bury(deaths, life, iteration, lines);
			drop(deaths, i - 1);
		} else if (!life->has_place) {
			look_at(life);
		}
	}
	count = soak_children_others(spare, pids, SOAK_CHILDREN_MAX);
	for (i = 0; i < count && deaths->life_count < SOAK_LIVES_MAX; i++)
		if (pids[i] != main && !is_known(deaths, pids[i]))
			add_life(deaths, pids[i]);
	if (i < count && !deaths->crowd_told) {
		strbuf_addf(lines,
			    "there are more than %d processes: a crash may "
			    "not be seen\n",
			    SOAK_LIVES_MAX);
		deaths->crowd_told = true;
	}
	deaths->next_s = clock_s() + SOAK_DEATHS_LOOK_S;
}

void
soak_deaths_end(struct soak_deaths *deaths)
{
	while (deaths->life_count)
		drop(deaths, deaths->life_count - 1);
	free(deaths->lives);
	deaths->lives = NULL;
	deaths->life_capacity = 0;
}
