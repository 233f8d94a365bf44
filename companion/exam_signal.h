/*
 * Exams of the signals: the user's may be the program's own, and then the
 * bell is the only way to ask.
 */
#pragma once

#include <stdint.h>

#include "exam.h"
#include "exam_place.h"

/* What becomes of signals, bit n - 1 for signal n, as /proc/PID/status has it. */
struct exam_signal_masks {
	uint64_t caught;
	uint64_t ignored;
	uint64_t blocked;
};

/* Those that a program inherits from us. */
void exam_signal_inherited(struct exam_signal_masks *masks);

/* `program` is the base name of the executable, `argv` its arguments, NULL =
 * unknown: programs and scripts that are known to use the signal are named. */
void exam_signal(struct exam *exam, const struct exam_place *place,
		 const char *program, char *const *argv,
		 const struct exam_signal_masks *masks);
