/*
 * Numbers as people read them. Sizes are powers of 1024 (KiB, MiB), digits
 * are never grouped, and nothing depends on the locale.
 */
#pragma once

#include <stdint.h>

#define HUMAN_BYTES 32        /* room for any of these but a signal */
#define HUMAN_SIGNAL_BYTES 16 /* room for a signal's name */
#define HUMAN_END_BYTES 64    /* room for how a process ended */

/* As format_bytes() of the analyzer, into an array: "512 B", "1.5 KiB". */
void human_bytes(char out[HUMAN_BYTES], uint64_t bytes);

/* A duration: "350 ns", "1.2 ms", "42 s", "3 min 5 s", "2 h 7 min", "9 d 3 h". */
void human_duration(char out[HUMAN_BYTES], uint64_t ns);

/* How long ago: "2.0 s ago" from one CLOCK_REALTIME to another; "now" if it is
 * not a second, or that clock was set back between them. */
void human_age(char out[HUMAN_BYTES], uint64_t now_ns, uint64_t then_ns);

/* A signal as kill(1) takes it: "USR2", "RTMIN+3", or the number. */
void human_signal(char out[HUMAN_SIGNAL_BYTES], uint64_t number);

/* How a process ended, of its status as of wait(2): "exit status 7", "signal 11
 * (Segmentation fault)". */
void human_end(char out[HUMAN_END_BYTES], int status);
