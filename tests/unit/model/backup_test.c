/* Backups as folders: written, refused, restored, with failing disks and damaged files. */
#include "base/file.h"
#include "model/backup.h"
#include "unit/model/sealed_world.h"
#include "unit/store/fault_vfs.h"

struct places {
    char backup[96], prepared[96], safety[96];
};

static void places_of(struct world *w, struct places *p)
{
    const char *folder = w->fixture.folder;
    snprintf(p->backup, sizeof(p->backup), "%s/backup", folder);
    snprintf(p->prepared, sizeof(p->prepared), "%s/restore.db", folder);
    snprintf(p->safety, sizeof(p->safety), "%s/before", folder);
}

static enum err back_up(struct world *w, const char *folder, bool without_key, struct backup *ret)
{
    const struct backup_options o = {.store = w->fixture.store,
                                     .keyring = &w->keyring,
                                     .folder = folder,
                                     .without_key = without_key};
    error_init(&w->fixture.error, &w->fixture.arena);
    return backup_write(&o, ret, &w->fixture.error);
}

static enum err restore(struct world *w, const struct places *p, const char *key_path)
{
    struct backup b;
    struct keyring keys = {0};
    struct error *error = &w->fixture.error;
    const struct restore_options o = {
        .folder = p->backup, .key_path = key_path, .keyring = &w->keyring, .to = p->prepared};
    error_init(error, &w->fixture.arena);
    enum err e = backup_prepare(&o, &b, &keys, error);
    keyring_release(&keys);
    if (!e)
        e = backup_replace(w->fixture.store, &w->keyring, p->prepared, p->safety, error);
    store_discard(p->prepared);
    return e;
}

static void assert_says(struct world *w, const char *part)
{
    struct str says = w->fixture.error.message;
    if (!memmem(says.ptr, says.len, part, strlen(part)))
        fail_msg("'%.*s' does not say '%s'", STR_FMT(says), part);
}

static const char *in(struct world *w, const char *folder, const char *name)
{
    return arena_cstr(&w->fixture.arena, arena_printf(&w->fixture.arena, "%s/%s", folder, name));
}

static void test_there_and_back(void **state)
{
    struct world w;
    struct places p;
    struct backup b, read;
    world_init(&w);
    places_of(&w, &p);
    assert_int_equal(back_up(&w, p.backup, false, &b), ERR_OK);
    assert_int_equal(backup_read(p.backup, &read, &w.fixture.error), ERR_OK);
    assert_true(str_eq(read.sha256, b.sha256));
    assert_int_equal(read.key_id, keyring_current(&w.keyring));
    assert_int_equal(read.schema_version, store_schema_version());
    assert_true(read.has_key);
    int64_t made_at;
    assert_int_equal(backup_made_at(w.fixture.store, &made_at, &w.fixture.error), ERR_OK);
    assert_int_equal(read.made_at, made_at);
    struct stat st;
    static const char *const names[] = {"hudhud.db", "key", "manifest.json"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(stat(in(&w, p.backup, names[i]), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
    assert_int_equal(stat(p.backup, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(back_up(&w, p.backup, false, &b), ERR_CONFLICT);

    assert_int_equal(add_now(&w, "later", false), ERR_OK);
    assert_int_equal(restore(&w, &p, NULL), ERR_OK);
    assert_readable_by_file(&w, 1, 1);
    /* And back again, from what was kept. */
    memcpy(p.backup, p.safety, sizeof(p.backup));
    snprintf(p.safety, sizeof(p.safety), "%s/again", w.fixture.folder);
    assert_int_equal(restore(&w, &p, NULL), ERR_OK);
    assert_readable_by_file(&w, 2, 1);
    world_release(&w);
}

/* The backup's key is another one by now: everything is sealed with the current one. */
static void test_after_a_rotation(void **state)
{
    for (int without = 0; without < 2; without++) {
        struct world w;
        struct places p;
        struct backup b;
        struct rotation r;
        struct fixture *f = &w.fixture;
        world_init(&w);
        places_of(&w, &p);
        assert_int_equal(back_up(&w, p.backup, without, &b), ERR_OK);
        assert_int_equal(b.has_key, !without);
        assert_int_equal(access(in(&w, p.backup, "key"), F_OK), without ? -1 : 0);
        assert_int_equal(rotation_run(f->store, &w.keyring, w.key_path, &r, &f->error), ERR_OK);
        keyring_release(&w.keyring); /* as after a restart, the old key is nowhere in memory */
        assert_int_equal(keyring_load(&w.keyring, w.key_path, &f->error), ERR_OK);
        const char *kept = without ? arena_cstr(&f->arena, r.kept) : NULL;
        if (without) {
            assert_int_equal(restore(&w, &p, NULL), ERR_NOT_FOUND);
            assert_says(&w, "--key-file");
            assert_int_equal(restore(&w, &p, w.key_path), ERR_AUTHENTICATION);
            assert_says(&w, "does not open");
            assert_readable_by_file(&w, 1, 1);
        }
        assert_int_equal(restore(&w, &p, kept), ERR_OK);
        struct sealed_counts counts = counts_of(&w);
        assert_int_equal(counts.n, 1);
        assert_int_equal(counts.keys[0].key_id, keyring_current(&w.keyring));
        assert_readable_by_file(&w, 1, 1);
        world_release(&w);
    }
}

/* Into a new folder comes the current key alone, also from the key file of a rotation that a crash
 * cut short: there it is the one that has not sealed anything yet. */
static void test_with_the_key_file_of_a_rotation(void **state)
{
    struct world w;
    struct places p;
    struct backup b;
    struct keyring keys = {0}, current = {0};
    uint32_t ids[2];
    world_init(&w);
    places_of(&w, &p);
    struct error *error = &w.fixture.error;
    assert_int_equal(back_up(&w, p.backup, true, &b), ERR_OK);
    ids[1] = keyring_current(&w.keyring);
    ids[0] = keyring_add_new(&w.keyring);
    assert_int_equal(keyring_save(&w.keyring, ids, 2, w.key_path, error), ERR_OK);
    const struct restore_options o = {.folder = p.backup, .key_path = w.key_path, .to = p.prepared};
    assert_int_equal(backup_prepare(&o, &b, &keys, error), ERR_OK);
    assert_int_equal(keyring_current(&keys), ids[0]);
    assert_int_equal(keyring_export(&keys, ids[0], in(&w, p.backup, "key"), error), ERR_OK);
    assert_int_equal(keyring_load(&current, in(&w, p.backup, "key"), error), ERR_OK);
    struct store *store;
    const struct store_options options = {.path = p.prepared};
    assert_int_equal(store_open(&options, &store, error), ERR_OK);
    assert_readable(store, &current, 1, 1);
    store_close(store);
    keyring_release(&current);
    keyring_release(&keys);
    world_release(&w);
}

/* As after a crash in a rotation, and a start that could not end it. */
static void back_up_while_two_keys_seal(bool new_one_did)
{
    struct world w;
    struct places p;
    struct backup b;
    struct keyring keys = {0};
    world_init(&w);
    places_of(&w, &p);
    keyring_use(&w.keyring, keyring_add_new(&w.keyring));
    if (new_one_did)
        assert_int_equal(add_now(&w, "c1", false), ERR_OK);
    assert_int_equal(back_up(&w, p.backup, false, &b), ERR_OK);
    const struct restore_options o = {.folder = p.backup, .to = p.prepared};
    assert_int_equal(backup_prepare(&o, &b, &keys, &w.fixture.error), ERR_OK);
    assert_int_equal(keyring_current(&keys), keyring_current(&w.keyring));
    keyring_release(&keys);
    store_discard(p.prepared);
    assert_int_equal(restore(&w, &p, NULL), ERR_OK);
    memcpy(p.backup, p.safety, sizeof(p.backup));
    assert_int_equal(backup_prepare(&o, &b, &keys, &w.fixture.error), ERR_OK);
    keyring_release(&keys);
    world_release(&w);
}

static void test_while_two_keys_seal(void **state)
{
    back_up_while_two_keys_seal(false);
    back_up_while_two_keys_seal(true);
}

static void change_byte(const char *path, long at)
{
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int c = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc(c ^ 1, file), c ^ 1);
    assert_int_equal(fclose(file), 0);
}

static void replace_text(struct world *w, const char *path, const char *from, const char *to)
{
    struct buf text;
    buf_init(&text, MIB);
    assert_int_equal(file_read(path, &text, &w->fixture.error), ERR_OK);
    buf_add_char(&text, '\0');
    char *hit = strstr(text.ptr, from);
    assert_non_null(hit);
    struct str made = arena_printf(&w->fixture.arena, "%.*s%s%s", (int)(hit - text.ptr), text.ptr,
                                   to, hit + strlen(from));
    assert_int_equal(file_replace(path, made, 0600, &w->fixture.error), ERR_OK);
    buf_release(&text);
}

static void spoil(struct world *w, const struct places *p, int how)
{
    const char *database = in(w, p->backup, "hudhud.db"), *key = in(w, p->backup, "key");
    const char *manifest = in(w, p->backup, "manifest.json");
    switch (how) {
    case 0: change_byte(database, 5000); break;
    case 1: assert_int_equal(truncate(database, 8192), 0); break;
    case 2: assert_int_equal(unlink(database), 0); break;
    case 3: assert_int_equal(unlink(key), 0); break;
    case 4: assert_int_equal(unlink(manifest), 0); break;
    case 5: replace_text(w, manifest, "{", "["); break;
    case 6: replace_text(w, manifest, "\"sha256\":\"", "\"sha256\":\"0"); break;
    case 7: replace_text(w, manifest, "\"format\":1", "\"format\":2"); break;
    case 8: replace_text(w, manifest, "\"key_id\":\"", "\"key_id\":\"x"); break;
    case 9: assert_int_equal(truncate(key, 30), 0); break;
    case 10: assert_int_equal(chmod(key, 0644), 0); break;
    default: fail();
    }
}

static void test_what_is_wrong_changes_nothing(void **state)
{
    static const char *const says[] = {
        "SHA-256",          "SHA-256",           "cannot open", NULL,
        "no backup",        "damaged",           "SHA-256",     "newer hudhud",
        "not the manifest", "not a sealing key", "chmod 600",
    };
    for (int how = 0; how < (int)ARRAY_LEN(says); how++) {
        struct world w;
        struct places p;
        struct backup b;
        world_init(&w);
        places_of(&w, &p);
        assert_int_equal(back_up(&w, p.backup, false, &b), ERR_OK);
        assert_int_equal(add_now(&w, "later", false), ERR_OK);
        spoil(&w, &p, how);
        enum err e = restore(&w, &p, NULL);
        if (says[how]) {
            assert_int_not_equal(e, ERR_OK);
            assert_says(&w, says[how]);
            assert_int_equal(access(p.safety, F_OK), -1);
            assert_readable_by_file(&w, 2, 1);
        } else {
            assert_int_equal(e, ERR_OK); /* the ring has the key */
        }
        assert_int_equal(access(p.prepared, F_OK), -1);
        world_release(&w);
    }
}

static enum err newer_apply(struct store_write *write, struct tx *tx)
{
    return tx_exec(tx, "INSERT INTO schema_version (version, applied_at) VALUES (999, 9)",
                   NO_PARAMS, NULL);
}

static void test_a_newer_schema(void **state)
{
    struct world w;
    struct places p;
    struct backup b;
    world_init(&w);
    places_of(&w, &p);
    struct store_write newer = {.apply = newer_apply};
    assert_int_equal(store_write_now(w.fixture.store, &newer), ERR_OK);
    assert_int_equal(back_up(&w, p.backup, false, &b), ERR_OK);
    assert_int_equal(restore(&w, &p, NULL), ERR_CONFLICT);
    assert_says(&w, "newer hudhud");
    world_release(&w);
}

/* --- failing disks ------------------------------------------------------------------------ */

static bool restore_with_fault(enum fault fault, int at, bool lasting)
{
    struct world w;
    struct places p;
    struct backup b;
    world_init(&w);
    places_of(&w, &p);
    assert_int_equal(back_up(&w, p.backup, false, &b), ERR_OK);
    assert_int_equal(add_now(&w, "later", false), ERR_OK);
    fault_arm(fault, at, lasting);
    enum err e = restore(&w, &p, NULL);
    bool fired = fault_disarm() > 0;
    size_t clients = e ? 2 : 1;
    assert_readable_by_file(&w, clients, 1);
    assert_int_equal(access(p.prepared, F_OK), -1);
    assert_int_equal(add_now(&w, "after", false), ERR_OK);
    fixture_close(&w.fixture);
    fixture_open(&w.fixture, false);
    assert_readable_by_file(&w, clients + 1, 1);
    assert_sound(w.fixture.path);
    world_release(&w);
    return fired;
}

static void test_writes_and_syncs_fail(void **state)
{
    static const struct {
        enum fault fault;
        bool lasting;
    } kinds[] = {{FAULT_WRITE, false}, {FAULT_SYNC, false}, {FAULT_FULL, true}};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        int lives = 0;
        for (int at = 1; restore_with_fault(kinds[i].fault, at, kinds[i].lasting); at += 1 + at / 8)
            lives++;
        assert_true(lives > 2);
    }
}

static void test_a_backup_that_cannot_be_written(void **state)
{
    struct world w;
    struct places p;
    struct backup b;
    world_init(&w);
    places_of(&w, &p);
    fault_arm(FAULT_FULL, 1, true);
    assert_int_not_equal(back_up(&w, p.backup, false, &b), ERR_OK);
    assert_true(fault_disarm() > 0);
    assert_int_equal(access(p.backup, F_OK), -1);
    assert_int_equal(back_up(&w, in(&w, p.backup, "below"), false, &b), ERR_IO);
    assert_says(&w, "folder above");
    assert_int_equal(back_up(&w, w.key_path, false, &b), ERR_CONFLICT);
    assert_int_equal(mkdir(p.backup, 0755), 0); /* an empty one is taken, and made private, */
    if (chown(p.backup, geteuid() + 1, (gid_t)-1) ==
        0) { /* ... if it is ours; root may test that */
        assert_int_equal(back_up(&w, p.backup, false, &b), ERR_CONFLICT);
        assert_says(&w, "another user");
        assert_int_equal(chown(p.backup, geteuid(), (gid_t)-1), 0);
    }
    assert_int_equal(back_up(&w, p.backup, false, &b), ERR_OK);
    struct stat st;
    assert_int_equal(stat(p.backup, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    world_release(&w);
}

int main(void)
{
    fault_vfs_register();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_after_a_rotation),
        cmocka_unit_test(test_with_the_key_file_of_a_rotation),
        cmocka_unit_test(test_while_two_keys_seal),
        cmocka_unit_test(test_what_is_wrong_changes_nothing),
        cmocka_unit_test(test_a_newer_schema),
        cmocka_unit_test(test_writes_and_syncs_fail),
        cmocka_unit_test(test_a_backup_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
