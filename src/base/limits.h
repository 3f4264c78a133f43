/* Every number that limits something, with its reason. */
#pragma once

#define KIB 1024
#define MIB (1024 * 1024)

/* --- memory ------------------------------------------------------------------------------- */
#define ARENA_BLOCK_SIZE (16 * KIB)   /* an ordinary request needs one block */
#define REQUEST_ARENA_MAX (8 * MIB)   /* what one request may use in all, its body apart */
#define BUF_KEEP_SIZE (64 * KIB)      /* a cleared buf gives back more than this */
#define RANDOM_POOL_SIZE 512          /* one getrandom for some 20 request ids */

/* --- log ---------------------------------------------------------------------------------- */
#define LOG_LINE_MAX 4096             /* an atomic write to a pipe is PIPE_BUF = 4096 bytes */
#define LOG_VALUE_MAX 512             /* one value never crowds out the rest of its line */

/* --- HTTP (style.md, "HTTP policy around llhttp") ------------------------------------------ */
#define HTTP_REQUEST_LINE_MAX (8 * KIB)  /* method, target and version; RFC 9112 §3 asks 8000 */
#define HTTP_HEADERS_MAX 64              /* fields */
#define HTTP_HEADER_SIZE_MAX (16 * KIB)  /* names and values together */
#define HTTP_READ_SIZE (16 * KIB)        /* one read from a socket */
#define HTTP_BODY_MAX (64 * KIB)         /* where a route says nothing else */
#define HTTP_OUT_MAX (16 * MIB)          /* one answer */
#define HTTP_EXTRA_HEADERS_MAX 16        /* of one answer, beyond the fixed ones */
#define HTTP_LISTEN_BACKLOG 1024
#define HTTP_HEADER_TIMEOUT_MS 10000     /* first byte of a request to the end of its header */
#define HTTP_BODY_TIMEOUT_MS 30000       /* end of the header to the end of the body */
#define HTTP_IDLE_TIMEOUT_MS 75000       /* keep-alive connection without a request */
#define HTTP_WRITE_TIMEOUT_MS 30000      /* an answer that the client does not read */
#define HTTP_TICK_MS 250                 /* how exactly the four above are kept */

/* --- JSON --------------------------------------------------------------------------------- */
#define JSON_DEPTH_MAX 64                /* deeper documents are refused */

/* --- signed requests (developer-api.md §1.2) ------------------------------------------------ */
#define SIGN_WINDOW_S 300                /* either side of our clock; configurable */
#define TIMESTAMP_DIGITS_MAX 12
#define DOMAIN_MAX 63                    /* a DNS label, RFC 1035 §2.3.4 */
#define CLIENT_ID_MAX 64
#define HMAC_SECRET_MAX 256
#define IDEMPOTENCY_KEY_MAX 255

/* --- records -------------------------------------------------------------------------------- */
#define NAME_MAX_POINTS 255              /* names of workspaces and clients, in code points */
#define META_ID_MAX 32                   /* a decimal id of Meta's; today's have 15 to 17 digits */
#define TOKEN_MAX 4096                   /* access tokens are opaque; meta-graph.md §8 asks >= 512 */
#define PAGE_LIMIT_MAX 100               /* `limit` of page lists, developer-api.md §1.4 */
#define PAGE_LIMIT_DEFAULT 20
#define PAGE_MAX 1000000000              /* `page`: page * limit stays far inside 64 bits */

/* --- store ---------------------------------------------------------------------------------- */
#define STORE_BATCH_ROWS 256             /* writes in one commit */
#define STORE_BATCH_MS 20                /* a batch is closed after this long, whatever waits */
#define STORE_QUEUE_MAX 65536            /* waiting writes; more are refused with 503 */
#define STORE_STATEMENTS_MAX 256         /* prepared once a connection */
#define STORE_CHECKPOINT_PAGES 1000      /* WAL pages after which the writer checkpoints (4 MB) */
#define STORE_PARAMS_MAX 32              /* of one statement */

/* --- Graph API (meta-graph.md) ---------------------------------------------------------------- */
#define GRAPH_BODY_MAX (4 * MIB)         /* one answer; a page of 100 numbers is about 100 KiB */
#define GRAPH_PAGES_MAX 1000             /* of one list: 100,000 numbers; more is a fault */
#define GRAPH_PAGE_LIMIT 100             /* `limit` we ask for: the yaml's maximum */
#define GRAPH_CONNECT_TIMEOUT_MS 5000
#define GRAPH_TIMEOUT_MS 15000           /* one request, whole */
#define GRAPH_HEADER_MAX (16 * KIB)      /* of one header that we read */
#define GRAPH_NUMBERS_MAX 5000           /* numbers of one account; Meta allows 20 to a few hundred */

/* --- settings --------------------------------------------------------------------------------- */
#define CONFIG_FILE_MAX (256 * KIB)
#define CONFIG_VALUE_MAX 4096
