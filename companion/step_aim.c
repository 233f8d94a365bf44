#include "step_aim.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../analyzer/clock.h"
#include "human.h"
#include "procfs.h"
#include "procfs_text.h"

/* Between two looks: from the time that a handler takes to one that a busy
 * program may need. */
#define LOOK_NS_MIN 20000
#define LOOK_NS_MAX 5000000

int
step_aim_open(struct step_aim *aim, pid_t pid)
{
	*aim = (struct step_aim){
		.pid = pid,
		.fd = (int)syscall(SYS_pidfd_open, pid, 0),
	};
	return aim->fd < 0 && errno == ESRCH ? -1 : 0;
}

void
step_aim_close(struct step_aim *aim)
{
	if (aim->fd >= 0)
		close(aim->fd);
	aim->fd = -1;
}

int
step_aim_send(const struct step_aim *aim, int number)
{
	if (aim->fd < 0)
		return kill(aim->pid, number);
	return (int)syscall(SYS_pidfd_send_signal, aim->fd, number, NULL, 0);
}

/* Of the process and of its main thread. 0 as well of one that has ended. */
static uint64_t
pending(pid_t pid)
{
	const char *state, *own, *shared;
	uint64_t of_thread = 0, of_process = 0;
	struct procfs proc;
	char *text;

	if (procfs_open(&proc, pid) < 0)
		return 0;
	text = procfs_text_read(proc.fd, "status");
	procfs_close(&proc);
	if (!text)
		return 0;
	/* What nobody waited for has no use for them. */
	state = procfs_text_line(text, "State");
	if (!state || state[strspn(state, " \t")] == 'Z') {
		free(text);
		return 0;
	}
	own = procfs_text_line(text, "SigPnd");
	shared = procfs_text_line(text, "ShdPnd");
	if (own && sscanf(own, "%" SCNx64, &of_thread) != 1)
		of_thread = 0;
	if (shared && sscanf(shared, "%" SCNx64, &of_process) != 1)
		of_process = 0;
	free(text);
	return of_thread | of_process;
}

static int
complain(const struct step_aim *aim, uint64_t set, struct err *err)
{
	char name[HUMAN_SIGNAL_BYTES];
	int number = 1;

	while (!(set & step_aim_bit(number)))
		number++;
	human_signal(name, (uint64_t)number);
	return err_set(err, ERR_STEP,
		       "timed out: process %d does not take SIG%s: it hangs, "
		       "or has it blocked",
		       (int)aim->pid, name);
}

int
step_aim_await(const struct step_aim *aim, uint64_t set,
	       const struct step_world *world, double end_s, struct err *err)
{
	struct timespec pause = { 0, LOOK_NS_MIN };
	uint64_t waiting;

	while ((waiting = pending(aim->pid) & set)) {
		if (world->should_stop(world->context))
			return 0;
		if (clock_s() > end_s)
			return complain(aim, waiting, err);
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < LOOK_NS_MAX)
			pause.tv_nsec *= 2;
	}
	return 0;
}
