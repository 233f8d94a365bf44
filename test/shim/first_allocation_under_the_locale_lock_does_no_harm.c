/* link: -l:lib_takes_the_locale_lock_early.so */
/*
 * Our boot runs inside that first allocation. Whatever it asked of libc that
 * wants the locale lock would leave it in disorder, and setlocale() would wait
 * for ever.
 */
#include <locale.h>
#include <stdio.h>

extern locale_t early_locale;

int
main(void)
{
	printf("locale %d\n", early_locale != NULL);
	printf("setlocale %d\n", setlocale(LC_ALL, "C.UTF-8") != NULL);
	return 0;
}
