/*
 * Conditions that are waited for until a moment of CLOCK_MONOTONIC: by the wall
 * clock, which libc's wait by default, whoever sets it back makes them wait for
 * as long.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* For cond_wait(); released by pthread_cond_destroy(). */
void cond_init(pthread_cond_t *cond);

/* As pthread_cond_wait(), with `lock` held, at most until `until_ns`. False: it
 * is past that. */
bool cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until_ns);
