#include "stack_walk.h"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"
#include "procfs_body.h"
#include "procfs_names.h"

#if defined(__x86_64__)
#include <asm/perf_regs.h>

/* By DWARF's numbers; where the thread is, is the last of those. Which of the
 * registers that were taken each is: the kernel gives them in the order of its
 * own. */
static const unsigned char order[PERF_RING_REGISTERS] = {
	0 /* ax */,   3 /* dx */,   2 /* cx */,   1 /* bx */,   4 /* si */,
	5 /* di */,   6 /* bp */,   7 /* sp */,   9 /* r8 */,   10 /* r9 */,
	11 /* r10 */, 12 /* r11 */, 13 /* r12 */, 14 /* r13 */, 15 /* r14 */,
	16 /* r15 */, 8 /* ip */,
};
#define ORDER_SP 7
#define FIRST_9 ((UINT64_C(1) << (PERF_REG_X86_IP + 1)) - 1)
#define REGISTERS (FIRST_9 | UINT64_C(0xff) << PERF_REG_X86_R8)
#else
static const unsigned char order[PERF_RING_REGISTERS];
#define ORDER_SP 0
#define REGISTERS 0
#endif

/* Larger than any stack: an address beyond is no place on it. */
#define STACK_MAX (UINT64_C(1) << 30)
#define VDSO "[vdso]"
/* Behind the name of a file that was removed or replaced since. */
#define DELETED " (deleted)"

struct stack_walk {
	Dwfl *dwfl;
	const struct procfs *proc; /* borrowed */
	char *exe;     /* its path in the process's root, or NULL; owned */
	char root[32]; /* what live_add_mappings() may put before paths */
	/* Of the sample at hand, all borrowed. */
	const struct perf_record *sample;
	uint64_t *code;
	size_t depth;
	size_t max;
	bool cut;
};

uint64_t
stack_walk_registers(void)
{
	return REGISTERS;
}

/* --- files --------------------------------------------------------------- */

/* All processes have the same, the kernel's: so ours will do. Theirs can only
 * be read where ptrace is allowed. */
static Elf *
own_vdso(void)
{
	char *image = (char *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);
	Elf64_Ehdr header;

	if (!image)
		return NULL;
	memcpy(&header, image, sizeof(header));
	/* The table of sections is the last that is in it. */
	return elf_memory(image, header.e_shoff + (size_t)header.e_shnum *
							  header.e_shentsize);
}

/* The mapping of a device need not be one to open. */
static int
open_file(const struct stack_walk *walk, const char *name)
{
	size_t len = strlen(walk->root);
	struct strbuf path = { 0 };
	struct stat st;
	int fd;

	if (!strncmp(name, walk->root, len) && name[len] == '/')
		name += len;
	if (!strncmp(name, "/dev/", 5))
		return -1;
	/* The executable is there even if it has no name any more. */
	if (walk->exe && !strcmp(walk->exe, name))
		strbuf_adds(&path, "exe");
	else
		/* The new one is not opened in a replaced one's place: that
		 * one has DELETED behind its name here. */
		strbuf_addf(&path, "root%s", name);
	fd = procfs_body_open(walk->proc, strbuf_text(&path),
			      O_RDONLY | O_NONBLOCK | O_NOCTTY);
	strbuf_release(&path);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Without its descriptor, which libdwfl would keep: of files that processes have
 * mapped there may be more than we may open. What can't be mapped, as it is too
 * large, can't be read then. */
static Elf *
map_file(int fd)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL);

	if (elf)
		elf_cntl(elf, ELF_C_FDDONE);
	close(fd);
	return elf;
}

/* libdwfl's callback. */
static int
find_elf(Dwfl_Module *module, void **as_walk, const char *name, Dwarf_Addr base,
	 char **file_name, Elf **elf)
{
	int fd;

	(void)module;
	(void)base;
	*file_name = NULL;
	*elf = NULL;
	if (!strcmp(name, VDSO)) {
		*elf = own_vdso();
	} else if (*as_walk) {
		fd = open_file(*as_walk, name);
		*elf = fd < 0 ? NULL : map_file(fd);
	}
	return -1;
}

/* libdwfl's callback: debug files, and servers that have some, are for names,
 * which others find. */
static int
find_no_debug(Dwfl_Module *module, void **as_walk, const char *name,
	      Dwarf_Addr base, const char *file, const char *link,
	      GElf_Word checksum, char **out)
{
	(void)module;
	(void)as_walk;
	(void)name;
	(void)base;
	(void)file;
	(void)link;
	(void)checksum;
	(void)out;
	return -1;
}

static int
open_module(Dwfl_Module *module, void **as_walk, const char *name,
	    Dwarf_Addr base, void *walk)
{
	GElf_Addr bias;

	(void)name;
	(void)base;
	*as_walk = walk;
	/* One that can't be opened ends the stacks that lead through it. */
	(void)dwfl_module_getelf(module, &bias);
	return DWARF_CB_OK;
}

static void
report_vdso(Dwfl *dwfl, const char *maps)
{
	const char *line = strstr(maps, VDSO "\n");
	uint64_t start, end;

	if (!line)
		return;
	while (line > maps && line[-1] != '\n')
		line--;
	if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) == 2)
		dwfl_report_module(dwfl, VDSO, start, end);
}

void
stack_walk_renew(struct stack_walk *walk, const char *maps)
{
	FILE *in = fmemopen((void *)(uintptr_t)maps, strlen(maps), "r");

	if (!in)
		return;
	dwfl_report_begin(walk->dwfl);
	dwfl_linux_proc_maps_report(walk->dwfl, in);
	report_vdso(walk->dwfl, maps);
	dwfl_report_end(walk->dwfl, NULL, NULL);
	dwfl_getmodules(walk->dwfl, open_module, walk, 0);
	fclose(in);
}

/* --- frames -------------------------------------------------------------- */

/* libdwfl's callbacks. There is one thread: that of the sample. */
static pid_t
next_thread(Dwfl *dwfl, void *walk, void **thread)
{
	(void)dwfl;
	if (*thread)
		return 0;
	*thread = walk;
	return 1;
}

static bool
get_thread(Dwfl *dwfl, pid_t tid, void *walk, void **thread)
{
	(void)dwfl;
	(void)tid;
	*thread = walk;
	return true;
}

static bool
read_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *out, void *as_walk)
{
	struct stack_walk *walk = as_walk;
	const struct perf_record *sample = walk->sample;
	uint64_t offset = address - sample->registers[order[ORDER_SP]];

	(void)dwfl;
	if (sample->stack_bytes >= sizeof(*out) &&
	    offset <= sample->stack_bytes - sizeof(*out)) {
		memcpy(out, sample->stack + offset, sizeof(*out));
		return true;
	}
	walk->cut |= offset < STACK_MAX;
	return false;
}

static bool
set_registers(Dwfl_Thread *thread, void *as_walk)
{
	const struct stack_walk *walk = as_walk;
	Dwarf_Word values[PERF_RING_REGISTERS];
	size_t i;

	for (i = 0; i < PERF_RING_REGISTERS; i++)
		values[i] = walk->sample->registers[order[i]];
	return dwfl_thread_state_registers(thread, 0, PERF_RING_REGISTERS,
					   values);
}

static int
add_frame(Dwfl_Frame *frame, void *as_walk)
{
	struct stack_walk *walk = as_walk;
	bool is_place;
	Dwarf_Addr pc;

	if (!dwfl_frame_pc(frame, &pc, &is_place) || !pc)
		return DWARF_CB_ABORT;
	if (walk->depth == walk->max) {
		walk->cut = true;
		return DWARF_CB_ABORT;
	}
	walk->code[walk->depth++] = pc + is_place;
	return DWARF_CB_OK;
}

size_t
stack_walk_sample(struct stack_walk *walk, const struct perf_record *sample,
		  uint64_t *code, size_t max, bool *cut)
{
	walk->sample = sample;
	walk->code = code;
	walk->depth = 0;
	walk->max = max;
	walk->cut = false;
	/* An error is the end of the stack, as its documentation says. */
	if (sample->has_registers)
		(void)dwfl_getthread_frames(walk->dwfl, 1, add_frame, walk);
	*cut = walk->cut;
	return walk->depth;
}

struct stack_walk *
stack_walk_open(const struct procfs *proc, const char *maps, struct err *err)
{
	static const Dwfl_Callbacks files = {
		.find_elf = find_elf,
		.find_debuginfo = find_no_debug,
	};
	static const Dwfl_Thread_Callbacks threads = {
		.next_thread = next_thread,
		.get_thread = get_thread,
		.memory_read = read_memory,
		.set_initial_registers = set_registers,
	};
	struct stack_walk *walk = xcalloc(1, sizeof(*walk));
	struct strbuf name = { 0 };
	char exe[PATH_MAX];
	bool is_deleted;

	elf_version(EV_CURRENT);
	walk->proc = proc;
	snprintf(walk->root, sizeof(walk->root), "/proc/%d/root",
		 (int)proc->pid);
	if (procfs_exe(proc, exe, &is_deleted) == 0)
		strbuf_addf(&name, "%s%s", exe, is_deleted ? DELETED : "");
	walk->exe = name.len ? strbuf_detach(&name) : NULL;
	walk->dwfl = dwfl_begin(&files);
	if (walk->dwfl) {
		stack_walk_renew(walk, maps);
		if (dwfl_attach_state(walk->dwfl, NULL, proc->pid, &threads,
				      walk))
			return walk;
	}
	err_set(err, ERR_STEP, "cannot unwind stacks of process %d: %s",
		(int)proc->pid, dwfl_errmsg(-1));
	stack_walk_close(walk);
	return NULL;
}

void
stack_walk_close(struct stack_walk *walk)
{
	if (!walk)
		return;
	if (walk->dwfl)
		dwfl_end(walk->dwfl);
	free(walk->exe);
	free(walk);
}
