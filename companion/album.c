#include "album.h"

#include <string.h>

static uint64_t
seconds(uint64_t s)
{
	return s * 1000000000u;
}

bool
album_wants(const struct album *album, uint64_t wall_ns)
{
	uint64_t newest, spacing = ALBUM_SPACING_S;

	if (!album->count)
		return true;
	newest = scrape_wall_ns(album->scrapes[album->count - 1]);
	if (album->count < ALBUM_MAX / 2)
		spacing = ALBUM_SPACING_MIN_S << album->count;
	/* The clock may have been set back. */
	return wall_ns < newest || wall_ns - newest >= seconds(spacing);
}

static void
drop(struct album *album, size_t i)
{
	scrape_put(album->scrapes[i]);
	album->count--;
	memmove(&album->scrapes[i], &album->scrapes[i + 1],
		(album->count - i) * sizeof(album->scrapes[0]));
}

/* Not the first or the last: the one whose neighbours are closest. */
static size_t
missed_least(const struct album *album)
{
	uint64_t gap, least = UINT64_MAX;
	size_t i, found = 1;

	for (i = 1; i + 1 < album->count; i++) {
		gap = scrape_wall_ns(album->scrapes[i + 1]) -
		      scrape_wall_ns(album->scrapes[i - 1]);
		if (gap < least) {
			least = gap;
			found = i;
		}
	}
	return found;
}

static uint64_t
bytes_of(const struct album *album)
{
	uint64_t bytes = 0;
	size_t i;

	for (i = 0; i < album->count; i++)
		bytes += scrape_bytes(album->scrapes[i]);
	return bytes;
}

void
album_add(struct album *album, struct scrape *take)
{
	uint64_t now = scrape_wall_ns(take);

	while (album->count && (scrape_wall_ns(album->scrapes[0]) > now ||
				now - scrape_wall_ns(album->scrapes[0]) >
					seconds(ALBUM_HOUR_S)))
		drop(album, 0);
	if (album->count == ALBUM_MAX)
		drop(album, missed_least(album));
	album->scrapes[album->count++] = take;
	while (album->count > 2 && bytes_of(album) > ALBUM_BYTES)
		drop(album, missed_least(album));
}

struct scrape *
album_find(const struct album *album, uint64_t wall_ns)
{
	size_t i = album->count;

	while (i > 1 && scrape_wall_ns(album->scrapes[i - 1]) > wall_ns)
		i--;
	return i ? album->scrapes[i - 1] : NULL;
}

void
album_release(struct album *album)
{
	while (album->count)
		drop(album, album->count - 1);
}
