#include "exam.h"

#include <stdarg.h>
#include <stdlib.h>

#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"

static const struct {
	const char *text;
	const char *title;
} ids[EXAM_IDS] = {
	[EXAM_FORMAT] = { "format", "not a program" },
	[EXAM_DAMAGED] = { "damaged", "damaged file" },
	[EXAM_UNREADABLE] = { "unreadable", "unreadable file" },
	[EXAM_ARCHITECTURE] = { "architecture", "another machine" },
	[EXAM_STATIC] = { "static", "statically linked" },
	[EXAM_LIBC] = { "libc", "another C library" },
	[EXAM_PRIVILEGES] = { "privileges", "raised privileges" },
	[EXAM_SANITIZER] = { "sanitizer", "built with a sanitizer" },
	[EXAM_ALLOCATOR_EXPORTED] = { "allocator-exported",
				      "an allocator of its own" },
	[EXAM_ALLOCATOR_STATIC] = { "allocator-static",
				    "an allocator linked in" },
	[EXAM_ALLOCATOR_LIBRARY] = { "allocator-library",
				     "an allocator library" },
	[EXAM_UNWIND] = { "unwind", "no unwind tables" },
	[EXAM_SYMBOLS] = { "symbols", "no symbols" },
	[EXAM_DEBUG_INFO] = { "debug-info", "no debugging information" },
	[EXAM_BUILD_ID] = { "build-id", "no build-id" },
	[EXAM_GO] = { "go", "Go" },
	[EXAM_PYTHON] = { "python", "Python" },
	[EXAM_JAVA] = { "java", "Java" },
	[EXAM_NODE] = { "node", "Node.js" },
	[EXAM_DOTNET] = { "dotnet", ".NET" },
	[EXAM_PHP] = { "php", "PHP" },
	[EXAM_ERLANG] = { "erlang", "Erlang" },
	[EXAM_CHROMIUM] = { "chromium", "Chromium" },
	[EXAM_INTERPRETER] = { "interpreter", "an interpreter" },
	[EXAM_SCRIPT] = { "script", "a script" },
	[EXAM_WRAPPER] = { "wrapper", "a wrapper" },
	[EXAM_ENVIRONMENT] = { "environment", "LD_PRELOAD is dropped" },
	[EXAM_ELSEWHERE] = { "elsewhere", "started elsewhere" },
	[EXAM_VALGRIND] = { "valgrind", "valgrind" },
	[EXAM_LIBRARY] = { "library", "libleakshim.so can't be loaded" },
	[EXAM_OPTIONS] = { "options", "bad options" },
	[EXAM_PRELOAD] = { "preload", "other preloaded libraries" },
	[EXAM_OUTPUT] = { "output", "output not writable" },
	[EXAM_SPACE] = { "space", "little space left" },
	[EXAM_FILE_SIZE] = { "file-size", "a limit on file sizes" },
	[EXAM_MEMORY] = { "memory", "a limit on memory" },
	[EXAM_TRACKED] = { "tracked", "tracked" },
	[EXAM_UNTRACKED] = { "untracked", "not tracked" },
	[EXAM_DORMANT] = { "dormant", "dormant" },
	[EXAM_OFF] = { "off", "tracking is off" },
	[EXAM_LOSSES] = { "losses", "losses" },
	[EXAM_SIGNAL] = { "signal", "the signal is taken" },
	[EXAM_BELL] = { "bell", "it can't be asked" },
	[EXAM_SECCOMP] = { "seccomp", "a system call filter" },
	[EXAM_SECURE] = { "secure", "started with raised privileges" },
	[EXAM_NAMESPACE] = { "namespace", "a container" },
	[EXAM_SANDBOX] = { "sandbox", "a sandbox" },
	[EXAM_REPLACED] = { "replaced", "the file was replaced" },
	[EXAM_PTRACE] = { "ptrace", "ptrace is restricted" },
};

const char *
exam_id_text(enum exam_id id)
{
	return ids[id].text;
}

const char *
exam_id_title(enum exam_id id)
{
	return ids[id].title;
}

const char *
exam_severity_text(enum exam_severity severity)
{
	static const char *const texts[EXAM_SEVERITIES] = {
		[EXAM_OK] = "ok",
		[EXAM_NOTE] = "note",
		[EXAM_WARNING] = "warning",
		[EXAM_BLIND] = "blind",
	};

	return texts[severity];
}

void
exam_add(struct exam *exam, enum exam_id id, enum exam_severity severity,
	 const char *format, ...)
{
	struct exam_finding *finding;
	struct strbuf text = { 0 };
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&text, format, args);
	va_end(args);
	exam->findings = xgrow(exam->findings, &exam->capacity, exam->count + 1,
			       sizeof(*exam->findings));
	finding = &exam->findings[exam->count++];
	finding->id = id;
	finding->severity = severity;
	finding->what = strbuf_detach(&text);
	finding->fix = NULL;
}

void
exam_fix(struct exam *exam, const char *format, ...)
{
	struct exam_finding *finding = &exam->findings[exam->count - 1];
	struct strbuf text = { 0 };
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&text, format, args);
	va_end(args);
	free(finding->fix);
	finding->fix = strbuf_detach(&text);
}

bool
exam_has(const struct exam *exam, enum exam_id id)
{
	size_t i;

	for (i = 0; i < exam->count; i++)
		if (exam->findings[i].id == id)
			return true;
	return false;
}

enum exam_severity
exam_verdict(const struct exam *exam)
{
	enum exam_severity worst = EXAM_OK;
	size_t i;

	for (i = 0; i < exam->count; i++)
		if (exam->findings[i].severity > worst)
			worst = exam->findings[i].severity;
	return worst;
}

void
exam_release(struct exam *exam)
{
	size_t i;

	for (i = 0; i < exam->count; i++) {
		free(exam->findings[i].what);
		free(exam->findings[i].fix);
	}
	free(exam->findings);
}
