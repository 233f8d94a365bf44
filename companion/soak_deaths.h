/*
 * Processes of the target that died by a signal while its main process went on:
 * a supervisor starts another one, and nobody would know.
 *
 * All tracked processes that live longer than SOAK_DEATHS_LOOK_S are seen. Which
 * signal it was is known of our own children, and from Linux 6.15 on of all;
 * else that there was one is seen by the status file, which only what is killed
 * leaves behind.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../analyzer/strbuf.h"
#include "soak_children.h"
#include "status.h"

#define SOAK_DEATHS_LOOK_S 0.2
/* That are told one by one; all are counted. */
#define SOAK_DEATHS_MAX 20
#define SOAK_DEATHS_NAME 64
/* That are watched at once, with a descriptor each; told if there are more. */
#define SOAK_LIVES_MAX 256

struct soak_death {
	pid_t pid;
	char name[SOAK_DEATHS_NAME];
	int signal; /* 0 = not known */
	uint64_t iteration;
};

/* One that lives. */
struct soak_life {
	pid_t pid;
	uint64_t start_ticks;
	int fd; /* pidfd; owned */
	bool tracked;
	bool has_place;
	struct status_place place; /* of its status file */
	char name[SOAK_DEATHS_NAME];
};

/* `{ 0 }` is an empty one. */
struct soak_deaths {
	struct soak_death list[SOAK_DEATHS_MAX];
	uint64_t killed;
	uint64_t crashed;        /* of these, by what a program does itself */
	struct soak_life *lives; /* owned */
	size_t life_count;
	size_t life_capacity;
	double next_s; /* no look before */
	bool crowd_told;
};

/* Looks who came and who went, at most every SOAK_DEATHS_LOOK_S unless `now`.
 * New deaths are told in `lines`, one each. `main` and the spared don't
 * count. */
void soak_deaths_look(struct soak_deaths *deaths, pid_t main,
		      const struct soak_spare *spare, uint64_t iteration,
		      bool now, struct strbuf *lines);
/* What is seen from now on is our own doing. */
void soak_deaths_end(struct soak_deaths *deaths);

/* How what a pidfd stands for ended, as of wait(2). False: not known. */
bool soak_deaths_status(int pidfd, int *status);
/* SIGSEGV and its like. Pure. */
bool soak_deaths_is_crash(int signal);
/* "drip, pid 12, ended by SIGABRT in iteration 3". */
void soak_deaths_describe(const struct soak_death *death, struct strbuf *out);
