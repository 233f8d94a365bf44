/*
 * Records are made once and never change, but for three atomic fields, so
 * everyone reads them without a lock; the lock only keeps two threads from
 * registering one module twice.
 *
 * A module is replaced when something else is loaded where it was. The loader
 * tells us nothing; we notice at the first rule miss there, because the
 * loader's record of the object is another one. Until that miss, an address
 * that both objects have as a return address is unwound by the old rule:
 * dlclose is wrapped and refreshes the map, so that takes an unloading that
 * did not come through dlclose.
 *
 * What the loader says of an object is read without its lock. That is right
 * for an address on a live stack, whose object can't go away. After a wrong
 * rule (broken tables, JIT code in between) the address may be any, and its
 * object may be unloaded by another thread just then: a window of a few
 * instructions after an error that is rare itself, tolerated.
 */
#include "modmap.h"

#include <stdatomic.h>
#include <string.h>

#include "arena.h"
#include "counters.h"
#include "ident.h"
#include "image.h"
#include "loader.h"
#include "lock.h"
#include "rules.h"
#include "sys.h"

struct record {
	struct lks_module module; /* unloaded: atomic */
	struct lks_image image;
	_Atomic(const void *) identity; /* the loader's record */
	uint8_t build_id[LKS_BUILD_ID_MAX];
	const char *name; /* as the loader gave it; module.path may be longer */
	bool is_main;     /* its range may have gaps, and it never goes */
};

/* Modules recently asked for, by place. A wrong hint only costs time. */
#define HINTS 256

static struct lks_lock lock;
/* Written under lock, published by count. 512 KiB, touched as it fills. */
static struct record **records;
static _Atomic uint32_t count;
static _Atomic uint16_t hints[HINTS];
static bool fork_holds;  /* forking thread */
static int32_t fork_pid; /* forking thread */

/* Of the shim; 0 in a program that has it linked in, such as a unit test. */
static uintptr_t shim_start; /* boot */
static uintptr_t shim_end;   /* boot */

static struct record *
record_of(uint32_t number)
{
	return records[number - 1];
}

static bool
is_unloaded(const struct record *r)
{
	return atomic_load_explicit(&r->module.unloaded, memory_order_relaxed);
}

/* True if the loaded object is the one the record describes, as far as can be
 * told without a system call. The headers' page is mapped: the loader named
 * the object, and something of it is being executed. */
static bool
is_object(const struct record *r, const struct lks_object *object)
{
	return !is_unloaded(r) && r->module.map_start == object->map_start &&
	       r->module.map_end == object->map_end &&
	       atomic_load_explicit(&r->identity, memory_order_relaxed) ==
		       object->identity &&
	       strcmp(r->name, object->name) == 0 &&
	       (r->image.build_id_bytes == 0 ||
		memcmp((const void *)r->image.build_id, r->build_id,
		       r->image.build_id_bytes) == 0);
}

uint32_t
lks_modmap_count(void)
{
	/* acquire: pairs with add_locked */
	return atomic_load_explicit(&count, memory_order_acquire);
}

const struct lks_module *
lks_modmap_get(uint32_t number)
{
	if (number == 0 || number > lks_modmap_count())
		return NULL;
	return &record_of(number)->module;
}

const struct lks_image *
lks_modmap_image(uint32_t number)
{
	return &record_of(number)->image;
}

bool
lks_modmap_is_shim(uintptr_t pc)
{
	return pc >= shim_start && pc < shim_end;
}

/* --- registering --------------------------------------------------------- */

static const char *
keep_text(const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *copy = lks_arena_permanent(bytes);

	if (copy == NULL)
		return "";
	memcpy(copy, text, bytes);
	return copy;
}

/*
 * An absolute path where one can be had. The main program has no name, and an
 * object named relative to the start directory keeps that name: the kernel
 * knows better. (Not /proc/self/exe: run as `ld.so program`, that is ld.so.)
 */
static const char *
path_of_locked(const struct lks_object *object, const char *name)
{
	struct lks_object mapped;

	if (lks_loader_is_vdso(object))
		return "[vdso]";
	if (name[0] != '/' &&
	    lks_loader_find_by_maps(object->map_start, &mapped) &&
	    mapped.name[0] == '/')
		return keep_text(mapped.name);
	/* Without /proc the main program still has one. */
	if (name[0] == '\0' && lks_loader_is_main(object))
		return lks_ident.exe;
	return name;
}

/* The number of an unloaded module that was just this one, 0 = none. */
static uint32_t
revive_locked(const struct lks_object *object)
{
	for (uint32_t n = lks_modmap_count(); n > 0; n--) {
		struct record *r = record_of(n);

		if (!is_unloaded(r) ||
		    r->module.map_start != object->map_start ||
		    r->module.map_end != object->map_end ||
		    r->image.headers == 0 ||
		    strcmp(r->name, object->name) != 0 ||
		    !lks_image_is_there(&r->image, r->build_id))
			continue;
		atomic_store_explicit(&r->identity, object->identity,
				      memory_order_relaxed);
		atomic_store_explicit(&r->module.unloaded, false,
				      memory_order_relaxed);
		return n;
	}
	return 0;
}

static uint32_t
add_locked(const struct lks_object *object)
{
	uint32_t number = lks_modmap_count() + 1;
	struct record *r;
	struct lks_module *m;

	if (number > LKS_MODULES_MAX || records == NULL) {
		lks_count(modules_unknown);
		return 0;
	}
	r = lks_arena_permanent(sizeof(*r));
	if (r == NULL) {
		lks_count(modules_unknown);
		return 0;
	}
	/* One that has no ELF header keeps its name and has no rules. */
	if (object->headers != NULL)
		lks_image_read_by(object->headers, object->map_start,
				  object->map_end, &r->image);
	else
		lks_image_read(object->map_start, object->map_end, &r->image);
	if (r->image.incomplete)
		lks_count(modules_unknown);
	r->is_main = lks_loader_is_main(object);
	m = &r->module;
	r->name = keep_text(object->name);
	atomic_store_explicit(&r->identity, object->identity,
			      memory_order_relaxed);
	if (r->image.build_id_bytes > 0)
		memcpy(r->build_id, (const void *)r->image.build_id,
		       r->image.build_id_bytes);
	m->path = path_of_locked(object, r->name);
	m->build_id = r->build_id;
	m->build_id_bytes = r->image.build_id_bytes;
	m->segment_count = r->image.segment_count;
	memcpy(m->segments, r->image.segments, sizeof(m->segments));
	m->map_start = object->map_start;
	m->map_end = object->map_end;
	m->eh_frame_hdr = (const uint8_t *)r->image.eh_frame_hdr.start;
	m->generation = number;
	records[number - 1] = r;
	/* release: pairs with lks_modmap_count */
	atomic_store_explicit(&count, number, memory_order_release);
	return number;
}

/* --- finding ------------------------------------------------------------- */

static _Atomic uint16_t *
hint_of(uintptr_t map_start)
{
	return &hints[(map_start >> 12) * 0x9e3779b97f4a7c15u >> 56];
}

/* The loaded module that is this object. */
static uint32_t
search_object(const struct lks_object *object)
{
	for (uint32_t n = lks_modmap_count(); n > 0; n--)
		if (is_object(record_of(n), object))
			return n;
	return 0;
}

/* Whoever claims a part of the object's range is gone. But libraries may lie
 * in the main program's gaps; and where it is nothing else ever was. */
static bool
displace_locked(const struct lks_object *object)
{
	bool any = false;

	if (lks_loader_is_main(object))
		return false;
	for (uint32_t n = lks_modmap_count(); n > 0; n--) {
		struct record *r = record_of(n);

		if (is_unloaded(r) || r->is_main ||
		    r->module.map_start >= object->map_end ||
		    object->map_start >= r->module.map_end)
			continue;
		atomic_store_explicit(&r->module.unloaded, true,
				      memory_order_relaxed);
		any = true;
	}
	return any;
}

/* The object's number, known or new. *displaced is set when another module
 * was there: the rules of its addresses are wrong then. */
static uint32_t
settle_locked(const struct lks_object *object, bool *displaced)
{
	uint32_t number = search_object(object);

	if (number != 0)
		return number;
	*displaced = displace_locked(object);
	number = revive_locked(object);
	return number != 0 ? number : add_locked(object);
}

static LKS_NOINLINE uint32_t
find_slow(const struct lks_object *object)
{
	uint32_t number = search_object(object);
	bool displaced = false;

	if (number == 0) {
		if (!lks_lock_take(&lock, LKS_RANK_MODMAP))
			return 0;
		number = settle_locked(object, &displaced);
		lks_lock_drop(&lock);
		if (displaced)
			lks_rules_flush();
	}
	atomic_store_explicit(hint_of(object->map_start), (uint16_t)number,
			      memory_order_relaxed);
	return number;
}

static bool
holds(const struct record *r, uintptr_t pc)
{
	if (is_unloaded(r) || pc < r->module.map_start ||
	    pc >= r->module.map_end)
		return false;
	if (!r->is_main)
		return true;
	for (uint32_t i = 0; i < r->module.segment_count; i++)
		if (pc - r->module.segments[i].start <
		    r->module.segments[i].end - r->module.segments[i].start)
			return true;
	return false; /* ask */
}

/* Where a question is costly and for one thread at a time: first look whether
 * the address is in a module we know. */
static LKS_NOINLINE uint32_t
find_without_loader(uintptr_t pc)
{
	struct lks_object object;
	bool displaced = false;
	uint32_t number = 0;

	for (uint32_t n = lks_modmap_count(); n > 0; n--)
		if (holds(record_of(n), pc))
			return n;
	if (!lks_lock_take(&lock, LKS_RANK_MODMAP))
		return 0;
	if (lks_loader_find(pc, &object))
		number = settle_locked(&object, &displaced);
	lks_lock_drop(&lock);
	if (displaced)
		lks_rules_flush();
	return number;
}

uint32_t
lks_modmap_find(uintptr_t pc)
{
	struct lks_object object;
	uint32_t number;

	if (lks_unlikely(!lks_loader_is_free()))
		return find_without_loader(pc);
	if (!lks_loader_find(pc, &object))
		return 0;
	number = atomic_load_explicit(hint_of(object.map_start),
				      memory_order_relaxed);
	if (number != 0 && number <= lks_modmap_count() &&
	    is_object(record_of(number), &object))
		return number;
	return find_slow(&object);
}

void
lks_modmap_refresh(void)
{
	bool any = false;

	for (uint32_t n = lks_modmap_count(); n > 0; n--) {
		struct record *r = record_of(n);

		if (is_unloaded(r) || r->image.headers == 0 ||
		    lks_image_is_there(&r->image, r->build_id))
			continue;
		atomic_store_explicit(&r->module.unloaded, true,
				      memory_order_relaxed);
		any = true;
	}
	if (any)
		lks_rules_flush();
}

bool
lks_modmap_init(void)
{
	struct lks_object object;

	lks_loader_init(true);
	records = lks_arena_reserve(LKS_MODULES_MAX * sizeof(*records));
	if (lks_loader_find((uintptr_t)&lks_modmap_init, &object) &&
	    !lks_loader_is_main(&object)) {
		shim_start = object.map_start;
		shim_end = object.map_end;
	}
	return records != NULL;
}

void
lks_modmap_fork_prepare(void)
{
	fork_holds = lks_lock_take(&lock, LKS_RANK_MODMAP);
	fork_pid = lks_sys_getpid();
}

void
lks_modmap_fork_release(void)
{
	if (fork_holds)
		lks_lock_drop(&lock);
	else if (fork_pid != lks_sys_getpid())
		/* In the child. Whoever holds it is not here; what it was
		 * adding was not published. */
		lks_lock_init(&lock);
	fork_holds = false;
}
