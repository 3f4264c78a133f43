#include "base/file.h"

#include "unit/base/test.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena arena;
static struct error error;
static struct buf text;
static char folder[64], path[96];

static int setup(void **state)
{
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    buf_init(&text, MIB);
    snprintf(folder, sizeof(folder), "/tmp/hudhud-file-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/file", folder);
    return 0;
}

static int teardown(void **state)
{
    unlink(path);
    rmdir(folder);
    buf_release(&text);
    arena_release(&arena);
    return 0;
}

static void test_create_and_read(void **state)
{
    mode_t mask = umask(077);
    assert_int_equal(file_create(path, STR("one\0two"), 0644, &error), ERR_OK);
    umask(mask);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644); /* whatever the umask */
    buf_add(&text, STR("before "));
    assert_int_equal(file_read(path, &text, &error), ERR_OK);
    assert_true(str_eq(buf_str(&text), STR("before one\0two")));
}

static void test_never_overwrites(void **state)
{
    assert_int_equal(file_create(path, STR("one"), 0600, &error), ERR_OK);
    assert_int_equal(file_create(path, STR("two"), 0600, &error), ERR_CONFLICT);
    assert_int_equal(file_read(path, &text, &error), ERR_OK);
    assert_str(buf_str(&text), "one");
}

static void test_replaces(void **state)
{
    assert_int_equal(file_replace(path, STR("one"), 0640, &error), ERR_OK); /* there is none */
    char left[112];
    snprintf(left, sizeof(left), "%s.new", path); /* as a crash leaves it */
    assert_int_equal(file_create(left, STR("half"), 0600, &error), ERR_OK);
    assert_int_equal(file_replace(path, STR("two"), 0600, &error), ERR_OK);
    assert_int_equal(file_read(path, &text, &error), ERR_OK);
    assert_str(buf_str(&text), "two");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(access(left, F_OK), -1);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 65534, 65534), 0);
        assert_int_equal(file_replace(path, STR("three"), 0600, &error), ERR_OK);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_uid, 65534);
        assert_int_equal(st.st_gid, 65534);
    }
    assert_int_equal(file_replace(folder, STR("x"), 0600, &error), ERR_IO);
    assert_true(str_ends(error.message, STR("is not an ordinary file")));
}

static void test_failures(void **state)
{
    assert_int_equal(file_read(path, &text, &error), ERR_NOT_FOUND);
    assert_true(str_ends(error.message, STR("file: No such file or directory")));
    assert_int_equal(file_read(folder, &text, &error), ERR_IO);
    assert_true(str_ends(error.message, STR(": Is a directory")));
    char deeper[128];
    snprintf(deeper, sizeof(deeper), "%s/none/file", folder);
    assert_int_equal(file_create(deeper, STR("x"), 0600, &error), ERR_IO);
    assert_int_equal(file_read_fd(-1, "it", &text, &error), ERR_IO);
    assert_str(error.message, "cannot read it: Bad file descriptor");
}

static void test_sizes(void **state)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 200000};
    char *content = xcalloc(1, 200000);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        unlink(path);
        assert_int_equal(file_create(path, str_make(content, sizes[i]), 0600, &error), ERR_OK);
        struct buf exact, small;
        buf_init(&exact, sizes[i]);
        assert_int_equal(file_read(path, &exact, &error), ERR_OK);
        assert_int_equal(exact.len, sizes[i]);
        buf_release(&exact);
        if (sizes[i] == 0)
            continue;
        buf_init(&small, sizes[i] - 1);
        assert_int_equal(file_read(path, &small, &error), ERR_LIMIT);
        buf_release(&small);
    }
    free(content);
}

static void *write_slowly(void *arg)
{
    int fd = *(int *)arg;
    for (int i = 0; i < 100; i++)
        if (write(fd, "0123456789", 10) != 10)
            die("cannot write to a pipe");
    close(fd);
    return NULL;
}

static void test_pipe(void **state)
{
    int ends[2];
    pthread_t writer;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pthread_create(&writer, NULL, write_slowly, &ends[1]), 0);
    assert_int_equal(file_read_fd(ends[0], "a pipe", &text, &error), ERR_OK);
    pthread_join(writer, NULL);
    close(ends[0]);
    assert_int_equal(text.len, 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_create_and_read), TEST(test_never_overwrites),
        TEST(test_replaces),        TEST(test_failures),
        TEST(test_sizes),           TEST(test_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
