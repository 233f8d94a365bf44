/*
 * A clean C program that uses much of the C library, and frees all it
 * allocates. With `lose` it loses one byte; with `lose-file` a stream.
 */
#include <dlfcn.h>
#include <iconv.h>
#include <langinfo.h>
#include <libintl.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#define THREADS 4
#define NUMBERS 10000

static char *volatile lost;
static FILE *volatile lost_file;

static void
print_and_read(void)
{
	FILE *file = fopen("/etc/passwd", "r");
	char *line = NULL;
	size_t size = 0;
	char text[32];

	printf("%s %d %f\n", "text", 1, 1.5);
	fprintf(stderr, "%d\n", 2);
	if (fgets(text, sizeof(text), stdin))
		puts(text);
	if (getline(&line, &size, file) > 0)
		puts(line);
	free(line);
	fclose(file);
}

static void
use_locales(void)
{
	locale_t locale = newlocale(LC_ALL_MASK, "C.UTF-8", NULL);
	iconv_t conversion = iconv_open("UTF-8", "ISO-8859-15");
	time_t now = time(NULL);
	char text[100];

	setlocale(LC_ALL, "C.UTF-8");
	puts(nl_langinfo(CODESET));
	bindtextdomain("tidy", "/nonexistent");
	textdomain("tidy");
	puts(gettext("hello"));
	setenv("TZ", "Europe/Berlin", 1);
	strftime(text, sizeof(text), "%c %Z", localtime(&now));
	puts(text);
	if (conversion != (iconv_t)-1)
		iconv_close(conversion);
	freelocale(locale);
}

static void
ask_for_names(void)
{
	struct addrinfo *found = NULL;

	if (getpwnam("root") && getpwuid(0))
		puts("root");
	if (getaddrinfo("localhost", "80", NULL, &found) == 0)
		freeaddrinfo(found);
	getservbyname("http", "tcp");
}

static void
load_libraries(void)
{
	void *math = dlopen("libm.so.6", RTLD_NOW);
	void *kept = dlopen("libz.so.1", RTLD_NOW | RTLD_GLOBAL);

	if (!dlopen("no-such-library.so", RTLD_NOW))
		puts(dlerror());
	if (kept)
		puts("libz");
	dlclose(math);
}

static void *
work(void *unused)
{
	static __thread volatile char local[10000];
	char *block = malloc(100);

	local[0]++;
	strerror(12345);
	free(block);
	return unused;
}

static void
run_threads(void)
{
	pthread_t threads[THREADS];
	pthread_key_t keys[40];
	int i;

	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < 40; i++) {
		pthread_key_create(&keys[i], NULL);
		pthread_setspecific(keys[i], keys);
	}
}

static int
compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void
sort_and_match(void)
{
	int *numbers = malloc(NUMBERS * sizeof(*numbers));
	regex_t regex;
	FILE *pipe;
	char text[32];
	int i;

	for (i = 0; i < NUMBERS; i++)
		numbers[i] = NUMBERS - i;
	qsort(numbers, NUMBERS, sizeof(*numbers), compare);
	free(numbers);
	regcomp(&regex, "a(b|c)*d", REG_EXTENDED);
	regexec(&regex, "abcbcd", 0, NULL, 0);
	regfree(&regex);
	pipe = popen("echo piped", "r");
	if (pipe && fgets(text, sizeof(text), pipe))
		puts(text);
	if (pipe)
		pclose(pipe);
}

static void __attribute__((noinline)) lose_a_byte(void)
{
	lost = malloc(1);
	lost = NULL;
}

static void __attribute__((noinline)) lose_a_file(void)
{
	char text[8];

	lost_file = fopen("/etc/passwd", "r");
	if (fgets(text, sizeof(text), lost_file))
		puts(text);
	lost_file = NULL;
}

int
main(int argc, char **argv)
{
	print_and_read();
	use_locales();
	ask_for_names();
	load_libraries();
	run_threads();
	sort_and_match();
	if (argc > 1 && strcmp(argv[1], "lose") == 0)
		lose_a_byte();
	if (argc > 1 && strcmp(argv[1], "lose-file") == 0)
		lose_a_file();
	return 0;
}
