#include "crypto/keyring.h"
#include "base/file.h"
#include "base/random.h"
#include "base/secret.h"
#include "crypto/hex.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#define LINE_PREFIX "hudhud-key-v1 "
#define LINE_LEN    (sizeof(LINE_PREFIX) - 1 + 8 + 1 + 2 * SEAL_KEY_LEN + 1)

struct key {
    uint32_t id;
    unsigned char bytes[SEAL_KEY_LEN];
};

struct keyring_state {
    pthread_rwlock_t lock; /* sealing and opening read; some ten changes in a process's life */
    size_t n;
    size_t current;
    struct key keys[KEYRING_MAX]; /* the oldest first */
};

/* --- the ring ----------------------------------------------------------------------------- */

static struct keyring_state *make(void)
{
    struct keyring_state *s = xcalloc(1, sizeof(*s));
    if (pthread_rwlock_init(&s->lock, NULL) != 0)
        die("cannot make a lock");
    return s;
}

void keyring_release(struct keyring *k)
{
    struct keyring_state *s = k->state;
    if (!s)
        return;
    pthread_rwlock_destroy(&s->lock);
    wipe(s, sizeof(*s));
    free(s);
    k->state = NULL;
}

/* The place of a key, or n. With the lock held. */
static size_t find(const struct keyring_state *s, uint32_t id)
{
    size_t i = 0;
    while (i < s->n && s->keys[i].id != id)
        i++;
    return i;
}

static void remove_at(struct keyring_state *s, size_t i)
{
    s->n--;
    memmove(&s->keys[i], &s->keys[i + 1], (s->n - i) * sizeof(s->keys[0]));
    wipe(&s->keys[s->n], sizeof(s->keys[0]));
    s->current -= i < s->current;
}

void keyring_add(struct keyring *k, uint32_t id, const unsigned char key[SEAL_KEY_LEN])
{
    if (!k->state)
        k->state = make();
    struct keyring_state *s = k->state;
    pthread_rwlock_wrlock(&s->lock);
    if (find(s, id) == s->n) {
        if (s->n == KEYRING_MAX)
            remove_at(s, s->current == 0 ? 1 : 0);
        s->keys[s->n].id = id;
        memcpy(s->keys[s->n++].bytes, key, SEAL_KEY_LEN);
    }
    pthread_rwlock_unlock(&s->lock);
}

/* An id that is not in the ring: a record names its key by it. 0 stands for none. */
uint32_t keyring_add_new(struct keyring *k)
{
    unsigned char bytes[SEAL_KEY_LEN];
    uint32_t id;
    do
        random_bytes(&id, sizeof(id));
    while (id == 0 || keyring_get(k, id, bytes));
    random_bytes(bytes, sizeof(bytes));
    keyring_add(k, id, bytes);
    wipe(bytes, sizeof(bytes));
    return id;
}

void keyring_add_all(struct keyring *k, const struct keyring *from)
{
    uint32_t ids[KEYRING_MAX];
    unsigned char bytes[SEAL_KEY_LEN];
    size_t n = keyring_ids(from, ids);
    for (size_t i = 0; i < n; i++)
        if (keyring_get(from, ids[i], bytes))
            keyring_add(k, ids[i], bytes);
    wipe(bytes, sizeof(bytes));
}

void keyring_use(struct keyring *k, uint32_t id)
{
    struct keyring_state *s = k->state;
    pthread_rwlock_wrlock(&s->lock);
    size_t i = find(s, id);
    if (i == s->n)
        die("a key that is not in the ring is to seal");
    s->current = i;
    pthread_rwlock_unlock(&s->lock);
}

void keyring_drop(struct keyring *k, uint32_t id)
{
    struct keyring_state *s = k->state;
    pthread_rwlock_wrlock(&s->lock);
    size_t i = find(s, id);
    if (i < s->n && i != s->current)
        remove_at(s, i);
    pthread_rwlock_unlock(&s->lock);
}

size_t keyring_ids(const struct keyring *k, uint32_t ret[KEYRING_MAX])
{
    struct keyring_state *s = k->state;
    if (!s)
        return 0;
    pthread_rwlock_rdlock(&s->lock);
    size_t n = 0;
    ret[n++] = s->keys[s->current].id;
    for (size_t i = 0; i < s->n; i++)
        if (i != s->current)
            ret[n++] = s->keys[i].id;
    pthread_rwlock_unlock(&s->lock);
    return n;
}

uint32_t keyring_current(const struct keyring *k)
{
    uint32_t ids[KEYRING_MAX];
    return keyring_ids(k, ids) ? ids[0] : 0;
}

bool keyring_get(const struct keyring *k, uint32_t id, unsigned char ret[SEAL_KEY_LEN])
{
    struct keyring_state *s = k->state;
    if (!s)
        return false;
    pthread_rwlock_rdlock(&s->lock);
    size_t i = find(s, id);
    bool found = i < s->n;
    if (found)
        memcpy(ret, s->keys[i].bytes, SEAL_KEY_LEN);
    pthread_rwlock_unlock(&s->lock);
    return found;
}

/* --- the file ----------------------------------------------------------------------------- */

static void add_line(struct buf *out, uint32_t id, const unsigned char key[SEAL_KEY_LEN])
{
    char key_text[2 * SEAL_KEY_LEN];
    hex_encode(key, SEAL_KEY_LEN, key_text);
    buf_printf(out, LINE_PREFIX "%08x ", id);
    buf_add(out, str_make(key_text, sizeof(key_text)));
    buf_add_char(out, '\n');
    wipe(key_text, sizeof(key_text));
}

static bool read_line(struct str line, struct keyring *k)
{
    unsigned char id[4], key[SEAL_KEY_LEN];
    if (line.len != LINE_LEN - 1 || !str_starts(line, STR(LINE_PREFIX)))
        return false;
    line = str_skip(line, sizeof(LINE_PREFIX) - 1);
    bool good = hex_decode(str_make(line.ptr, 8), id, sizeof(id)) && line.ptr[8] == ' ' &&
                hex_decode(str_skip(line, 9), key, SEAL_KEY_LEN);
    if (good)
        keyring_add(k, (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3],
                    key);
    wipe(key, sizeof(key));
    return good;
}

/* The last line's end may be missing: editors and copying by hand lose it. */
static bool read_lines(struct str text, struct keyring *k)
{
    bool good = text.len > 0;
    while (good && text.len)
        good = read_line(str_split(&text, '\n'), k);
    return good;
}

static void release_text(struct buf *text)
{
    wipe(text->ptr, text->capacity);
    buf_release(text);
}

/* Never reallocated: that would leave a copy of keys behind. */
static void init_text(struct buf *text)
{
    buf_init(text, KEYRING_MAX * LINE_LEN + 1); /* one more than fits shows that it is too long */
    if (!buf_reserve(text, text->max))
        die("out of memory");
}

enum err keyring_create(struct keyring *k, const char *path, struct error *error)
{
    struct keyring made = {0};
    uint32_t id = keyring_add_new(&made);
    enum err err = keyring_export(&made, id, path, error);
    if (err)
        keyring_release(&made);
    else
        *k = made;
    if (err == ERR_CONFLICT)
        return error_set(error, err, "%s exists already: a key is never overwritten", path);
    return err;
}

static enum err check_mode(int fd, const char *path, struct error *error)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return error_set_errno(error, ERR_IO, "cannot look at %s", path);
    if (!S_ISREG(st.st_mode))
        return error_set(error, ERR_IO, "%s is not an ordinary file", path);
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return error_set(error, ERR_IO,
                         "%s can be used by others than its owner (mode %03o); "
                         "mend it with: chmod 600 %s",
                         path, (unsigned)st.st_mode & 0777, path);
    return ERR_OK;
}

static enum err refuse_missing(const char *path, struct error *error)
{
    if (errno != ENOENT)
        return error_set_errno(error, ERR_IO, "cannot open the sealing key %s", path);
    return error_set(error, ERR_NOT_FOUND,
                     "the sealing key %s is missing; restore it from your backup, or, without "
                     "one, make a new folder with hudhud init and link the numbers again",
                     path);
}

enum err keyring_load(struct keyring *k, const char *path, struct error *error)
{
    /* Not to wait, should it be a pipe. */
    _cleanup_(closep)
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return refuse_missing(path, error);
    enum err err = check_mode(fd, path, error);
    if (err)
        return err;
    _cleanup_(release_text)
    struct buf text;
    init_text(&text);
    err = file_read_fd(fd, path, &text, error);
    struct keyring read = {0};
    if (err == ERR_LIMIT || (!err && !read_lines(buf_str(&text), &read)))
        err = error_set(error, ERR_PARSE,
                        "%s is not a sealing key (lines of " LINE_PREFIX
                        "<8 hex digits> <64 hex digits>); restore it from your backup",
                        path);
    if (err) {
        keyring_release(&read);
        return err;
    }
    keyring_release(k);
    *k = read;
    return ERR_OK;
}

static void format_keys(const struct keyring *k, const uint32_t *ids, size_t n, struct buf *out)
{
    unsigned char bytes[SEAL_KEY_LEN];
    for (size_t i = 0; i < n; i++)
        if (keyring_get(k, ids[i], bytes))
            add_line(out, ids[i], bytes);
    wipe(bytes, sizeof(bytes));
}

enum err keyring_save(const struct keyring *k, const uint32_t *ids, size_t n, const char *path,
                      struct error *error)
{
    _cleanup_(release_text)
    struct buf text;
    init_text(&text);
    format_keys(k, ids, n, &text);
    return file_replace(path, buf_str(&text), 0600, error);
}

enum err keyring_export(const struct keyring *k, uint32_t id, const char *path, struct error *error)
{
    _cleanup_(release_text)
    struct buf text;
    init_text(&text);
    format_keys(k, &id, 1, &text);
    return file_create(path, buf_str(&text), 0600, error);
}
