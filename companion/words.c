#include "words.h"

#include <stdlib.h>
#include <string.h>

#include "../analyzer/xalloc.h"

static void
add(struct words *words, const char *word, size_t bytes)
{
	char *copy;

	if (words->count >= WORDS_MAX)
		return;
	copy = xmalloc(bytes + 1);
	memcpy(copy, word, bytes);
	copy[bytes] = '\0';
	words->at = xgrow(words->at, &words->capacity, words->count + 2,
			  sizeof(*words->at));
	words->at[words->count++] = copy;
	words->at[words->count] = NULL;
}

void
words_add(struct words *words, const char *word)
{
	add(words, word, strlen(word));
}

void
words_add_all(struct words *words, char *const *more)
{
	for (; *more; more++)
		words_add(words, *more);
}

void
words_split(struct words *words, const char *text)
{
	size_t bytes;

	for (;; text += bytes) {
		text += strspn(text, " \t\n");
		bytes = strcspn(text, " \t\n");
		if (!bytes)
			return;
		add(words, text, bytes);
	}
}

void
words_release(struct words *words)
{
	size_t i;

	for (i = 0; i < words->count; i++)
		free(words->at[i]);
	free(words->at);
	memset(words, 0, sizeof(*words));
}

void
words_become(struct words *words, struct words *take_other)
{
	words_release(words);
	*words = *take_other;
	memset(take_other, 0, sizeof(*take_other));
}
