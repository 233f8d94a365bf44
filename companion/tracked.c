#include "tracked.h"

#include <stdbool.h>
#include <unistd.h>

#include "overlay.h"
#include "pick.h"
#include "target.h"

/* Its status file can only be in a directory of one of its users, and others'
 * are closed to us. */
static bool
is_ours(const struct procfs_status *who)
{
	uid_t own = geteuid();

	return own == 0 || who->effective_uid == own || who->real_uid == own ||
	       who->saved_uid == own;
}

/* Processes come and go: what can't be looked at is not listed. */
static int
look(pid_t pid, int (*visit)(struct target *target, void *arg), void *arg,
     struct strbuf *warnings)
{
	struct target target;
	struct err err;
	int result = 0;

	if (target_hold(&target, pid, &err) < 0)
		return 0;
	if (is_ours(&target.who)) {
		switch (target_find(&target, &err)) {
		case 1:
			if (!target_moved_on(&target))
				result = visit(&target, arg);
			break;
		case -1:
			/* What is in the way of a program without the shim is
			 * nobody's business: in a user namespace it may be
			 * called as another user here. */
			if (warnings &&
			    procfs_maps(&target.proc, OVERLAY_LIBRARY) != 0)
				strbuf_addf(warnings, "process %d: %s\n",
					    (int)pid, err.text);
			break;
		default:
			break;
		}
	}
	target_close(&target);
	return result;
}

int
tracked_each(int (*visit)(struct target *target, void *arg), void *arg,
	     struct strbuf *warnings, struct err *err)
{
	struct pick all;
	int result = 0;
	size_t i;

	target_sweep();
	if (target_check_proc(err) < 0)
		return -1;
	if (pick_all(&all, err) < 0)
		return -1;
	for (i = 0; i < all.count && !result; i++)
		result = look(all.pids[i], visit, arg, warnings);
	pick_release(&all);
	return result;
}
