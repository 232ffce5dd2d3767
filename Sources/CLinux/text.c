#define _GNU_SOURCE
#include "cl_text.h"

#include <langinfo.h>
#include <locale.h>
#include <pthread.h>
#include <string.h>
#include <wchar.h>

static locale_t utf8;

static void open_locale(void)
{
    // The user's own first: in some of them characters are wider than elsewhere.
    static const char *const names[] = {"", "C.UTF-8"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        locale_t locale = newlocale(LC_CTYPE_MASK, names[i], 0);
        if (!locale)
            continue;
        if (strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0) {
            utf8 = locale;
            return;
        }
        freelocale(locale);
    }
}

int cl_scalar_width(uint32_t scalar)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_locale);
    if (!utf8)
        return scalar < 0x20 || (scalar >= 0x7f && scalar < 0xa0) ? -1 : 1;
    // The thread's and not the process's: setlocale(3) is not for a program with threads.
    locale_t previous = uselocale(utf8);
    int width = wcwidth((wchar_t)scalar);
    uselocale(previous);
    return width;
}
