#include "process.h"

#include <inttypes.h>
#include <string.h>

#include "format.h"
#include "path.h"

/* Profiles tell no more of their process. One of goroutines is no heap that is
 * empty: the two make no history. */
static bool
is_same_program(const struct header *a, const struct header *b)
{
	return *a->boot_id || (strcmp(a->exe, b->exe) == 0 &&
			       strcmp(a->exe_build_id, b->exe_build_id) == 0 &&
			       strcmp(a->counted, b->counted) == 0);
}

bool
process_same(const struct header *a, const struct header *b)
{
	return is_same_program(a, b) && a->pid == b->pid &&
	       a->start_ticks == b->start_ticks &&
	       a->start_monotonic_ns == b->start_monotonic_ns &&
	       a->pid_namespace == b->pid_namespace &&
	       strcmp(a->boot_id, b->boot_id) == 0 &&
	       strcmp(a->host, b->host) == 0;
}

void
process_name(struct strbuf *out, const struct header *header, bool start)
{
	if (header->pid)
		strbuf_addf(out, "pid %" PRIu32, header->pid);
	else if (*header->exe)
		strbuf_adds(out, path_base(header->exe));
	else
		strbuf_adds(out, "unknown process");
	if (*header->counted)
		strbuf_addf(out, " (%s)", header->counted);
	if (*header->host)
		strbuf_addf(out, " on %s", header->host);
	if (!start || !header->start_wall_ns)
		return;
	strbuf_adds(out, " since ");
	format_time(out, header->start_wall_ns);
}

void
process_name_printable(struct strbuf *out, const struct header *header)
{
	struct strbuf name = { 0 };

	process_name(&name, header, false);
	strbuf_add_printable(out, strbuf_text(&name));
	strbuf_release(&name);
}
