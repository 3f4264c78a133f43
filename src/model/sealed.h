/* Every value of the database that is sealed with the key: secrets of clients, of Meta's apps and
 * of endpoints, tokens of accounts, and the check that database and key belong together. Who adds a
 * sealed column adds it to the table in sealed.c: a rotation of the key would make it unreadable
 * else.
 *
 * Secrets are sealed on the store's writer thread alone, inside an apply. So the apply that
 * re-seals sees every value that was sealed before it. */
#pragma once

#include "crypto/seal.h"
#include "store/store.h"

struct sealed_counts {
    size_t n;
    struct {
        uint32_t key_id;
        int64_t values;
    } keys[2 * KEYRING_MAX]; /* in the order in which they were found; the last takes the rest */
    int64_t values;
    int64_t unreadable; /* these open with no key of the ring */
};

/* How many values each key has sealed. */
enum err sealed_count(struct tx *tx, const struct keyring *keyring,
                      struct sealed_counts *ret) MUST_USE;
/* Seals with the current key what another one has sealed. What cannot be opened stays as it is, and
 * is counted. */
enum err sealed_renew(struct tx *tx, const struct keyring *keyring, int64_t *ret_renewed,
                      int64_t *ret_unreadable) MUST_USE;

/* A sealed known text: it opens only with the key that the database was made with. */
enum err sealed_put_check(struct tx *tx, const struct keyring *keyring) MUST_USE;
/* ERR_NOT_FOUND: there is none. ERR_AUTHENTICATION: no key of the ring opens it. */
enum err sealed_test_check(struct tx *tx, const struct keyring *keyring) MUST_USE;
