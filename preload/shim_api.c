/*
 * What leakshim.h finds from inside the host: marks and snapshots.
 */
#include <string.h>

#include "../proto/limits.h"
#include "boot.h"
#include "marks.h"
#include "shim.h"
#include "writer.h"

LKS_EXPORT int leakshim_shim_present(void);
LKS_EXPORT void leakshim_shim_mark(const char *text);
LKS_EXPORT void leakshim_shim_snapshot(void);

LKS_EXPORT int
leakshim_shim_present(void)
{
	return lks_boot_is_complete() && (lks_is_on() || lks_is_dormant());
}

/* The host may call from a handler, and in any state of ours: no lock is
 * waited for without bound, and nothing here sets errno. */
LKS_EXPORT void
leakshim_shim_mark(const char *text)
{
	const char *end;

	if (text == NULL || !lks_boot_is_complete())
		return;
	end = memchr(text, '\0', LKS_MARK_BYTES);
	lks_marks_add(text,
		      end != NULL ? (size_t)(end - text) : LKS_MARK_BYTES);
}

LKS_EXPORT void
leakshim_shim_snapshot(void)
{
	/* Dormant: there is nothing to put into it. */
	if (lks_boot_is_complete() && !lks_is_dormant())
		lks_writer_request(LKS_TRIGGER_INSIDE, 0);
}
