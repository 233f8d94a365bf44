#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/hashtab.h"

#define COUNT 10000

static int numbers[COUNT];

static bool
number_equal(const void *entry, const void *key)
{
	return *(const int *)entry == *(const int *)key;
}

static void
fill(struct hashtab *table, uint64_t (*hash)(int))
{
	void **place;
	int i;

	for (i = 0; i < COUNT; i++) {
		numbers[i] = i;
		place = hashtab_place(table, hash(i), &numbers[i],
				      number_equal);
		assert_null(*place);
		*place = &numbers[i];
	}
	assert_int_equal(table->count, COUNT);
}

static void
expect_all(struct hashtab *table, uint64_t (*hash)(int))
{
	int i;

	for (i = 0; i < COUNT; i++)
		assert_ptr_equal(*hashtab_place(table, hash(i), &i,
						number_equal),
				 &numbers[i]);
	assert_int_equal(table->count, COUNT);
}

static uint64_t
good_hash(int number)
{
	return hash_u64(HASH_START, (uint64_t)number);
}

/* Only 16 different ones. */
static uint64_t
bad_hash(int number)
{
	return (uint64_t)number & 15;
}

static void
entries_are_found_while_it_grows(void **state)
{
	struct hashtab table = { 0 };

	(void)state;
	fill(&table, good_hash);
	expect_all(&table, good_hash);
	hashtab_release(&table);
}

static void
equal_hashes_are_told_apart_by_the_key(void **state)
{
	struct hashtab table = { 0 };

	(void)state;
	fill(&table, bad_hash);
	expect_all(&table, bad_hash);
	hashtab_release(&table);
}

static void
hashes_differ_in_length_and_in_any_byte(void **state)
{
	char bytes[40] = { 0 };
	uint64_t hash;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bytes); i++)
		assert_true(hash_bytes(HASH_START, bytes, i) !=
			    hash_bytes(HASH_START, bytes, i + 1));
	hash = hash_bytes(HASH_START, bytes, sizeof(bytes));
	for (i = 0; i < sizeof(bytes); i++) {
		bytes[i] = 1;
		assert_true(hash_bytes(HASH_START, bytes, sizeof(bytes)) !=
			    hash);
		bytes[i] = 0;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_found_while_it_grows),
		cmocka_unit_test(equal_hashes_are_told_apart_by_the_key),
		cmocka_unit_test(hashes_differ_in_length_and_in_any_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
