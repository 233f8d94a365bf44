/*
 * leakshim.h: marks and snapshots from inside a program, in C and C++.
 *
 * There is nothing to link. Under libleakshim.so (LD_PRELOAD, leakshim run)
 * these reach it; without it they do nothing, at the cost of a comparison. They
 * leave errno alone, never wait without bound, and may be called from any
 * thread and from signal handlers.
 *
 *	leakshim_mark("reload 17");   into the timeline of all later snapshots
 *	leakshim_snapshot();          a snapshot now
 *	if (leakshim_present()) ...   is this process tracked?
 *
 * See leakshim(1), mark. Needs GCC or clang.
 */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The address of one of libleakshim.so's functions, or NULL. By the linker's
 * table, in assembly: a weak reference in C becomes a constant 0 where the
 * program is not position-independent, whatever is preloaded later.
 */
#if defined(__x86_64__)
#define LEAKSHIM_FIND(function, name)                                          \
	__asm__(".weak " name "\n\t"                                           \
		"{movq " name "@GOTPCREL(%%rip), %0"                           \
		"|mov %0, QWORD PTR " name "@GOTPCREL[rip]}"                   \
		: "=r"(function))
#elif defined(__aarch64__)
#define LEAKSHIM_FIND(function, name)                                          \
	__asm__(".weak " name "\n\t"                                           \
		"adrp %0, :got:" name "\n\t"                                   \
		"ldr %0, [%0, :got_lo12:" name "]"                             \
		: "=r"(function))
#else
#define LEAKSHIM_FIND(function, name) ((function) = 0)
#endif

/* A mark of this moment. At most 255 bytes of the text are kept. */
static inline void
leakshim_mark(const char *text)
{
	void (*mark)(const char *);

	LEAKSHIM_FIND(mark, "leakshim_shim_mark");
	if (mark)
		mark(text);
}

/* Asks for a snapshot and returns; it is written soon after, or, where nobody
 * else can write it, before this returns. Equal requests merge. */
static inline void
leakshim_snapshot(void)
{
	void (*snapshot)(void);

	LEAKSHIM_FIND(snapshot, "leakshim_shim_snapshot");
	if (snapshot)
		snapshot();
}

/* 1 if this process is tracked (or waits for that: start=off), else 0. */
static inline int
leakshim_present(void)
{
	int (*present)(void);

	LEAKSHIM_FIND(present, "leakshim_shim_present");
	return present ? present() : 0;
}

#ifdef __cplusplus
}
#endif
