#include "loaded_module.h"

#include <link.h>
#include <stdlib.h>
#include <string.h>

struct search {
	struct loaded_module *loaded;
	uintptr_t address;
};

static size_t
padded(size_t bytes)
{
	return (bytes + 3) & ~(size_t)3;
}

static void
take_build_id(struct loaded_module *loaded, const char *notes, size_t len)
{
	const ElfW(Nhdr) * note;
	size_t name, build_id, at = 0;

	while (at + sizeof(*note) <= len) {
		note = (const void *)(notes + at);
		name = at + sizeof(*note);
		build_id = name + padded(note->n_namesz);
		if (note->n_type == NT_GNU_BUILD_ID &&
		    note->n_descsz <= sizeof(loaded->build_id) &&
		    strcmp(notes + name, "GNU") == 0) {
			memcpy(loaded->build_id, notes + build_id,
			       note->n_descsz);
			loaded->module.build_id = loaded->build_id;
			loaded->module.build_id_bytes = note->n_descsz;
		}
		at = build_id + padded(note->n_descsz);
	}
}

static void
take(struct loaded_module *loaded, const struct dl_phdr_info *info)
{
	const ElfW(Phdr) * phdr;
	struct segment *segment;
	uintptr_t start;
	int i;

	memset(loaded, 0, sizeof(*loaded));
	for (i = 0; i < info->dlpi_phnum; i++) {
		phdr = &info->dlpi_phdr[i];
		start = info->dlpi_addr + phdr->p_vaddr;
		if (phdr->p_type == PT_NOTE)
			take_build_id(loaded, (const char *)start,
				      phdr->p_memsz);
		if (phdr->p_type != PT_LOAD || !(phdr->p_flags & PF_X))
			continue;
		segment =
			&loaded->module.segments[loaded->module.segment_count++];
		segment->start = start;
		segment->end = start + phdr->p_memsz;
		segment->file_offset = phdr->p_offset;
		segment->vaddr = phdr->p_vaddr;
	}
	/* The program itself has no name in the list. */
	if (realpath(*info->dlpi_name ? info->dlpi_name : "/proc/self/exe",
		     loaded->path))
		loaded->module.path = loaded->path;
}

static int
look_at(struct dl_phdr_info *info, size_t size, void *context)
{
	const struct search *search = context;
	uintptr_t start;
	int i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
		if (info->dlpi_phdr[i].p_type == PT_LOAD &&
		    search->address - start < info->dlpi_phdr[i].p_memsz) {
			take(search->loaded, info);
			return 1;
		}
	}
	return 0;
}

int
loaded_module_take(struct loaded_module *loaded, const void *address)
{
	struct search search = { loaded, (uintptr_t)address };

	if (!dl_iterate_phdr(look_at, &search) || !loaded->module.path)
		return -1;
	return 0;
}
