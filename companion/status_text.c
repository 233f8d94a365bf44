#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/facts.h"
#include "../analyzer/format.h"
#include "human.h"
#include "overlay.h"
#include "status_report.h"

/* Losses by their names in snapshot.proto, with words to follow the number. */
static const struct {
	const char *name;
	const char *words;
} losses[] = {
#define X(name, words) { #name, words },
	LOSSES(X)
#undef X
};

/* One line "label  text"; a label of "" continues the one above. */
static void __attribute__((format(printf, 3, 4)))
add_line(struct strbuf *out, const char *label, const char *format, ...)
{
	struct strbuf text = { 0 };
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&text, format, args);
	va_end(args);
	strbuf_addf(out, "%-14s", label);
	strbuf_add_printable(out, strbuf_text(&text));
	strbuf_addc(out, '\n');
	strbuf_release(&text);
}

static void
add_process(struct strbuf *out, const struct target *target)
{
	const struct status *status = &target->status;
	int pid = (int)target->proc.pid;

	if (status->pid == (uint64_t)pid)
		add_line(out, "process", "%d  %s", pid, status->exe);
	else
		add_line(out, "process",
			 "%d (%" PRIu64 " in its own namespace)  %s", pid,
			 status->pid, status->exe);
	if (*status->reason)
		add_line(out, "state", "%s: %s", status->state_name,
			 status->reason);
	else
		add_line(out, "state", "%s", status->state_name);
}

static void
add_thinned_mode(struct strbuf *out, const struct status *status)
{
	struct strbuf thinning = { 0 };

	format_thinning(&thinning, status_loss(status, STATUS_THINNING));
	add_line(out, "mode", "%s at first, %s", status->mode,
		 strbuf_text(&thinning));
	strbuf_release(&thinning);
}

static void
add_mode(struct strbuf *out, const struct status *status)
{
	char size[HUMAN_BYTES], *options;

	if (status->sample > 1) {
		human_bytes(size, status->sample);
		add_line(out, "mode", "%s, one sample every %s on average",
			 status->mode, size);
	} else if (status_loss(status, STATUS_THINNING)) {
		add_thinned_mode(out, status);
	} else {
		add_line(out, "mode", "%s", status->mode);
	}
	if (!strcmp(status->unwind, "libunwind"))
		add_line(out, "unwind",
			 "libunwind (for diagnosis: it can deadlock a threaded "
			 "program)");
	else
		add_line(out, "unwind", "%s", status->unwind);
	options = overlay_spoken(status->options);
	add_line(out, "options", "%s", options);
	free(options);
}

/* A trigger in force, or who took it. */
static void
add_signal(struct strbuf *out, const char *label, uint64_t number,
	   const char *note)
{
	char name[HUMAN_SIGNAL_BYTES];

	if (!number) {
		add_line(out, label, "none in force%s%s", *note ? ": " : "",
			 note);
		return;
	}
	human_signal(name, number);
	add_line(out, label, "SIG%s (%" PRIu64 ")%s%s", name, number,
		 *note ? ": " : "", note);
}

static void
add_snapshot(struct strbuf *out, const struct target *target, uint64_t now_ns)
{
	const struct status *status = &target->status;
	char age[HUMAN_BYTES];
	char *path;

	path = target_path(target, status->out);
	add_line(out, "snapshots to", "%s", path);
	free(path);
	if (*status->out_note)
		add_line(out, "", "%s", status->out_note);
	if (status->sequence) {
		path = target_path(target, status->snapshot);
		human_age(age, now_ns, status->snapshot_ns);
		/* By which they are sorted; names count files alone. */
		add_line(out, "last one", "number %" PRIu64 "%s, %s: %s",
			 status->sequence,
			 status->dump_count ? " of snapshots and dumps" : "",
			 age, path);
		free(path);
	} else {
		add_line(out, "last one", "none yet");
	}
	if (*status->error)
		add_line(out, "last error", "%s", status->error);
}

/* No process has as many of anything. */
static int64_t
clamp(uint64_t count)
{
	return count > INT64_MAX ? INT64_MAX : (int64_t)count;
}

static void
add_amount(struct strbuf *out, const char *label, uint64_t objects,
	   uint64_t bytes)
{
	struct strbuf count = { 0 };
	char size[HUMAN_BYTES];

	human_bytes(size, bytes);
	format_count(&count, clamp(objects), false);
	add_line(out, label, "%s in %s object%s", size, strbuf_text(&count),
		 objects == 1 ? "" : "s");
	strbuf_release(&count);
}

static void
add_totals(struct strbuf *out, const struct status *status)
{
	if (status->has_totals) {
		add_amount(out, "live", status->live_objects,
			   status->live_bytes);
		add_amount(out, "allocated", status->alloc_objects,
			   status->alloc_bytes);
		add_amount(out, "freed", status->free_objects,
			   status->free_bytes);
	} else {
		add_line(out, "live", "not counted yet");
	}
	add_line(out, "threads",
		 "%" PRIu64 " running beside the first, %" PRIu64
		 " exited but not joined",
		 status->threads_running, status->threads_unjoined);
}

static void
add_loss(struct strbuf *out, const char *label, const struct status_loss *loss)
{
	const char *words = loss->name; /* of a newer shim */
	struct strbuf text = { 0 };
	size_t i;

	if (!strcmp(loss->name, STATUS_THINNING)) {
		format_thinning(&text, loss->count);
		add_line(out, label, "%s", strbuf_text(&text));
		strbuf_release(&text);
		return;
	}
	for (i = 0; i < sizeof(losses) / sizeof(losses[0]); i++)
		if (!strcmp(loss->name, losses[i].name))
			words = losses[i].words;
	format_count(&text, clamp(loss->count), false);
	add_line(out, label, "%s %s", strbuf_text(&text), words);
	strbuf_release(&text);
}

static void
add_losses(struct strbuf *out, const struct status *status)
{
	bool any = false;
	size_t i;

	for (i = 0; i < status->loss_count; i++) {
		if (!status->losses[i].count)
			continue;
		add_loss(out, any ? "" : "lost", &status->losses[i]);
		any = true;
	}
	if (!any)
		add_line(out, "lost", "nothing");
}

static void
add_cost(struct strbuf *out, const struct status *status)
{
	char size[HUMAN_BYTES], cpu[HUMAN_BYTES], hold[HUMAN_BYTES];

	human_bytes(size, status->own_bytes);
	human_duration(cpu, status->cpu_ns);
	human_duration(hold, status->longest_hold_ns);
	add_line(out, "own memory", "%s mapped by the shim", size);
	add_line(out, "writer", "%s of processor time", cpu);
	add_line(out, "longest hold", "%s of a thread of the program", hold);
}

void
status_text(struct strbuf *out, const struct target *target, uint64_t now_ns)
{
	const struct status *status = &target->status;
	char age[HUMAN_BYTES];
	size_t i;

	add_process(out, target);
	add_mode(out, status);
	add_signal(out, "signal", status->signal, status->signal_note);
	add_signal(out, "bell", status->bell, status->bell_note);
	if (status->helper)
		add_line(out, "helper", "thread %" PRIu64, status->helper);
	else
		add_line(out, "helper", "none");
	add_snapshot(out, target, now_ns);
	add_totals(out, status);
	add_losses(out, status);
	add_cost(out, status);
	human_age(age, now_ns, status->updated_ns);
	add_line(out, "as of", "%s", age);
	add_line(out, "version", "%s", status->version);
	for (i = 0; i < status->message_count; i++)
		add_line(out, i ? "" : "messages", "%s", status->messages[i]);
}
