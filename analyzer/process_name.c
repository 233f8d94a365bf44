#include "process_name.h"

#include <inttypes.h>

#include "format.h"
#include "path.h"

void
process_name(struct strbuf *out, const struct header *header, bool start)
{
	if (header->pid)
		strbuf_addf(out, "pid %" PRIu32, header->pid);
	else if (*header->exe)
		strbuf_adds(out, path_base(header->exe));
	else
		strbuf_adds(out, "unknown process");
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
