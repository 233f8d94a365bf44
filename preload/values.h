/*
 * Values of options: numbers, sizes, durations and signals, read and spelled.
 *
 * Reading takes the whole string or nothing: false leaves *out as it was.
 * Spelling gives what reading takes, in the largest unit without a rest.
 * Pure, without libc's locale.
 */
#pragma once

#include "lks.h"

/* A decimal in [low, high]. */
bool lks_value_count(const char *text, uint64_t low, uint64_t high,
		     uint64_t *out);

/* Bytes in [low, high]: 4096, 64K, 1M, 2G, 1T (powers of 1024). */
bool lks_value_size(const char *text, uint64_t low, uint64_t high,
		    uint64_t *out);
void lks_value_print_size(char *out, size_t cap, uint64_t bytes);

/* Nanoseconds of 30s, 5m, 8h, 1d, or 0. */
bool lks_value_duration(const char *text, uint64_t *out);
void lks_value_print_duration(char *out, size_t cap, uint64_t ns);

/* The number of USR2, SIGUSR2, 12, RTMIN+3 or RTMAX-2; 0 of none. Not those
 * that can't be caught, that are faults, or that are glibc's. */
bool lks_value_signal(const char *text, int32_t *out);
void lks_value_print_signal(char *out, size_t cap, int32_t number);
