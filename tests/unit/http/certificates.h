/* Certificates and keys, made when a test runs: nothing that looks like a secret is in the tree. */
#pragma once

#include "base/base.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_S 86400

/* A folder under /tmp and the PEM files in it. */
struct certificates {
    char folder[64];
    char certificate[128], key[128];
};

struct certificate_wish {
    const char *algorithm; /* "EC" unless said */
    const char *passphrase;
    int from_days, to_days; /* from now; a year unless said */
    long serial;
    bool with_chain; /* an issuer's behind it */
};

static inline EVP_PKEY *make_key(const char *algorithm)
{
    EVP_PKEY *key =
        algorithm && strcmp(algorithm, "RSA") == 0 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    if (!key)
        die("cannot make a key");
    return key;
}

static inline X509 *make_certificate(EVP_PKEY *key, EVP_PKEY *issuer_key, const char *name,
                                     const char *issuer, const struct certificate_wish *wish)
{
    X509 *x = X509_new();
    int to_days = wish->to_days ? wish->to_days : 365;
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), wish->serial ? wish->serial : 1);
    X509_gmtime_adj(X509_getm_notBefore(x), (long)wish->from_days * DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(x), (long)to_days * DAY_S);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)issuer, -1, -1, 0);
    X509_set_pubkey(x, key);
    if (X509_sign(x, issuer_key, EVP_sha256()) == 0)
        die("cannot sign a certificate");
    return x;
}

static inline FILE *certificates_open(const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file)
        die("cannot write a certificate");
    fchmod(fileno(file), 0600);
    return file;
}

/* Writes a new pair over what is there. */
static inline void certificates_write(struct certificates *c, const struct certificate_wish *wish)
{
    EVP_PKEY *key = make_key(wish->algorithm), *issuer_key = make_key(NULL);
    X509 *own = make_certificate(key, wish->with_chain ? issuer_key : key, "localhost",
                                 wish->with_chain ? "issuer" : "localhost", wish);
    X509 *issuer = make_certificate(issuer_key, issuer_key, "issuer", "issuer", wish);
    FILE *file = certificates_open(c->certificate);
    PEM_write_X509(file, own);
    if (wish->with_chain)
        PEM_write_X509(file, issuer);
    fclose(file);
    file = certificates_open(c->key);
    PEM_write_PKCS8PrivateKey(file, key, wish->passphrase ? EVP_aes_128_cbc() : NULL,
                              wish->passphrase,
                              wish->passphrase ? (int)strlen(wish->passphrase) : 0, NULL, NULL);
    fclose(file);
    X509_free(own);
    X509_free(issuer);
    EVP_PKEY_free(key);
    EVP_PKEY_free(issuer_key);
}

static inline void certificates_make(struct certificates *c, const struct certificate_wish *wish)
{
    snprintf(c->folder, sizeof(c->folder), "/tmp/hudhud-tls-XXXXXX");
    if (!mkdtemp(c->folder))
        die("cannot make a folder");
    snprintf(c->certificate, sizeof(c->certificate), "%s/certificate.pem", c->folder);
    snprintf(c->key, sizeof(c->key), "%s/key.pem", c->folder);
    certificates_write(c, wish);
}

static inline void certificates_remove(struct certificates *c)
{
    unlink(c->certificate);
    unlink(c->key);
    rmdir(c->folder);
}
