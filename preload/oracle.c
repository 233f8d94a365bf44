#include "oracle.h"

#ifdef LKS_ORACLE

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "depot.h"
#include "ident.h"
#include "modmap.h"
#include "msg.h"
#include "opts.h"
#include "sys.h"
#include "tls.h"

static char path[LKS_PATH_BYTES]; /* boot; "" = no report */
static bool have_oracle;          /* boot */

/* Guard: busy. */
static atomic_flag busy = ATOMIC_FLAG_INIT;
static uint64_t calls;
static uint64_t ours[LKS_DEPTH_MAX];
static uint64_t theirs[LKS_DEPTH_MAX];
static struct {
	uint64_t walks;
	uint64_t equal;
	uint64_t shorter;
	uint64_t longer;
	uint64_t different;
	uint64_t first_ours;
	uint64_t first_theirs;
} seen;

/* dlopen is for a constructor, not for whichever malloc boots the shim. */
__attribute__((constructor)) static void
open_oracle(void)
{
	const char *name = getenv("LEAKSHIM_ORACLE");

	lks_tls.guard = 1;
	if (name != NULL)
		lks_copy_text(path, sizeof(path), name);
	have_oracle = lks_unwind_libunwind_open();
	lks_tls.guard = 0;
}

static void
compare(struct lks_walk a, struct lks_walk b)
{
	uint32_t same = 0;

	while (same < a.count && same < b.count && ours[same] == theirs[same])
		same++;
	seen.walks++;
	if (same == a.count && same == b.count)
		seen.equal++;
	else if (same == a.count && a.end == LKS_WALK_LOST)
		seen.shorter++;
	else if (same == b.count && b.end == LKS_WALK_LOST)
		seen.longer++;
	else
		seen.different++;
	if (same == a.count && same == b.count)
		return;
	if (seen.first_ours == 0) {
		/* The frame that they left in two ways comes before. */
		seen.first_ours = same < a.count ? ours[same] : ours[same - 1];
		seen.first_theirs = same < b.count ? theirs[same]
						   : theirs[same - 1];
	}
}

/* The frames of a stack, from the depot. */
static struct lks_walk
spell(struct lks_captured captured)
{
	struct lks_walk walk = { 0, captured.end };
	struct lks_depot_stack stack = { 0, false, false };
	struct lks_depot_node node;

	lks_depot_get_stack(captured.stack, &stack);
	for (uint32_t at = stack.node;
	     walk.count < LKS_DEPTH_MAX && lks_depot_get_node(at, &node);
	     at = node.parent)
		ours[walk.count++] = node.code;
	return walk;
}

void
lks_oracle_compare(const struct lks_regs *regs, const struct lks_bounds *bounds,
		   struct lks_captured captured)
{
	if (!have_oracle || atomic_flag_test_and_set(&busy))
		return;
	if (calls++ % LKS_ORACLE == 0)
		compare(spell(captured),
			lks_unwind_libunwind(regs, bounds, theirs,
					     lks_opts.depth));
	atomic_flag_clear(&busy);
}

/* PATH+OFFSET in the file, as addr2line takes it. */
static void
format_code(char *out, size_t cap, uint64_t code)
{
	const struct lks_module *m = lks_modmap_get(lks_code_module(code));
	uintptr_t pc = lks_code_pc(code);

	for (uint32_t i = 0; m != NULL && i < m->segment_count; i++)
		if (pc >= m->segments[i].start && pc <= m->segments[i].end) {
			lks_format(out, cap, "%s+%lx", m->path,
				   (unsigned long)(pc - m->segments[i].start +
						   m->segments[i].vaddr));
			return;
		}
	lks_format(out, cap, "+%lx", (unsigned long)pc);
}

__attribute__((destructor)) static void
report(void)
{
	char first[512];
	char line[2048];
	char oracles[512];
	size_t used;
	long fd;

	if (path[0] == '\0')
		return;
	used = lks_format(line, sizeof(line),
			  "exe=%s walks=%lu equal=%lu shorter=%lu longer=%lu "
			  "different=%lu",
			  lks_ident.exe, (unsigned long)seen.walks,
			  (unsigned long)seen.equal,
			  (unsigned long)seen.shorter,
			  (unsigned long)seen.longer,
			  (unsigned long)seen.different);
	if (seen.first_ours != 0) {
		format_code(first, sizeof(first), seen.first_ours);
		format_code(oracles, sizeof(oracles), seen.first_theirs);
		used += lks_format(line + used, sizeof(line) - used,
				   " first=%s,%s", first, oracles);
	}
	if (used > sizeof(line) - 1)
		used = sizeof(line) - 1;
	line[used++] = '\n';
	fd = lks_sys_open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
			  0644);
	if (lks_sys_failed(fd))
		return;
	lks_sys_write_all((int)fd, line, used);
	lks_sys_close((int)fd);
}

#endif
