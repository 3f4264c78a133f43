/* kill -9 in the middle of many writes: what was acknowledged is there after a restart, and the
 * database is sound. */
#include "base/random.h"
#include "unit/store/fixture.h"

#include <signal.h>
#include <sys/wait.h>

#define ROUNDS  20
#define CALLERS 32

struct caller {
    struct put put;
    int64_t id;
    char name[24];
};

static void submit_next(struct store *s, struct caller *c, int64_t *next_id)
{
    c->id = (*next_id)++;
    int len = snprintf(c->name, sizeof(c->name), "%lld", (long long)c->id);
    c->put.name = str_make(c->name, (size_t)len);
    c->put.value = STR("there");
    c->put.write.apply = put_apply;
    if (store_submit(s, &c->put.write))
        _exit(2);
}

/* The child: 32 callers, each writing again when its last write was acknowledged, which it tells
 * through the pipe first. Runs until it is killed. */
static void NORETURN child_main(const char *path, int64_t next_id, int to_parent)
{
    static struct caller callers[CALLERS];
    struct store_options options = {.path = path};
    struct arena arena;
    struct error error;
    struct store *s;
    struct queue back;
    struct list done;
    arena_init(&arena, KIB);
    error_init(&error, &arena);
    if (store_open(&options, &s, &error))
        _exit(1);
    queue_init(&back, NULL, NULL);
    list_init(&done);
    for (int i = 0; i < CALLERS; i++) {
        callers[i].put.write.reply_to = &back;
        submit_next(s, &callers[i], &next_id);
    }
    while (queue_wait(&back, &done)) {
        struct list *node;
        while ((node = list_take(&done))) {
            struct caller *c = CONTAINER_OF(node, struct caller, put.write.node);
            if (c->put.write.err)
                _exit(3);
            if (write(to_parent, &c->id, sizeof(c->id)) != sizeof(c->id))
                _exit(4);
            submit_next(s, c, &next_id);
        }
    }
    _exit(5);
}

/* All ids that were acknowledged, kept from round to round. */
struct ledger {
    int64_t *ids;
    size_t n, capacity;
};

static void ledger_read(struct ledger *l, int from_child)
{
    int64_t id;
    while (read(from_child, &id, sizeof(id)) == sizeof(id)) {
        if (l->n == l->capacity) {
            l->capacity = l->capacity ? 2 * l->capacity : 4096;
            l->ids = realloc(l->ids, l->capacity * sizeof(id));
            assert_non_null(l->ids);
        }
        l->ids[l->n++] = id;
    }
}

static void live_and_die(const char *path, struct ledger *l, int round)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        child_main(path, (int64_t)round * 10000000, ends[1]);
    }
    close(ends[1]);
    int64_t first;
    assert_int_equal(read(ends[0], &first, sizeof(first)), sizeof(first));
    usleep(random_below(30000));
    kill(child, SIGKILL);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    size_t before = l->n;
    ledger_read(l, ends[0]);
    assert_true(l->n >= before);
    close(ends[0]);
}

static void assert_all_there(const struct fixture *f, const struct ledger *l)
{
    struct store_reader *r;
    struct tx *tx;
    char name[24], value[16];
    struct error error;
    struct arena arena;
    arena_init(&arena, KIB);
    error_init(&error, &arena);
    assert_int_equal(store_reader_open(f->store, &r, &error), ERR_OK);
    assert_int_equal(store_read_begin(r, &tx), ERR_OK);
    for (size_t i = 0; i < l->n; i++) {
        snprintf(name, sizeof(name), "%lld", (long long)l->ids[i]);
        assert_string_equal(get_setting(tx, name, value, sizeof(value)).ptr, "there");
    }
    store_reader_close(r);
    arena_release(&arena);
}

static void test_what_was_acknowledged_survives_kill_9(void **state)
{
    struct fixture f;
    struct ledger ledger = {0};
    fixture_init(&f);
    fixture_open(&f, true);
    fixture_close(&f); /* no thread of ours lives when the child is forked */
    for (int round = 0; round < ROUNDS; round++) {
        live_and_die(f.path, &ledger, round);
        fixture_open(&f, false);
        assert_all_there(&f, &ledger);
        fixture_close(&f);
        assert_sound(f.path);
    }
    assert_true(ledger.n > ROUNDS);
    free(ledger.ids);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_acknowledged_survives_kill_9),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
