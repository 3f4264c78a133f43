#include "api/answers.h"
#include "base/limits.h"

struct answer {
    struct answer_key key; /* its text lies behind the body */
    struct str body;
    size_t size;
    char bytes[];
};

void answers_init(struct answers *a)
{
    *a = (struct answers){.slots = xcalloc(ANSWERS_SLOTS, sizeof(*a->slots))};
}

static void drop(struct answers *a, size_t slot)
{
    if (!a->slots[slot])
        return;
    a->bytes -= a->slots[slot]->size;
    free(a->slots[slot]);
    a->slots[slot] = NULL;
}

static void drop_all(struct answers *a)
{
    for (size_t i = 0; i < ANSWERS_SLOTS; i++)
        drop(a, i);
}

void answers_release(struct answers *a)
{
    if (!a->slots)
        return;
    drop_all(a);
    free(a->slots);
}

static size_t slot_of(const struct answer_key *key)
{
    uint64_t hash = str_hash(key->path) ^ (str_hash(key->query) * 3);
    return (size_t)((hash ^ ((uint64_t)key->client_row_id * 0x9E3779B97F4A7C15u)) % ANSWERS_SLOTS);
}

struct str answers_find(const struct answers *a, const struct answer_key *now)
{
    const struct answer *found = a->slots[slot_of(now)];
    const struct str none = {NULL, 0};
    if (!found)
        return none;
    const struct answer_key *key = &found->key;
    bool same = key->client_row_id == now->client_row_id && str_eq(key->path, now->path) &&
                str_eq(key->query, now->query);
    bool holds = key->generation == now->generation && key->directory == now->directory &&
                 key->pulse == now->pulse &&
                 now->at_us - key->at_us < ANSWERS_AGE_MS * INT64_C(1000);
    return same && holds ? found->body : none;
}

static struct str put(char **end, struct str text)
{
    struct str copy = str_make(*end, text.len);
    if (text.len)
        memcpy(*end, text.ptr, text.len);
    *end += text.len;
    return copy;
}

void answers_keep(struct answers *a, const struct answer_key *key, struct str body)
{
    size_t slot = slot_of(key);
    size_t text = body.len + key->path.len + key->query.len;
    drop(a, slot);
    if (body.len > ANSWERS_BODY_MAX)
        return;
    struct answer *answer = xmalloc(sizeof(*answer) + text);
    char *end = answer->bytes;
    *answer = (struct answer){.key = *key, .size = sizeof(*answer) + text};
    answer->body = put(&end, body);
    answer->key.path = put(&end, key->path);
    answer->key.query = put(&end, key->query);
    if (a->bytes + answer->size > ANSWERS_MEMORY_MAX)
        drop_all(a);
    a->bytes += answer->size;
    a->slots[slot] = answer;
}
