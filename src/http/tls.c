#include "http/tls.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

/* TLS 1.2 with forward secrecy and authenticated encryption only. TLS 1.3 has nothing else. */
#define TLS12_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

/* --- the context -------------------------------------------------------------------------- */

/* An SSL_CTX under a name of ours: OpenSSL counts its references, over threads too. */
static SSL_CTX *ssl_of(const struct http_tls_context *c)
{
    return (SSL_CTX *)(uintptr_t)c;
}

struct http_tls_context *http_tls_context_retain(struct http_tls_context *c)
{
    SSL_CTX_up_ref(ssl_of(c));
    return c;
}

void http_tls_context_release(struct http_tls_context *c)
{
    SSL_CTX_free(ssl_of(c));
}

static void ssl_context_freep(SSL_CTX **context)
{
    SSL_CTX_free(*context);
}

static void pkey_freep(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void file_closep(FILE **file)
{
    if (*file)
        fclose(*file);
}

/* Why OpenSSL refused, in its words: the first of its errors is the cause. The list is emptied. */
static const char *take_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
    return reason ? reason : "no reason given";
}

/* RFC 7301 §3.2: a client that names protocols, and not ours, is told so. */
static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
                           const unsigned char *offered, unsigned offered_len, void *arg)
{
    static const struct str ours = STR_INIT("http/1.1");
    for (unsigned at = 0; at < offered_len; at += 1u + offered[at]) {
        struct str name = str_make((const char *)offered + at + 1, offered[at]);
        if (at + 1u + name.len <= offered_len && str_eq(name, ours)) {
            *ret = offered + at + 1;
            *ret_len = (unsigned char)ours.len;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Sessions are resumed by tickets, which the client keeps: a cache of ours would be memory that
 * clients size, behind a lock. One ticket does for a client that keeps its connection. */
static SSL_CTX *make_context(void)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    if (!ssl || !SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) ||
        !SSL_CTX_set_cipher_list(ssl, TLS12_CIPHERS) || !SSL_CTX_set_num_tickets(ssl, 1))
        die("OpenSSL has no TLS 1.2");
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
    return ssl;
}

/* Asked for when a key has a passphrase. There is nobody to tell it. */
static int refuse_passphrase(char *to, int size, int writing, void *ret_asked)
{
    *(bool *)ret_asked = true;
    return -1;
}

/* Opens a file for reading. `what` is for the message. */
static enum err open_file(const char *path, const char *what, FILE **ret, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* not to wait, should it be a pipe */
    if (fd < 0)
        return error_set_errno(error, ERR_IO, "cannot open the %s %s", what, path);
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return error_set(error, ERR_IO, "the %s %s is not an ordinary file", what, path);
    }
    *ret = fdopen(fd, "r");
    if (!*ret)
        die("out of memory");
    return ERR_OK;
}

static enum err load_certificate(SSL_CTX *ssl, const char *path, struct error *error)
{
    _cleanup_(file_closep)
    FILE *file = NULL;
    enum err e = open_file(path, "certificate", &file, error);
    if (e || SSL_CTX_use_certificate_chain_file(ssl, path) == 1)
        return e;
    bool bare = ERR_GET_REASON(ERR_peek_error()) == PEM_R_NO_START_LINE;
    const char *why = take_reason();
    if (bare)
        return error_set(error, ERR_PARSE,
                         "%s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----); with "
                         "certbot it is fullchain.pem",
                         path);
    return error_set(error, ERR_PARSE, "the certificate %s cannot be used: %s", path, why);
}

static enum err read_key(const char *path, EVP_PKEY **ret, struct error *error)
{
    _cleanup_(file_closep)
    FILE *file = NULL;
    struct stat st;
    enum err e = open_file(path, "key", &file, error);
    if (e)
        return e;
    if (fstat(fileno(file), &st) == 0 && st.st_mode & S_IROTH)
        log_event(LOG_WARN, "tls_key_open", LOG_CSTR("path", path),
                  LOG_CSTR("why", "every user of this machine can read it: chmod o-rwx"));
    bool asked = false;
    *ret = PEM_read_PrivateKey(file, NULL, refuse_passphrase, &asked);
    if (*ret)
        return ERR_OK;
    ERR_clear_error();
    if (asked)
        return error_set(error, ERR_PARSE,
                         "the key %s has a passphrase, and nobody is there to type it; take it off "
                         "with: openssl pkey -in KEY -out NEW-KEY",
                         path);
    return error_set(error, ERR_PARSE,
                     "%s holds no private key in PEM form (-----BEGIN PRIVATE KEY-----); with "
                     "certbot it is privkey.pem",
                     path);
}

static enum err load_key(SSL_CTX *ssl, const char *certificate_path, const char *path,
                         struct error *error)
{
    _cleanup_(pkey_freep)
    EVP_PKEY *key = NULL;
    enum err e = read_key(path, &key, error);
    if (e)
        return e;
    if (X509_check_private_key(SSL_CTX_get0_certificate(ssl), key) != 1) {
        ERR_clear_error();
        return error_set(error, ERR_PARSE,
                         "the key %s does not belong to the first certificate in %s; take the two "
                         "that were made together, the server's own certificate before its chain",
                         path, certificate_path);
    }
    if (SSL_CTX_use_PrivateKey(ssl, key) == 1)
        return ERR_OK;
    return error_set(error, ERR_PARSE, "the key %s cannot be used: %s", path, take_reason());
}

static int64_t unix_seconds(const ASN1_TIME *time)
{
    struct tm tm;
    return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

int64_t http_tls_context_expires_at(const struct http_tls_context *c)
{
    return unix_seconds(X509_get0_notAfter(SSL_CTX_get0_certificate(ssl_of(c))));
}

static void warn_of_dates(SSL_CTX *ssl, const char *path)
{
    const X509 *certificate = SSL_CTX_get0_certificate(ssl);
    int64_t now = clock_now_ms() / 1000;
    if (unix_seconds(X509_get0_notAfter(certificate)) <= now)
        log_event(LOG_WARN, "tls_certificate_expired", LOG_CSTR("path", path));
    if (unix_seconds(X509_get0_notBefore(certificate)) > now)
        log_event(LOG_WARN, "tls_certificate_not_yet_valid", LOG_CSTR("path", path));
}

enum err http_tls_context_load(const char *certificate_path, const char *key_path,
                               struct http_tls_context **ret, struct error *error)
{
    _cleanup_(ssl_context_freep)
    SSL_CTX *ssl = make_context();
    ERR_clear_error();
    enum err e = load_certificate(ssl, certificate_path, error);
    if (!e)
        e = load_key(ssl, certificate_path, key_path, error);
    if (e)
        return e;
    warn_of_dates(ssl, certificate_path);
    *ret = (struct http_tls_context *)ssl;
    ssl = NULL;
    return ERR_OK;
}

/* --- a session ---------------------------------------------------------------------------- */

struct http_tls {
    struct http_tls_context *context;
    SSL *ssl; /* NULL before the client's first record is whole: who sends nothing costs nothing */
    enum http_tls_state state;
    bool ended;       /* close_notify was sent */
    struct buf in;    /* received; */
    size_t in_at;     /* ... OpenSSL has taken this much of it */
    size_t handshake; /* bytes that came before the handshake was finished */
    struct buf *out;  /* of the call that is running */
};

struct http_tls *http_tls_new(struct http_tls_context *c)
{
    struct http_tls *t = xcalloc(1, sizeof(*t));
    t->context = http_tls_context_retain(c);
    buf_init(&t->in, HTTP_TLS_INPUT_SIZE);
    return t;
}

void http_tls_free(struct http_tls *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    http_tls_context_release(t->context);
    buf_release(&t->in);
    free(t);
}

enum http_tls_state http_tls_state(const struct http_tls *t)
{
    return t->state;
}

bool http_tls_has_more(const struct http_tls *t)
{
    if (t->state == HTTP_TLS_FAILED)
        return false;
    return t->in_at < t->in.len || (t->ssl && SSL_has_pending(t->ssl));
}

size_t http_tls_size(const struct http_tls *t)
{
    size_t size = sizeof(*t) + t->in.capacity;
    if (!t->ssl)
        return size;
    size += t->state == HTTP_TLS_HANDSHAKE ? HTTP_TLS_SHAKING_SIZE : HTTP_TLS_OPEN_SIZE;
    return size + (SSL_has_pending(t->ssl) ? HTTP_TLS_RECORD_SIZE : 0);
}

/* --- where OpenSSL reads and writes: our own buffers, without a copy between -------------- */

static int bio_read(BIO *bio, char *to, int size)
{
    struct http_tls *t = BIO_get_data(bio);
    size_t n = MIN(t->in.len - t->in_at, (size_t)size);
    BIO_clear_retry_flags(bio);
    if (n == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(to, t->in.ptr + t->in_at, n);
    t->in_at += n;
    return (int)n;
}

static int bio_write(BIO *bio, const char *from, int size)
{
    struct http_tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    buf_add(t->out, str_make(from, (size_t)size));
    return buf_ok(t->out) ? size : -1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    return command == BIO_CTRL_FLUSH; /* nothing is kept back; no other command is known */
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "hudhud");
    if (!bio_method || !BIO_meth_set_read(bio_method, bio_read) ||
        !BIO_meth_set_write(bio_method, bio_write) || !BIO_meth_set_ctrl(bio_method, bio_control))
        die("out of memory");
}

/* False: no memory. */
static bool open_ssl(struct http_tls *t)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_bio_method);
    SSL *ssl = SSL_new(ssl_of(t->context));
    BIO *bio = BIO_new(bio_method);
    if (!ssl || !bio) {
        SSL_free(ssl);
        BIO_free(bio);
        return false;
    }
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    t->ssl = ssl;
    return true;
}

/* --- receiving ---------------------------------------------------------------------------- */

/* Forgets what OpenSSL has taken. An idle session keeps no memory for it. */
static void drop_taken(struct http_tls *t)
{
    if (t->in_at == t->in.len)
        buf_release(&t->in);
    else
        buf_drop(&t->in, t->in_at);
    t->in_at = 0;
}

static void fail(struct http_tls *t, const char *why)
{
    t->state = HTTP_TLS_FAILED;
    t->in_at = t->in.len;
    log_event(LOG_DEBUG, "tls_failed", LOG_CSTR("why", why));
}

/* What a call that did not succeed says about the session. */
static void settle(struct http_tls *t, int result)
{
    switch (SSL_get_error(t->ssl, result)) {
    case SSL_ERROR_WANT_READ: break;
    case SSL_ERROR_ZERO_RETURN: t->state = HTTP_TLS_ENDED; break;
    default: fail(t, take_reason());
    }
}

enum greeting { GREETING_PART, GREETING_WHOLE, GREETING_WRONG };

#define RECORD_HEADER    5  /* type, version, length (RFC 8446 §5.1) */
#define RECORD_HANDSHAKE 22 /* its type */
#define MESSAGE_HEADER   4  /* type, length (RFC 8446 §4) */
#define CLIENT_HELLO     1  /* its type */

/* Is the first record the beginning of a ClientHello of a sane length? OpenSSL would gather 128 KiB
 * of one, and older versions would take memory for as much as it says. */
static enum greeting look_at_greeting(struct str in)
{
    const unsigned char *b = (const unsigned char *)in.ptr;
    if (in.len < 1)
        return GREETING_PART;
    if (b[0] != RECORD_HANDSHAKE || (in.len > 1 && b[1] != 3))
        return GREETING_WRONG;
    if (in.len < RECORD_HEADER)
        return GREETING_PART;
    size_t record = (size_t)b[3] << 8 | b[4];
    if (record < MESSAGE_HEADER || record > HTTP_TLS_HANDSHAKE_MAX)
        return GREETING_WRONG;
    if (in.len < RECORD_HEADER + MESSAGE_HEADER)
        return GREETING_PART;
    size_t message = (size_t)b[6] << 16 | (size_t)b[7] << 8 | b[8];
    if (b[5] != CLIENT_HELLO || message > HTTP_TLS_HANDSHAKE_MAX)
        return GREETING_WRONG;
    return in.len < RECORD_HEADER + record ? GREETING_PART : GREETING_WHOLE;
}

static void shake_hands(struct http_tls *t)
{
    if (!t->ssl) {
        enum greeting greeting = look_at_greeting(buf_str(&t->in));
        if (greeting == GREETING_WRONG)
            fail(t, "this does not begin as TLS does");
        else if (greeting == GREETING_WHOLE && !open_ssl(t))
            fail(t, "out of memory");
        if (!t->ssl)
            return;
    }
    ERR_clear_error();
    int n = SSL_do_handshake(t->ssl);
    if (n == 1)
        t->state = HTTP_TLS_OPEN;
    else
        settle(t, n);
    if (t->state == HTTP_TLS_HANDSHAKE && t->handshake > HTTP_TLS_HANDSHAKE_MAX)
        fail(t, "its handshake is too long");
}

enum http_tls_state http_tls_receive(struct http_tls *t, struct str bytes, struct buf *out)
{
    if (t->state != HTTP_TLS_HANDSHAKE && t->state != HTTP_TLS_OPEN)
        return t->state;
    drop_taken(t);
    buf_add(&t->in, bytes);
    if (!buf_ok(&t->in)) {
        fail(t, "more was received than was read");
    } else if (t->state == HTTP_TLS_HANDSHAKE) {
        t->handshake += bytes.len;
        t->out = out;
        shake_hands(t);
    }
    drop_taken(t);
    return t->state;
}

size_t http_tls_read(struct http_tls *t, char *to, size_t size, struct buf *out)
{
    if (t->state != HTTP_TLS_OPEN || size == 0 || !http_tls_has_more(t))
        return 0;
    t->out = out;
    ERR_clear_error();
    int n = SSL_read(t->ssl, to, (int)MIN(size, (size_t)INT_MAX));
    if (n > 0)
        return (size_t)n;
    settle(t, n);
    drop_taken(t);
    return 0;
}

/* --- sending ------------------------------------------------------------------------------ */

bool http_tls_write(struct http_tls *t, struct str plain, struct buf *out)
{
    if (t->state != HTTP_TLS_OPEN && t->state != HTTP_TLS_ENDED)
        return false;
    if (plain.len == 0)
        return true;
    t->out = out;
    ERR_clear_error();
    if (plain.len <= INT_MAX && SSL_write(t->ssl, plain.ptr, (int)plain.len) > 0)
        return true;
    fail(t, take_reason());
    return false;
}

void http_tls_end(struct http_tls *t, struct buf *out)
{
    if (t->ended || (t->state != HTTP_TLS_OPEN && t->state != HTTP_TLS_ENDED))
        return;
    t->ended = true;
    t->out = out;
    ERR_clear_error();
    SSL_shutdown(t->ssl); /* 0: the client's own close_notify has not come, and is not awaited */
    ERR_clear_error();
}
