/* Which snapshots of the last hour are kept. The scrapes are made up here, so
 * that their times and sizes can be chosen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../companion/album.h"

#define SECOND 1000000000ull
#define NOON (1000000 * SECOND)

struct scrape {
	uint64_t wall_ns;
	uint64_t bytes;
};

static int alive;

/* What scrape.c would define. */
uint64_t
scrape_wall_ns(const struct scrape *scrape)
{
	return scrape->wall_ns;
}

uint64_t
scrape_bytes(const struct scrape *scrape)
{
	return scrape->bytes;
}

void
scrape_put(struct scrape *scrape)
{
	alive--;
	free(scrape);
}

static void
add(struct album *album, uint64_t wall_ns, uint64_t bytes)
{
	struct scrape *scrape = calloc(1, sizeof(*scrape));

	assert_non_null(scrape);
	*scrape = (struct scrape){ wall_ns, bytes };
	alive++;
	album_add(album, scrape);
}

static void
release(struct album *album)
{
	album_release(album);
	assert_int_equal(album->count, 0);
	assert_int_equal(alive, 0);
}

static void
first_ones_come_soon_and_later_ones_every_five_minutes(void **state)
{
	struct album album = { .count = 0 };
	uint64_t now = NOON, gap, last = 0;
	int i;

	(void)state;
	assert_true(album_wants(&album, now));
	add(&album, now, 1);
	assert_false(album_wants(&album, now));
	assert_false(album_wants(&album, now + SECOND));
	for (i = 0; i < 12; i++) {
		for (gap = 1; !album_wants(&album, now + gap * SECOND); gap++)
			assert_true(gap < 1000);
		assert_true(gap >= last);
		last = gap <= ALBUM_SPACING_S ? gap : ALBUM_SPACING_S;
		now += gap * SECOND;
		add(&album, now, 1);
		if (i == 0)
			assert_true(gap <= 10);
	}
	assert_int_equal(gap, ALBUM_SPACING_S);
	release(&album);
}

/* Two hours of whatever it wanted. */
static void
it_holds_an_hour_with_its_first_and_its_newest(void **state)
{
	struct album album = { .count = 0 };
	uint64_t now;
	size_t i;

	(void)state;
	for (now = NOON; now < NOON + 7200 * SECOND; now += SECOND) {
		if (!album_wants(&album, now))
			continue;
		add(&album, now, 1000);
		assert_true(album.count <= ALBUM_MAX);
		assert_int_equal(album.scrapes[album.count - 1]->wall_ns, now);
		for (i = 1; i < album.count; i++)
			assert_true(album.scrapes[i - 1]->wall_ns <
				    album.scrapes[i]->wall_ns);
		if (now < NOON + ALBUM_HOUR_S * SECOND)
			assert_int_equal(album.scrapes[0]->wall_ns, NOON);
		assert_true(now - album.scrapes[0]->wall_ns <=
			    ALBUM_HOUR_S * SECOND);
	}
	assert_true(album.count >= 8);
	/* Nearly the whole hour. */
	assert_true(now - album.scrapes[0]->wall_ns >= 3000 * SECOND);
	release(&album);
}

/* Snapshots that grow, as a leak's do: nothing is kept over a bound, and nothing
 * is lost. */
static void
ten_hours_need_no_more_than_one(void **state)
{
	struct album album = { .count = 0 };
	uint64_t now, bytes, size = 1u << 20;
	size_t i;

	(void)state;
	for (now = NOON; now < NOON + 36000 * SECOND; now += SECOND) {
		if (!album_wants(&album, now))
			continue;
		add(&album, now, size);
		size += 100000;
		assert_int_equal(alive, (int)album.count);
		assert_true(album.count <= ALBUM_MAX);
		for (i = 0, bytes = 0; i < album.count; i++)
			bytes += album.scrapes[i]->bytes;
		assert_true(bytes <= ALBUM_BYTES);
		assert_true(now - album.scrapes[0]->wall_ns <=
			    ALBUM_HOUR_S * SECOND);
	}
	assert_true(album.count >= 4);
	release(&album);
}

static void
bytes_are_bounded_by_leaving_out_what_is_missed_least(void **state)
{
	struct album album = { .count = 0 };
	const uint64_t third = ALBUM_BYTES / 3;
	size_t i;

	(void)state;
	add(&album, NOON, third);
	add(&album, NOON + 100 * SECOND, third);
	add(&album, NOON + 110 * SECOND, third);
	assert_int_equal(album.count, 3);
	add(&album, NOON + 1000 * SECOND, third);
	/* The one whose neighbours are closest. */
	assert_int_equal(album.count, 3);
	assert_int_equal(album.scrapes[0]->wall_ns, NOON);
	assert_int_equal(album.scrapes[1]->wall_ns, NOON + 110 * SECOND);
	assert_int_equal(album.scrapes[2]->wall_ns, NOON + 1000 * SECOND);
	/* However large: then and now have to be there. */
	for (i = 0; i < 3; i++)
		add(&album, NOON + (1100 + i) * SECOND, ALBUM_BYTES * 2);
	assert_int_equal(album.count, 2);
	assert_int_equal(album.scrapes[0]->wall_ns, NOON);
	assert_int_equal(album.scrapes[1]->wall_ns, NOON + 1102 * SECOND);
	release(&album);
}

static void
clock_that_was_set_back_begins_anew(void **state)
{
	struct album album = { .count = 0 };

	(void)state;
	add(&album, NOON, 1);
	add(&album, NOON + 300 * SECOND, 1);
	assert_true(album_wants(&album, NOON - 300 * SECOND));
	add(&album, NOON - 300 * SECOND, 1);
	assert_int_equal(album.count, 1);
	release(&album);
}

static void
moment_is_the_one_taken_last_before_it(void **state)
{
	struct album album = { .count = 0 };

	(void)state;
	assert_null(album_find(&album, NOON));
	add(&album, NOON, 1);
	add(&album, NOON + 10 * SECOND, 1);
	add(&album, NOON + 20 * SECOND, 1);
	assert_ptr_equal(album_find(&album, 0), album.scrapes[0]);
	assert_ptr_equal(album_find(&album, NOON + 9 * SECOND),
			 album.scrapes[0]);
	assert_ptr_equal(album_find(&album, NOON + 10 * SECOND),
			 album.scrapes[1]);
	assert_ptr_equal(album_find(&album, UINT64_MAX), album.scrapes[2]);
	release(&album);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			first_ones_come_soon_and_later_ones_every_five_minutes),
		cmocka_unit_test(
			it_holds_an_hour_with_its_first_and_its_newest),
		cmocka_unit_test(ten_hours_need_no_more_than_one),
		cmocka_unit_test(
			bytes_are_bounded_by_leaving_out_what_is_missed_least),
		cmocka_unit_test(clock_that_was_set_back_begins_anew),
		cmocka_unit_test(moment_is_the_one_taken_last_before_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
