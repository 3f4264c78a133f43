/* Group commit, completions, savepoints, readers' snapshots. */
#include "unit/store/fixture.h"

static void test_a_write_is_there_after_its_reply(void **state)
{
    struct fixture *f = *state;
    struct store_reader *r;
    struct tx *tx;
    char value[32];
    assert_int_equal(store_reader_open(f->store, &r, &f->error), ERR_OK);
    assert_int_equal(put_now(f->store, "a", "1"), ERR_OK);
    assert_int_equal(store_read_begin(r, &tx), ERR_OK);
    assert_string_equal(get_setting(tx, "a", value, sizeof(value)).ptr, "1");
    store_reader_close(r);
    fixture_close(f);
    fixture_open(f, false);
    assert_int_equal(raw_i64(f->path, "SELECT count(*) FROM settings"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_write_is_there_after_its_reply, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
