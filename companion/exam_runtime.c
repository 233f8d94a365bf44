#include "exam_runtime.h"

#include <string.h>

#include "../analyzer/path.h"

typedef void examine_fn(struct exam *exam, const char *base, char *const *argv,
			const struct exam_place *place);

/* --- Python ----------------------------------------------------------------- */

/* python3 -E and -I ignore the PYTHON variables. Options come before the
 * script; the argument of one may be in the same word. */
static bool
ignores_environment(char *const *argv)
{
	const char *letter;
	size_t i;

	for (i = 1; argv && argv[0] && argv[i]; i++) {
		if (argv[i][0] != '-' || argv[i][1] == '-' || !argv[i][1])
			return false;
		for (letter = argv[i] + 1; *letter; letter++) {
			if (*letter == 'E' || *letter == 'I')
				return true;
			if (*letter == 'c' || *letter == 'm')
				return false;
			if (*letter == 'W' || *letter == 'X') {
				/* Its argument follows. */
				if (!letter[1] && argv[i + 1])
					i++;
				break;
			}
		}
	}
	return false;
}

static void
examine_python(struct exam *exam, const char *base, char *const *argv,
	       const struct exam_place *place)
{
	const char *allocator = exam_place_getenv(place, "PYTHONMALLOC");
	bool is_ignored = ignores_environment(argv);

	if (allocator && !strncmp(allocator, "malloc", 6) && !is_ignored) {
		exam_add(
			exam, EXAM_PYTHON, EXAM_OK,
			"%s is a Python and PYTHONMALLOC is '%s': every object "
			"is seen",
			base, allocator);
		return;
	}
	exam_add(exam, EXAM_PYTHON, EXAM_WARNING,
		 "%s is a Python: objects of up to 512 bytes hide in its "
		 "arenas; only these, larger objects and native extensions "
		 "are seen",
		 base);
	exam_fix(exam, is_ignored
			       ? "set PYTHONMALLOC=malloc, and do without the "
				 "options -E and -I, which ignore it"
			       : "set PYTHONMALLOC=malloc");
}

/* --- others ----------------------------------------------------------------- */

static void
examine_java(struct exam *exam, const char *base, char *const *argv,
	     const struct exam_place *place)
{
	(void)argv;
	(void)place;
	exam_add(exam, EXAM_JAVA, EXAM_NOTE,
		 "%s runs a JVM: the Java heap is not malloc's; what the JVM "
		 "itself, native libraries and direct buffers allocate is seen",
		 base);
	exam_fix(exam,
		 "for Java's heap use jcmd PID GC.class_histogram; frames "
		 "of compiled Java code end the call stacks");
}

static void
examine_node(struct exam *exam, const char *base, char *const *argv,
	     const struct exam_place *place)
{
	(void)argv;
	(void)place;
	exam_add(exam, EXAM_NODE, EXAM_NOTE,
		 "%s runs JavaScript by V8, whose heap is not malloc's: "
		 "buffers and native add-ons are seen, JavaScript objects "
		 "are not",
		 base);
	exam_fix(exam, "for JavaScript's heap use --heapsnapshot-signal");
}

static void
examine_dotnet(struct exam *exam, const char *base, char *const *argv,
	       const struct exam_place *place)
{
	(void)argv;
	(void)place;
	exam_add(exam, EXAM_DOTNET, EXAM_NOTE,
		 "%s runs .NET, whose managed heap is not malloc's: only the "
		 "runtime and native libraries are seen",
		 base);
	exam_fix(exam, "for the managed heap use dotnet-gcdump");
}

static void
examine_php(struct exam *exam, const char *base, char *const *argv,
	    const struct exam_place *place)
{
	const char *zend = exam_place_getenv(place, "USE_ZEND_ALLOC");

	(void)argv;
	if (zend && !strcmp(zend, "0")) {
		exam_add(exam, EXAM_PHP, EXAM_OK,
			 "%s is a PHP and USE_ZEND_ALLOC is 0: every value is "
			 "seen",
			 base);
		return;
	}
	exam_add(exam, EXAM_PHP, EXAM_WARNING,
		 "%s is a PHP: its values live in chunks that it maps itself, "
		 "so that only extensions' own memory is seen",
		 base);
	exam_fix(exam, "set USE_ZEND_ALLOC=0");
}

static void
examine_erlang(struct exam *exam, const char *base, char *const *argv,
	       const struct exam_place *place)
{
	(void)argv;
	(void)place;
	exam_add(exam, EXAM_ERLANG, EXAM_WARNING,
		 "%s is Erlang's virtual machine: its allocators map memory "
		 "themselves, so that little of it is seen",
		 base);
	exam_fix(exam, "start it with +Mea min, which uses malloc");
}

static void
examine_chromium(struct exam *exam, const char *base, char *const *argv,
		 const struct exam_place *place)
{
	(void)argv;
	(void)place;
	exam_add(exam, EXAM_CHROMIUM, EXAM_WARNING,
		 "%s is built on Chromium: PartitionAlloc and V8 have heaps of "
		 "their own, and sandboxed processes can write no snapshot",
		 base);
	exam_fix(exam, "only what the libraries of the browser process "
		       "allocate can be tracked; --no-sandbox for the others");
}

static void
examine_fine(struct exam *exam, const char *base, char *const *argv,
	     const struct exam_place *place)
{
	(void)argv;
	(void)place;
	exam_add(exam, EXAM_INTERPRETER, EXAM_OK,
		 "%s is an interpreter that allocates by malloc; call stacks "
		 "are of its C code, not of the script",
		 base);
}

/* --- which one -------------------------------------------------------------- */

static const struct {
	const char *name; /* of the program, a version may follow */
	examine_fn *examine;
} runtimes[] = {
	{ "python", examine_python },     { "java", examine_java },
	{ "node", examine_node },         { "nodejs", examine_node },
	{ "dotnet", examine_dotnet },     { "php", examine_php },
	{ "php-fpm", examine_php },       { "php-cgi", examine_php },
	{ "beam.smp", examine_erlang },   { "chrome", examine_chromium },
	{ "chromium", examine_chromium }, { "electron", examine_chromium },
	{ "ruby", examine_fine },         { "perl", examine_fine },
	{ "lua", examine_fine },          { "tclsh", examine_fine },
};

#define RUNTIMES (sizeof(runtimes) / sizeof(runtimes[0]))

/* A version as Debian's programs have it: python3.11, php-fpm8.2, and -dbg. */
static bool
is_versioned(const char *base, const char *name)
{
	size_t bytes = strlen(name);

	if (strncmp(base, name, bytes) != 0)
		return false;
	base += bytes;
	base += strspn(base, "0123456789.");
	return !*base || !strcmp(base, "-dbg");
}

void
exam_runtime(struct exam *exam, const char *program, char *const *argv,
	     const struct exam_place *place)
{
	const char *base = path_base(program);
	size_t i;

	for (i = 0; i < RUNTIMES; i++)
		if (is_versioned(base, runtimes[i].name)) {
			runtimes[i].examine(exam, base, argv, place);
			return;
		}
}

/* What is opened into a program that is not known by its name: it may never
 * be used, so that these are no more than notes. */
static const struct {
	const char *prefix;
	enum exam_id id;
	const char *name;
	const char *fix;
} libraries[] = {
	{ "libpython3", EXAM_PYTHON, "Python", "set PYTHONMALLOC=malloc" },
	{ "libjvm.so", EXAM_JAVA, "a JVM", NULL },
	{ "libnode.so", EXAM_NODE, "Node.js", NULL },
	{ "libcoreclr.so", EXAM_DOTNET, ".NET", NULL },
	{ "libphp", EXAM_PHP, "PHP", "set USE_ZEND_ALLOC=0" },
	{ "libcef.so", EXAM_CHROMIUM, "Chromium", NULL },
};

#define LIBRARIES (sizeof(libraries) / sizeof(libraries[0]))

void
exam_runtime_library(struct exam *exam, const char *path)
{
	const char *base = path_base(path);
	size_t i;

	for (i = 0; i < LIBRARIES; i++) {
		if (strncmp(base, libraries[i].prefix,
			    strlen(libraries[i].prefix)) != 0 ||
		    exam_has(exam, libraries[i].id))
			continue;
		exam_add(exam, libraries[i].id, EXAM_NOTE,
			 "%s is loaded: what %s keeps in a heap of its own is "
			 "not seen",
			 base, libraries[i].name);
		if (libraries[i].fix)
			exam_fix(exam, "%s", libraries[i].fix);
	}
}
