/*
 * The analyzer in a process that lives long and has threads: files in, a study
 * or a report of them out.
 *
 * libdw, and with it the symbolizer, is for one thread at a time. So there is
 * one of it, behind a lock, and what it has learnt about a file it keeps: the
 * second profile of a process costs no symbols.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../analyzer/err.h"
#include "../analyzer/report.h"
#include "../analyzer/strbuf.h"

struct analysis;

/* Modules' files are looked up below `sysroot`, NULL = "/". Borrowed. NULL
 * with `err`. */
struct analysis *analysis_open(const char *sysroot, struct err *err)
	__attribute__((warn_unused_result));
void analysis_close(struct analysis *analysis); /* NULL is allowed */

/* Looks at a study, with the lock held; 0 or -1 with `err`. */
typedef int analysis_look(const struct study *study, void *context,
			  struct err *err);

/*
 * Loads snapshots of one process, with classes by `grouping`, and calls `look`.
 * What the loading warned about is added to `warnings`, which may be NULL.
 * Returns what `look` does, or -1 with `err`.
 */
int analysis_study(struct analysis *analysis, const char *const *files,
		   size_t count, enum grouping grouping, analysis_look *look,
		   void *context, struct strbuf *warnings, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Adds a report of them, by stack, to `out`. `like` has the writer's settings;
 * its study, diff and resolver are filled in here.
 */
int analysis_report(struct analysis *analysis, const char *const *files,
		    size_t count, report_writer *writer,
		    const struct report *like, struct strbuf *out,
		    struct err *err) __attribute__((warn_unused_result));
