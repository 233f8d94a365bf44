/*
 * What the doctor found: a list of findings, each with how bad it is, one
 * sentence that says what, and what helps.
 *
 * Identifiers are for programs and never change their meaning. Rooms by the
 * name of exam_* fill the list, exam_report.c shows it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* In this order: the verdict is the greatest. */
enum exam_severity {
	EXAM_OK,      /* works, and was worth a look */
	EXAM_NOTE,    /* good to know; nothing that is tracked is missed */
	EXAM_WARNING, /* a part is missed, or may fail */
	EXAM_BLIND,   /* nothing, or nearly nothing, would be seen */
};

#define EXAM_SEVERITIES 4

enum exam_id {
	/* The program's file. */
	EXAM_FORMAT,
	EXAM_DAMAGED,
	EXAM_UNREADABLE,
	EXAM_ARCHITECTURE,
	EXAM_STATIC,
	EXAM_LIBC,
	EXAM_PRIVILEGES,
	EXAM_SANITIZER,
	EXAM_ALLOCATOR_EXPORTED,
	EXAM_ALLOCATOR_STATIC,
	EXAM_ALLOCATOR_LIBRARY,
	EXAM_UNWIND,
	EXAM_SYMBOLS,
	EXAM_DEBUG_INFO,
	EXAM_BUILD_ID,
	/* What runs in it. */
	EXAM_GO,
	EXAM_PYTHON,
	EXAM_JAVA,
	EXAM_NODE,
	EXAM_DOTNET,
	EXAM_PHP,
	EXAM_ERLANG,
	EXAM_CHROMIUM,
	EXAM_INTERPRETER,
	/* How it is started. */
	EXAM_SCRIPT,
	EXAM_WRAPPER,
	EXAM_ENVIRONMENT,
	EXAM_ELSEWHERE,
	EXAM_VALGRIND,
	/* Where it runs. */
	EXAM_LIBRARY,
	EXAM_OPTIONS,
	EXAM_PRELOAD,
	EXAM_OUTPUT,
	EXAM_SPACE,
	EXAM_FILE_SIZE,
	EXAM_MEMORY,
	/* A process. */
	EXAM_TRACKED,
	EXAM_UNTRACKED,
	EXAM_DORMANT,
	EXAM_OFF,
	EXAM_LOSSES,
	EXAM_SIGNAL,
	EXAM_BELL,
	EXAM_SECCOMP,
	EXAM_SECURE,
	EXAM_NAMESPACE,
	EXAM_SANDBOX,
	EXAM_REPLACED,
	EXAM_PTRACE,
	EXAM_IDS,
};

struct exam_finding {
	enum exam_id id;
	enum exam_severity severity;
	char *what; /* owned; may hold another program's bytes */
	char *fix;  /* owned; NULL = nothing to do */
};

struct exam {
	struct exam_finding *findings; /* owned; in the order found */
	size_t count;
	size_t capacity;
};

/* "allocator-static", and the same in a word or two for people. Borrowed for
 * ever. */
const char *exam_id_text(enum exam_id id);
const char *exam_id_title(enum exam_id id);
/* "ok", "note", "warning", "blind". */
const char *exam_severity_text(enum exam_severity severity);

void exam_add(struct exam *exam, enum exam_id id, enum exam_severity severity,
	      const char *format, ...) __attribute__((format(printf, 4, 5)));
/* What helps against the finding added last. */
void exam_fix(struct exam *exam, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Whether there is a finding of that id. */
bool exam_has(const struct exam *exam, enum exam_id id);

/* The greatest severity; EXAM_OK for an empty list. */
enum exam_severity exam_verdict(const struct exam *exam);

void exam_release(struct exam *exam);
