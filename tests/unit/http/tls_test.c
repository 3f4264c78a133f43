/* OpenSSL's own client against our sessions, in memory: no socket, no time. */
#include "base/limits.h"
#include "base/log.h"
#include "http/tls.h"
#include "unit/http/certificates.h"

#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct certificates files;
static struct http_tls_context *context;
static struct arena arena;
static struct error error;

static struct http_tls_context *load(void)
{
    struct http_tls_context *c = NULL;
    error_init(&error, &arena);
    if (http_tls_context_load(files.certificate, files.key, &c, &error) != ERR_OK)
        fail_msg("%.*s", STR_FMT(error.message));
    return c;
}

static int begin(void **state)
{
    log_set_level(LOG_OFF);
    arena_init(&arena, MIB);
    certificates_make(&files, &(struct certificate_wish){.serial = 1});
    context = load();
    return 0;
}

static int finish(void **state)
{
    http_tls_context_release(context);
    certificates_remove(&files);
    arena_release(&arena);
    return 0;
}

/* --- a client and a session, with a wire between them ------------------------------------- */

struct pair {
    SSL_CTX *client_context;
    SSL *client;
    struct http_tls *server;
    struct buf to_client;
    size_t piece; /* the wire gives the server so many bytes at once */
};

static void pair_open(struct pair *p, int version)
{
    *p = (struct pair){.piece = HTTP_READ_SIZE};
    p->client_context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_cipher_list(p->client_context, "ALL:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(p->client_context, version);
    SSL_CTX_set_max_proto_version(p->client_context, version);
    p->client = SSL_new(p->client_context);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(p->client, in, out);
    SSL_set_connect_state(p->client);
    p->server = http_tls_new(context);
    buf_init(&p->to_client, 4 * MIB);
}

static void pair_close(struct pair *p)
{
    SSL_set_shutdown(p->client, SSL_SENT_SHUTDOWN); /* or its session would not be resumable */
    SSL_free(p->client);
    SSL_CTX_free(p->client_context);
    http_tls_free(p->server);
    buf_release(&p->to_client);
}

static void server_to_client(struct pair *p)
{
    if (p->to_client.len)
        BIO_write(SSL_get_rbio(p->client), p->to_client.ptr, (int)p->to_client.len);
    buf_clear(&p->to_client);
}

/* One piece of what the client has sent; false: there was nothing. */
static bool client_to_server(struct pair *p)
{
    char bytes[HTTP_READ_SIZE];
    int n = BIO_read(SSL_get_wbio(p->client), bytes, (int)p->piece);
    if (n <= 0)
        return false;
    http_tls_receive(p->server, str_make(bytes, (size_t)n), &p->to_client);
    return true;
}

/* Until neither has anything to say. True: both are through. */
static bool shake(struct pair *p)
{
    int n = 0;
    do {
        n = SSL_do_handshake(p->client);
        while (client_to_server(p))
            ;
        server_to_client(p);
    } while (n != 1 && BIO_pending(SSL_get_rbio(p->client)) > 0);
    return n == 1 && http_tls_state(p->server) == HTTP_TLS_OPEN;
}

static void pair_open_shaken(struct pair *p, int version)
{
    pair_open(p, version);
    assert_true(shake(p));
}

static void client_write(struct pair *p, struct str s)
{
    assert_int_equal(SSL_write(p->client, s.ptr, (int)s.len), s.len);
}

/* All that the server can read now, taken in bites. */
static void server_read(struct pair *p, size_t bite, struct buf *into)
{
    for (;;) {
        char *to = buf_reserve(into, bite);
        assert_non_null(to);
        size_t n = http_tls_read(p->server, to, bite, &p->to_client);
        if (n == 0)
            return;
        into->len += n;
    }
}

static void expect_at_server(struct pair *p, struct str want)
{
    _cleanup_(buf_release)
    struct buf got;
    buf_init(&got, 4 * MIB);
    while (client_to_server(p))
        server_read(p, 1000, &got);
    assert_true(str_eq(buf_str(&got), want));
}

static void expect_at_client(struct pair *p, struct str want)
{
    server_to_client(p);
    char got[100];
    int n = SSL_read(p->client, got, sizeof(got));
    assert_int_equal(n, (int)want.len);
    assert_memory_equal(got, want.ptr, want.len);
}

/* Both directions work. */
static void talk(struct pair *p)
{
    client_write(p, STR("GET / HTTP/1.1\r\n\r\n"));
    expect_at_server(p, STR("GET / HTTP/1.1\r\n\r\n"));
    assert_true(http_tls_write(p->server, STR("HTTP/1.1 204 No Content\r\n\r\n"), &p->to_client));
    expect_at_client(p, STR("HTTP/1.1 204 No Content\r\n\r\n"));
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* --- ordinary life ------------------------------------------------------------------------ */

static void test_talks(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct pair p;
        pair_open_shaken(&p, versions[i]);
        assert_int_equal(SSL_version(p.client), versions[i]);
        assert_false(http_tls_has_more(p.server));
        talk(&p);
        talk(&p);
        pair_close(&p);
    }
}

/* The handshake in pieces of every size, down to single bytes. */
static void test_handshake_in_pieces(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(versions); i++)
        for (size_t piece = 1; piece < 700; piece += piece < 20 ? 1 : 37) {
            struct pair p;
            pair_open(&p, versions[i]);
            p.piece = piece;
            assert_true(shake(&p));
            talk(&p);
            pair_close(&p);
        }
}

/* Two records, cut in two at every byte; nothing comes before its record is whole. */
static void test_records_split_at_every_byte(void **state)
{
    struct pair p;
    char wire[1000];
    char got[100];
    pair_open_shaken(&p, TLS1_3_VERSION);
    for (int at = 0;; at++) {
        client_write(&p, STR("one"));
        int first = BIO_pending(SSL_get_wbio(p.client));
        client_write(&p, STR("two"));
        int n = BIO_read(SSL_get_wbio(p.client), wire, sizeof(wire));
        if (at > n)
            break;
        http_tls_receive(p.server, str_make(wire, (size_t)at), &p.to_client);
        size_t len = http_tls_read(p.server, got, 3, &p.to_client);
        assert_int_equal(len, at < first ? 0 : 3);
        http_tls_receive(p.server, str_make(wire + at, (size_t)(n - at)), &p.to_client);
        for (size_t more; (more = http_tls_read(p.server, got + len, 2, &p.to_client)); len += more)
            ;
        assert_int_equal(len, 6);
        assert_memory_equal(got, "onetwo", 6);
    }
    pair_close(&p);
}

/* Another write may come at any time; a random stream each way, in random bites. */
static void test_long_streams(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct pair p;
        _cleanup_(buf_release)
        struct buf sent, got;
        uint32_t seed = 3;
        buf_init(&sent, 4 * MIB);
        buf_init(&got, 4 * MIB);
        pair_open_shaken(&p, versions[i]);
        for (int round = 0; round < 60; round++) {
            seed = seed * 1664525 + 1013904223;
            size_t size = 1 + (seed >> 8) % (round % 8 ? 3000 : 40000);
            char *to = buf_reserve(&sent, size);
            for (size_t k = 0; k < size; k++)
                to[k] = (char)(k * 7 + seed);
            sent.len += size;
            client_write(&p, str_make(to, size));
            p.piece = 1 + (seed >> 4) % HTTP_READ_SIZE;
            while (client_to_server(&p))
                server_read(&p, 1 + (seed >> 6) % 20000, &got);
        }
        assert_true(str_eq(buf_str(&got), buf_str(&sent)));
        assert_false(http_tls_has_more(p.server));
        assert_true(http_tls_write(p.server, buf_str(&sent), &p.to_client));
        server_to_client(&p);
        for (size_t at = 0; at < sent.len;) {
            char back[5000];
            int n = SSL_read(p.client, back, sizeof(back));
            assert_true(n > 0);
            assert_memory_equal(back, sent.ptr + at, (size_t)n);
            at += (size_t)n;
        }
        buf_release(&got);
        pair_close(&p);
    }
}

static void test_has_more(void **state)
{
    struct pair p;
    char c;
    pair_open_shaken(&p, TLS1_3_VERSION);
    client_write(&p, STR("ab"));
    while (client_to_server(&p))
        ;
    assert_true(http_tls_has_more(p.server));
    assert_int_equal(http_tls_read(p.server, &c, 0, &p.to_client), 0);
    assert_int_equal(http_tls_read(p.server, &c, 1, &p.to_client), 1);
    assert_true(http_tls_has_more(p.server)); /* "b", unsealed already */
    assert_int_equal(http_tls_read(p.server, &c, 1, &p.to_client), 1);
    assert_false(http_tls_has_more(p.server));
    assert_int_equal(http_tls_read(p.server, &c, 1, &p.to_client), 0);
    pair_close(&p);
}

/* Who does not read what it received is told by failure, not by memory. */
static void test_more_than_fits(void **state)
{
    struct pair p;
    static char much[HTTP_READ_SIZE];
    pair_open_shaken(&p, TLS1_3_VERSION);
    for (int i = 0; i < 4; i++)
        client_write(&p, str_make(much, sizeof(much)));
    while (client_to_server(&p))
        ;
    assert_int_equal(http_tls_state(p.server), HTTP_TLS_FAILED);
    pair_close(&p);
}

static void test_no_room_for_output(void **state)
{
    struct pair p;
    struct buf small;
    buf_init(&small, 30);
    pair_open_shaken(&p, TLS1_3_VERSION);
    assert_true(http_tls_write(p.server, STR(""), &small));
    assert_int_equal(small.len, 0);
    assert_false(http_tls_write(p.server, STR("more than that"), &small));
    assert_int_equal(http_tls_state(p.server), HTTP_TLS_FAILED);
    assert_false(http_tls_write(p.server, STR("x"), &p.to_client));
    assert_int_equal(p.to_client.len, 0);
    pair_close(&p);
    buf_release(&small);
}

/* --- the end ------------------------------------------------------------------------------ */

/* The client ends its side, and is answered all the same. */
static void test_client_ends(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct pair p;
        pair_open_shaken(&p, versions[i]);
        client_write(&p, STR("last words"));
        SSL_shutdown(p.client);
        expect_at_server(&p, STR("last words"));
        assert_int_equal(http_tls_state(p.server), HTTP_TLS_ENDED);
        assert_true(http_tls_write(p.server, STR("farewell"), &p.to_client));
        http_tls_end(p.server, &p.to_client);
        size_t len = p.to_client.len;
        http_tls_end(p.server, &p.to_client); /* once */
        assert_int_equal(p.to_client.len, len);
        expect_at_client(&p, STR("farewell"));
        char c;
        assert_int_equal(SSL_read(p.client, &c, 1), 0);
        assert_true(SSL_get_shutdown(p.client) & SSL_RECEIVED_SHUTDOWN);
        pair_close(&p);
    }
}

static void test_server_ends(void **state)
{
    struct pair p;
    char c;
    pair_open(&p, TLS1_3_VERSION);
    http_tls_end(p.server, &p.to_client); /* nobody to say it to */
    assert_int_equal(p.to_client.len, 0);
    assert_true(shake(&p));
    http_tls_end(p.server, &p.to_client);
    server_to_client(&p);
    assert_int_equal(SSL_read(p.client, &c, 1), 0);
    assert_int_equal(SSL_get_error(p.client, 0), SSL_ERROR_ZERO_RETURN);
    pair_close(&p);
}

/* --- clients that are wrong, or worse ----------------------------------------------------- */

/* A byte of a record, or of its header, that is not as it was sent. */
static void test_spoilt_records(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(versions); i++)
        for (size_t at = 0; at < 60; at++) {
            struct pair p;
            char wire[200], got[100];
            pair_open_shaken(&p, versions[i]);
            client_write(&p, STR("a request that somebody on the way has changed"));
            int n = BIO_read(SSL_get_wbio(p.client), wire, sizeof(wire));
            wire[at] ^= 0x40;
            http_tls_receive(p.server, str_make(wire, (size_t)n), &p.to_client);
            assert_int_equal(http_tls_read(p.server, got, sizeof(got), &p.to_client), 0);
            if (at != 3 && at != 4) { /* the length: it may wait for more */
                assert_int_equal(http_tls_state(p.server), HTTP_TLS_FAILED);
                assert_false(http_tls_has_more(p.server));
                assert_false(http_tls_write(p.server, STR("x"), &p.to_client));
                server_to_client(&p);
                assert_true(SSL_read(p.client, got, 1) <= 0); /* an alert */
                ERR_clear_error();
            }
            pair_close(&p);
        }
}

/* Each fails at its last byte, not later, and without an answer. */
static void test_what_is_not_tls(void **state)
{
    static const struct str cases[] = {
        STR_INIT("G"), /* plain HTTP */
        STR_INIT("P"), /* and its other methods */
        STR_INIT("\r"),
        STR_INIT("\x00"),
        STR_INIT("\x80"),                 /* a hello of SSL 2 */
        STR_INIT("\x15"),                 /* an alert */
        STR_INIT("\x17"),                 /* data before the handshake */
        STR_INIT("\x16\x02"),             /* no version that ever was */
        STR_INIT("\x16\x03\x01\x00\x00"), /* an empty record */
        STR_INIT("\x16\x03\x01\x00\x03"), /* a message cut within its header */
        STR_INIT("\x16\x03\x01\x40\x01"), /* a record that is too long */
        STR_INIT("\x16\x03\x01\xff\xff"),
        STR_INIT("\x16\x03\x01\x02\x00\x02\x00\x01\xfc"), /* not a ClientHello */
        STR_INIT("\x16\x03\x01\x02\x00\x01\x00\x40\x01"), /* a ClientHello that is too long */
        STR_INIT("\x16\x03\x01\x02\x00\x01\xff\xff\xff"),
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pair p;
        pair_open(&p, TLS1_3_VERSION);
        for (size_t at = 0; at < cases[i].len; at++) {
            assert_int_equal(http_tls_state(p.server), HTTP_TLS_HANDSHAKE);
            http_tls_receive(p.server, str_make(cases[i].ptr + at, 1), &p.to_client);
        }
        if (http_tls_state(p.server) != HTTP_TLS_FAILED || p.to_client.len > 0)
            fail_msg("case %zu", i);
        http_tls_end(p.server, &p.to_client);
        assert_int_equal(http_tls_receive(p.server, STR("x"), &p.to_client), HTTP_TLS_FAILED);
        assert_int_equal(p.to_client.len, 0);
        pair_close(&p);
    }
}

/* Lawful lengths, and nothing lawful in them: an alert says so. */
static void test_garbage_in_a_hello(void **state)
{
    struct pair p;
    char garbage[9 + 600] = "\x16\x03\x01\x02\x5c\x01\x00\x02\x58";
    memset(garbage + 9, 0x55, 600);
    pair_open(&p, TLS1_3_VERSION);
    assert_int_equal(http_tls_receive(p.server, str_make(garbage, sizeof(garbage)), &p.to_client),
                     HTTP_TLS_FAILED);
    assert_true(p.to_client.len >= 7);
    assert_int_equal(p.to_client.ptr[0], 0x15);
    pair_close(&p);
}

/* A hello in fragments of four bytes, so that more than half of it is headers. */
static void test_endless_handshake(void **state)
{
    struct pair p;
    static const char first[] = "\x16\x03\x01\x00\x04\x01\x00\x3f\x00";
    static const char more[] = "\x16\x03\x01\x00\x04zzzz";
    pair_open(&p, TLS1_3_VERSION);
    http_tls_receive(p.server, str_make(first, 9), &p.to_client);
    size_t sent = 9;
    while (http_tls_state(p.server) == HTTP_TLS_HANDSHAKE) {
        http_tls_receive(p.server, str_make(more, 9), &p.to_client);
        sent += 9;
        assert_true(sent < HTTP_TLS_HANDSHAKE_MAX + 100);
    }
    assert_int_equal(http_tls_state(p.server), HTTP_TLS_FAILED);
    assert_true(sent > HTTP_TLS_HANDSHAKE_MAX);
    pair_close(&p);
}

static void test_old_versions(void **state)
{
    static const int old[] = {TLS1_VERSION, TLS1_1_VERSION};
    for (size_t i = 0; i < ARRAY_LEN(old); i++) {
        struct pair p;
        pair_open(&p, old[i]);
        assert_false(shake(&p));
        assert_int_equal(http_tls_state(p.server), HTTP_TLS_FAILED);
        ERR_clear_error();
        pair_close(&p);
    }
}

/* Without forward secrecy, or without authenticated encryption. */
static void test_old_ciphers(void **state)
{
    static const char *const old[] = {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA"};
    for (size_t i = 0; i < ARRAY_LEN(old); i++) {
        struct pair p;
        pair_open(&p, TLS1_2_VERSION);
        SSL_set_cipher_list(p.client, old[i]);
        assert_false(shake(&p));
        assert_int_equal(http_tls_state(p.server), HTTP_TLS_FAILED);
        ERR_clear_error();
        pair_close(&p);
    }
}

/* It is told no, and goes on as before. */
static void test_renegotiation(void **state)
{
    struct pair p;
    char got[100];
    pair_open_shaken(&p, TLS1_2_VERSION);
    assert_int_equal(SSL_renegotiate(p.client), 1);
    SSL_do_handshake(p.client);
    while (client_to_server(&p))
        assert_int_equal(http_tls_read(p.server, got, sizeof(got), &p.to_client), 0);
    assert_true(p.to_client.len > 0); /* an alert: no_renegotiation */
    assert_int_equal(http_tls_state(p.server), HTTP_TLS_OPEN);
    server_to_client(&p);
    assert_true(SSL_do_handshake(p.client) <= 0);
    ERR_clear_error();
    pair_close(&p);
}

/* The client asks for new keys on both sides (RFC 8446 §4.6.3). */
static void test_key_update(void **state)
{
    struct pair p;
    pair_open_shaken(&p, TLS1_3_VERSION);
    SSL_key_update(p.client, SSL_KEY_UPDATE_REQUESTED);
    client_write(&p, STR("with new keys"));
    expect_at_server(&p, STR("with new keys"));
    assert_int_equal(p.to_client.len, 0); /* asking often costs nothing: ours come when we write */
    talk(&p);
    pair_close(&p);
}

/* --- ALPN --------------------------------------------------------------------------------- */

static bool shake_alpn(struct str offered, struct str want)
{
    struct pair p;
    const unsigned char *chosen;
    unsigned len;
    pair_open(&p, TLS1_3_VERSION);
    if (offered.len)
        SSL_set_alpn_protos(p.client, (const unsigned char *)offered.ptr, (unsigned)offered.len);
    bool fine = shake(&p);
    SSL_get0_alpn_selected(p.client, &chosen, &len);
    if (fine)
        assert_true(str_eq(str_make((const char *)chosen, len), want));
    ERR_clear_error();
    pair_close(&p);
    return fine;
}

static void test_alpn(void **state)
{
    assert_true(shake_alpn(STR(""), STR("")));
    assert_true(shake_alpn(STR("\x08http/1.1"), STR("http/1.1")));
    assert_true(shake_alpn(STR("\x02h2\x08http/1.1"), STR("http/1.1")));
    assert_true(shake_alpn(STR("\x08http/1.1\x02h2"), STR("http/1.1")));
    assert_false(shake_alpn(STR("\x02h2"), STR("")));
    assert_false(shake_alpn(STR("\x08http/1.0"), STR("")));
    assert_false(shake_alpn(STR("\x09http/1.11"), STR("")));
}

/* --- resumption and reload ---------------------------------------------------------------- */

static bool resumes(SSL_SESSION *session, int version)
{
    struct pair p;
    pair_open(&p, version);
    SSL_set_session(p.client, session);
    assert_true(shake(&p));
    bool resumed = SSL_session_reused(p.client);
    talk(&p);
    pair_close(&p);
    return resumed;
}

static void test_resumption(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct pair p;
        pair_open_shaken(&p, versions[i]);
        talk(&p); /* TLS 1.3 sends its ticket behind the handshake */
        SSL_SESSION *session = SSL_get1_session(p.client);
        assert_true(SSL_SESSION_is_resumable(session));
        assert_int_equal(SSL_SESSION_get_max_early_data(session), 0);
        pair_close(&p);
        assert_true(resumes(session, versions[i]));
        http_tls_context_release(
            context); /* a reload: the ticket is of no more use, but harmless */
        context = load();
        assert_false(resumes(session, versions[i]));
        SSL_SESSION_free(session);
    }
}

static long serial_of(const struct pair *p)
{
    X509 *certificate = SSL_get1_peer_certificate(p->client);
    long serial = ASN1_INTEGER_get(X509_get0_serialNumber(certificate));
    X509_free(certificate);
    return serial;
}

/* An old session goes on with the old certificate; a new one has the new. */
static void test_reload(void **state)
{
    struct pair old, begun, new;
    pair_open_shaken(&old, TLS1_3_VERSION);
    pair_open(&begun, TLS1_3_VERSION);
    certificates_write(&files, &(struct certificate_wish){.serial = 2});
    http_tls_context_release(context);
    context = load();
    pair_open_shaken(&new, TLS1_3_VERSION);
    assert_true(shake(&begun));
    talk(&old);
    talk(&begun);
    talk(&new);
    assert_int_equal(serial_of(&old), 1);
    assert_int_equal(serial_of(&begun), 1);
    assert_int_equal(serial_of(&new), 2);
    pair_close(&old);
    pair_close(&begun);
    pair_close(&new);
    certificates_write(&files, &(struct certificate_wish){.serial = 1});
    http_tls_context_release(context);
    context = load();
}

/* --- files -------------------------------------------------------------------------------- */

static void expect_refused(const char *certificate, const char *key, enum err want,
                           const char *says)
{
    struct http_tls_context *none = NULL;
    error_init(&error, &arena);
    assert_int_equal(http_tls_context_load(certificate, key, &none, &error), want);
    assert_null(none);
    if (!memmem(error.message.ptr, error.message.len, says, strlen(says)))
        fail_msg("%.*s\ndoes not say: %s", STR_FMT(error.message), says);
}

static void test_files_that_are_missing(void **state)
{
    struct certificates f;
    char folder[100], missing[100];
    certificates_make(&f, &(struct certificate_wish){0});
    snprintf(folder, sizeof(folder), "%s/.", f.folder);
    snprintf(missing, sizeof(missing), "%s/missing.pem", f.folder);
    expect_refused(missing, f.key, ERR_IO, "cannot open the certificate /tmp/hudhud-tls-");
    expect_refused(f.certificate, missing, ERR_IO, "missing.pem: No such file or directory");
    expect_refused(folder, f.key, ERR_IO, "is not an ordinary file");
    expect_refused(f.certificate, folder, ERR_IO, "is not an ordinary file");
    certificates_remove(&f);
}

static void test_files_that_are_wrong(void **state)
{
    struct certificates f, other, rsa, locked;
    certificates_make(&f, &(struct certificate_wish){0});
    certificates_make(&other, &(struct certificate_wish){0});
    certificates_make(&rsa, &(struct certificate_wish){.algorithm = "RSA"});
    certificates_make(&locked, &(struct certificate_wish){.passphrase = "secret"});
    expect_refused(f.key, f.certificate, ERR_PARSE, "holds no certificate in PEM form");
    expect_refused(f.certificate, f.certificate, ERR_PARSE, "holds no private key in PEM form");
    expect_refused(f.certificate, other.key, ERR_PARSE, "does not belong to");
    expect_refused(f.certificate, rsa.key, ERR_PARSE, "does not belong to");
    expect_refused(rsa.certificate, f.key, ERR_PARSE, "does not belong to");
    expect_refused(locked.certificate, locked.key, ERR_PARSE, "has a passphrase");
    fclose(certificates_open(f.certificate)); /* empty */
    expect_refused(f.certificate, f.key, ERR_PARSE, "holds no certificate in PEM form");
    FILE *file = certificates_open(f.certificate);
    fputs("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", file);
    fclose(file);
    expect_refused(f.certificate, f.key, ERR_PARSE, "cannot be used: ");
    certificates_remove(&f);
    certificates_remove(&other);
    certificates_remove(&rsa);
    certificates_remove(&locked);
}

/* Warned of, and taken. */
static void test_files_that_are_doubtful(void **state)
{
    static const struct certificate_wish wishes[] = {
        {.from_days = -10, .to_days = -1}, {.from_days = 1, .to_days = 10}, {.algorithm = "RSA"}};
    for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
        struct certificates f;
        struct http_tls_context *c;
        certificates_make(&f, &wishes[i]);
        chmod(f.key, 0644);
        error_init(&error, &arena);
        assert_int_equal(http_tls_context_load(f.certificate, f.key, &c, &error), ERR_OK);
        int64_t days = wishes[i].to_days ? wishes[i].to_days : 365;
        int64_t off = http_tls_context_expires_at(c) - (time(NULL) + days * DAY_S);
        assert_true(off > -60 && off < 60);
        http_tls_context_release(c);
        certificates_remove(&f);
    }
}

/* Clients get the whole chain of the file, the server's own first. */
static void test_chain(void **state)
{
    struct pair p;
    certificates_write(&files, &(struct certificate_wish){.with_chain = true, .serial = 1});
    http_tls_context_release(context);
    context = load();
    pair_open_shaken(&p, TLS1_3_VERSION);
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(p.client);
    assert_int_equal(sk_X509_num(chain), 2);
    char name[100];
    X509_NAME_get_text_by_NID(X509_get_subject_name(sk_X509_value(chain, 0)), NID_commonName, name,
                              sizeof(name));
    assert_string_equal(name, "localhost");
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_talks),
        cmocka_unit_test(test_handshake_in_pieces),
        cmocka_unit_test(test_records_split_at_every_byte),
        cmocka_unit_test(test_long_streams),
        cmocka_unit_test(test_has_more),
        cmocka_unit_test(test_more_than_fits),
        cmocka_unit_test(test_no_room_for_output),
        cmocka_unit_test(test_client_ends),
        cmocka_unit_test(test_server_ends),
        cmocka_unit_test(test_spoilt_records),
        cmocka_unit_test(test_what_is_not_tls),
        cmocka_unit_test(test_garbage_in_a_hello),
        cmocka_unit_test(test_endless_handshake),
        cmocka_unit_test(test_old_versions),
        cmocka_unit_test(test_old_ciphers),
        cmocka_unit_test(test_renegotiation),
        cmocka_unit_test(test_key_update),
        cmocka_unit_test(test_alpn),
        cmocka_unit_test(test_resumption),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_files_that_are_missing),
        cmocka_unit_test(test_files_that_are_wrong),
        cmocka_unit_test(test_files_that_are_doubtful),
        cmocka_unit_test(test_chain),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
