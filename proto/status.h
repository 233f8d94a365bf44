/*
 * The status file and the bell: how the companion finds a tracked process and
 * asks it for something.
 *
 * THE FILE. Each tracked process owns one, replaced whole (temporary name,
 * rename), so a reader never sees half of it:
 *
 *	/run/user/UID/leakshim/PIDNS-PID     if /run/user/UID is there
 *	/tmp/leakshim-UID/PIDNS-PID          else
 *
 * UID is the process's effective user id at the time of writing, PIDNS the
 * inode of its pid namespace, PID its pid in it (both decimal). Directory
 * 0700, file 0600, both owned by UID: a reader ignores what is not, never
 * follows a link, and reads at most LKS_STATUS_BYTES. A file whose pid is
 * gone or has another start time is stale, and whoever sees it removes it.
 *
 * It is text, one `key=value` a line, in values a byte below 0x20, 0x7f or
 * '%' is %XX. The first line is LKS_STATUS_MAGIC. Unknown keys are skipped.
 *
 *	version      shim version
 *	pid          in the process's own namespace
 *	start_ticks  field 22 of /proc/PID/stat
 *	ppid
 *	exe
 *	state        on | dormant | off
 *	reason       why it is off, or empty
 *	options      in force, as LEAKSHIM= takes them
 *	mode         exact | sampled
 *	sample       mean bytes of the sample; 1 = exact
 *	unwind       backend in force
 *	out          resolved path template; still has %n
 *	out_note     why it is not where it was asked to be, or empty
 *	signal       number of the user's signal, 0 = none in force
 *	signal_note  why there is none, or empty
 *	bell         number of the bell's signal, 0 = none in force
 *	bell_note
 *	helper       tid of the helper thread, 0 = none
 *	sequence     of the last snapshot, 0 = none yet
 *	snapshot     its path
 *	snapshot_ns  when it was written, CLOCK_REALTIME
 *	error        why the last snapshot, or dump, could not be written, or
 *	             empty
 *	scrape_error why the last scrape could not be written; no line if it
 *	             could
 *	token        of a request that was completed; one line for each of
 *	             the last LKS_STATUS_TOKENS, in no order
 *	dump         TOKEN PATH of a dump that was written; one line for each
 *	             of the last LKS_STATUS_DUMPS, newest first
 *	dump_error   TOKEN TEXT, instead of it: why it could not be written
 *	updated_ns   when this file was written, CLOCK_REALTIME
 *	cpu_ns       processor time the writer has used
 *	live_objects live_bytes alloc_objects alloc_bytes free_objects free_bytes
 *	threads_running threads_unjoined
 *	own_bytes    mapped by the shim, but for sparse tables of fixed size
 *	longest_hold_ns
 *	loss.NAME    one line per loss that is not 0, named as in snapshot.proto
 *	message      what would have gone to descriptor 2, may repeat
 *
 * THE BELL. A queued signal (rt_sigqueueinfo, or rt_tgsigqueueinfo to the
 * helper) with si_code SI_QUEUE and si_value.sival_ptr a word as made by
 * lks_bell_word(). Anything else on that signal is ignored.
 *
 * THE REQUEST FILE. LKS_BELL_MARK and LKS_BELL_DUMP need words. They lie beside
 * the status file, as PIDNS-PID.TOKEN with the bell's token in decimal, written
 * by the asker before it rings: 0600, one link, owned by the process's
 * effective user, at most LKS_REQUEST_BYTES; what is not all of that, or is a
 * link, is left alone. Text as above, with LKS_REQUEST_MAGIC in its first line
 * and an end of line after the last:
 *
 *	mark         text of the mark, below LKS_MARK_BYTES, no NUL
 *	contents     bytes of each block in the dump, at most LKS_CONTENTS_MAX;
 *	             none if the key is not there
 *
 * The process removes the file when it has taken it. So if it is still there
 * when the token has come back, nothing was done: it broke these rules, or the
 * shim is an older one. Then, and if no answer comes, the asker removes it.
 *
 * A SCRAPE is a snapshot that is the asker's alone. It lies beside the status
 * file, as PIDNS-PID.scrape (0600), and takes the place of one that nobody
 * fetched. It has no number, in its header and in `sequence`, and counts neither
 * for keep= nor for on=grow. The asker opens it when its token has come back,
 * and removes it. If it is not there, scrape_error says why; or another asker
 * took it, who was answered by the same one: then it may be asked for again; or
 * the shim is an older one.
 */
#pragma once

#include <stdint.h>

#define LKS_STATUS_MAGIC "leakshim-status 1"
#define LKS_REQUEST_MAGIC "leakshim-request 1"

enum lks_bell {
	LKS_BELL_SNAPSHOT = 1, /* write a snapshot */
	LKS_BELL_REFRESH = 2,  /* write the status file with fresh totals */
	LKS_BELL_START = 3,    /* leave dormancy */
	LKS_BELL_DUMP = 4,     /* write every live block, as the request says */
	LKS_BELL_MARK = 5,     /* take the request's text */
	LKS_BELL_TRIM = 6,     /* malloc_trim, by the helper: nothing is done
				* where there is none */
	LKS_BELL_SCRAPE = 7,   /* write a snapshot for the asker alone */
};

/* High half of a bell word: no program queues it by accident. */
#define LKS_BELL_MAGIC 0x6c6b7368u

/* Askers at once that are all answered. */
#define LKS_STATUS_TOKENS 64

/* Dumps whose names are told: a path escaped is 12 KiB at worst. */
#define LKS_STATUS_DUMPS 4

/* `token` (24 bits, not 0) comes back as a `token=` in the status file. */
static inline uint64_t
lks_bell_word(enum lks_bell op, uint32_t token)
{
	return (uint64_t)LKS_BELL_MAGIC << 32 | (uint64_t)op << 24 |
	       (token & 0xffffff);
}
