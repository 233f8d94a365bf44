/* Like libp11-kit behind curl: a constructor whose newlocale() makes the
 * process's first allocation, with libc's locale lock held. */
#include <locale.h>

locale_t early_locale;

__attribute__((constructor)) static void
make_locale(void)
{
	early_locale = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
}
