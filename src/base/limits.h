/* Every number that limits something, with its reason. */
#pragma once

#define KIB 1024
#define MIB (1024 * 1024)

/* --- memory ------------------------------------------------------------------------------- */
#define ARENA_BLOCK_SIZE  (16 * KIB) /* an ordinary request needs one block */
#define REQUEST_ARENA_MAX (8 * MIB)  /* what one request may use in all, its body apart */
#define BUF_KEEP_SIZE     (64 * KIB) /* a cleared buf gives back more than this */
#define RANDOM_POOL_SIZE  512        /* one getrandom for some 20 request ids */

/* --- log ---------------------------------------------------------------------------------- */
#define LOG_LINE_MAX  4096 /* an atomic write to a pipe is PIPE_BUF = 4096 bytes */
#define LOG_VALUE_MAX 512  /* one value never crowds out the rest of its line */

/* --- HTTP (style.md, "HTTP policy around llhttp") ----------------------------------------- */
#define HTTP_REQUEST_LINE_MAX (8 * KIB)  /* method, target and version; RFC 9112 §3 asks 8000 */
#define HTTP_HEADERS_MAX      64         /* fields */
#define HTTP_HEADER_SIZE_MAX  (16 * KIB) /* all fields as sent; trailers count too */
#define HTTP_READ_SIZE        (16 * KIB) /* one read from a socket */
/* What arrived and is not used up: a header, wherever in the first read it begins, and a read. */
#define HTTP_INPUT_SIZE        (HTTP_REQUEST_LINE_MAX + HTTP_HEADER_SIZE_MAX + 2 * HTTP_READ_SIZE)
#define HTTP_INPUT_FIRST       (4 * KIB)   /* an ordinary request */
#define HTTP_INPUT_KEEP        (16 * KIB)  /* a spare exchange keeps no larger one */
#define HTTP_BODY_MAX          (64 * KIB)  /* where a route says nothing else */
#define HTTP_MEMORY_MAX        (256 * MIB) /* all requests and unread answers of one server */
#define HTTP_MEMORY_MIN        (32 * MIB)  /* of one of many: two of the largest answers */
#define HTTP_SPARE_EXCHANGES   64 /* kept for the next requests, some 100 KiB each at most */
#define HTTP_OUT_MAX           (16 * MIB) /* one answer */
#define HTTP_GATHER_SIZE       (64 * KIB) /* answers to pipelined requests that leave in one write */
#define HTTP_EXTRA_HEADERS_MAX 16         /* of one answer, beyond the fixed ones */
#define HTTP_GZIP_MIN          KIB        /* a smaller answer fits a packet as it is */
#define HTTP_PARTS_MAX         32         /* of one form; our largest has some ten */
#define HTTP_PART_HEADER_MAX   (8 * KIB)  /* a name and a file name, all of it percent-encoded */
#define HTTP_LISTEN_BACKLOG    1024
#define HTTP_LEDGER_BUCKETS    4096 /* of the table from address to its connections */
#define HTTP_EVICT_TRIES       8    /* idle connections looked at to find one that may be closed */
#define HTTP_ACCEPTS_MAX       64 /* in one turn of a loop: a flood leaves time for who is there */
#define HTTP_LINGER_MS         3000 /* after a refusal the client may go on sending this long */
#define HTTP_LINGER_MAX        (8 * MIB) /* and this much, so that it reads the answer, not a reset */
#define HTTP_HEADER_TIMEOUT_MS 10000     /* first byte of a request to the end of its header */
#define HTTP_BODY_TIMEOUT_MS   30000     /* end of the header to the end of the body */
#define HTTP_IDLE_TIMEOUT_MS   75000     /* keep-alive connection without a request */
#define HTTP_DRAIN_IDLE_MS     1000      /* a draining server takes a last request this long */
#define HTTP_WRITE_TIMEOUT_MS  30000     /* an answer that the client does not read */
#define HTTP_TICK_MS           250       /* how exactly these times are kept */

#define HTTP_STREAM_MAX (512 * KIB) /* of a stream: what is not with its client yet */

/* --- requests of ours --------------------------------------------------------------------- */
#define HTTP_CLIENT_URL_MAX         (16 * KIB) /* a webhook's address, or Graph's with its query */
#define HTTP_CLIENT_HEADER_SIZE_MAX (64 * KIB) /* all headers of one answer; real ones: 2 KiB */
#define HTTP_CLIENT_HEADERS_MAX     512 /* lines of them, interim answers' too; real ones have 30 */

/* --- TLS (RFC 8446); what OpenSSL 3.0 holds is measured --------------------------------- */
#define HTTP_TLS_HANDSHAKE_MAX (16 * KIB) /* of a client's; real ones take 4 KiB at most */
#define HTTP_TLS_INPUT_SIZE    (3 * HTTP_READ_SIZE) /* a record that is not whole, and a read */
#define HTTP_TLS_SHAKING_SIZE  (46 * KIB)           /* held in a handshake, */
#define HTTP_TLS_OPEN_SIZE     (16 * KIB)           /* after it, while nothing is under way, */
#define HTTP_TLS_RECORD_SIZE   (17 * KIB)           /* and more for a record that is not whole */
#define HTTP_SEAL_SIZE         (48 * KIB) /* sealed at once: three records, within BUF_KEEP_SIZE */

/* --- JSON --------------------------------------------------------------------------------- */
#define JSON_DEPTH_MAX       64  /* deeper documents are refused */
#define JSON_BODY_FIELDS_MAX 32  /* fields that one endpoint knows */
#define JSON_COMPLAINTS_MAX  100 /* of one body: a hostile one gets no endless answer */

/* --- signed requests (developer-api.md §1.2) ---------------------------------------------- */
#define SIGN_WINDOW_S          300 /* either side of our clock; configurable */
#define SIGN_WINDOW_MAX_S      3600
#define TIMESTAMP_DIGITS_MAX   12
#define DOMAIN_MAX             63 /* a DNS label, RFC 1035 §2.3.4 */
#define CLIENT_ID_MAX          64
#define HMAC_SECRET_MAX        256
#define ROTATE_OVERLAP_MAX_S   (30 * 86400) /* two secrets at once, at the longest */
#define RETRY_AFTER_S          5            /* of a 503 that knows no better */
#define RETRY_AFTER_META_S     30           /* of a 503 because Meta cannot be reached */
#define RETRY_AFTER_THROTTLE_S 60 /* of a 503 because Meta throttles and says not for how long */

/* --- rate limits and permissions (developer-api.md §1.6) ----------------------------------- */
#define LIMIT_REQUESTS_MAX        ((1 << 24) - 1) /* in a window: 24 bits of a counter's word */
#define PLAN_MAX                  (48 * KIB) /* its JSON: 300 endpoints; less than HTTP_BODY_MAX */
#define PLAN_ARENA_MAX            (1 * MIB)  /* while it is read: at most 12 bytes a byte of JSON */
#define POLICY_ARENA_MAX          (64 * KIB) /* lists of at most CONFIG_VALUE_MAX bytes of text */
#define PERMISSIONS_RESOURCES_MAX 64         /* of one client; more than there are */
#define PERMISSIONS_NUMBERS_MAX   1000       /* of one client; copied for each of its requests */
#define PERMISSIONS_ARENA_MAX     (1 * MIB)  /* while they are read */
#define DIRECTORY_ARENA_MAX       (512 * MIB) /* workspaces, plans, permissions: 1 KiB a client */
#define AUTH_FAILURE_ADDRESSES    16384       /* 640 KiB; an IPv6 /64 is one address */
#define SAVED_COUNTS_MAX          512 /* windows written in one go: some 3 ms of the store */
#define SAVED_FAILURES_MAX        64  /* addresses, in the same go */
#define SAVED_COUNTS_SWEEP        64  /* clients whose ended windows are removed in the same go */
#define RATE_WINDOWS_READ         16  /* rows read in one statement of STORE_PARAMS_MAX */
#define SHARED_COUNTS_SLACK       5 /* per cent of a limit that all replicas together may exceed */
#define SHARED_COUNTS_TICK_MS     250  /* how often each tells the others what it counted */
#define SHARED_FAILURES_READ      1024 /* addresses of others that are looked at in a second */

/* --- secrets at rest ---------------------------------------------------------------------- */
/* The current key, the last one, which a long read may still need, and those of an unlucky day. */
#define KEYRING_MAX 4

/* --- requests that arrive twice (developer-api.md §1.3) ------------------------------------ */
#define IDEMPOTENCY_KEY_MAX   255   /* of an Idempotency-Key, in characters */
#define IDEMPOTENCY_KEY_S     86400 /* an answer is given again for a day */
#define IDEMPOTENCY_RUNNING_S 600   /* no call takes longer: whoever claimed it is gone */
#define LEFT_CLAIMS_MAX       1024  /* that wait for the store to be there again */
#define RETRY_AFTER_RUNNING_S 2     /* of a 409: the first request will soon be answered */

/* --- records ------------------------------------------------------------------------------ */
#define NAME_MAX_POINTS         255  /* names of workspaces and clients, in code points */
#define APP_SECRET_MAX          256  /* Meta's have 32 characters */
#define STORE_PASSWORD_MAX      1024 /* of PostgreSQL; tokens of a cloud can be long */
#define META_ID_MAX             32   /* a decimal id of Meta's; today's have 15 to 17 digits */
#define TOKEN_MAX               4096 /* access tokens are opaque; meta-graph.md §8 asks >= 512 */
#define NUMBER_REASONS_MAX      (64 * KIB) /* health.reasons of one number */
#define ALLOW_MAX               256        /* methods of one address, in an Allow header */
#define CORS_MAX_AGE_S          7200 /* a preflight's answer; no browser keeps it for longer */
#define WORD_MAX                64   /* a word out of a list of Meta's, or six digits */
#define PROFILE_ABOUT_MAX       139  /* of a business profile, in code points: meta-graph.md §2 */
#define PROFILE_ADDRESS_MAX     256
#define PROFILE_DESCRIPTION_MAX 512
#define PROFILE_EMAIL_MAX       128
#define PROFILE_WEBSITE_MAX     256
#define PAGE_LIMIT_MAX          100 /* `limit` of page lists, developer-api.md §1.4 */
#define PAGE_LIMIT_DEFAULT      20
#define OLDER_LIMIT_MAX         1000       /* `limit` of the administration's lists */
#define PAGE_MAX                1000000000 /* `page`: page * limit stays far inside 64 bits */

/* --- events out (developer-api.md §8) ------------------------------------------------------ */
#define EVENT_MAX                  (256 * KIB) /* one envelope; a template's components take 10 KiB */
#define WEBHOOKS_MAX               2000        /* of a workspace */
#define EVENTS_TEXT_MAX            1024        /* names of events, as an endpoint has them */
#define WEBHOOK_OVERLAP_S          86400       /* of a rotation that says nothing else: a day */
#define WEBHOOK_URL_MAX            2048        /* as browsers and proxies take it */
#define JOBS_REPLAY_MAX            2000        /* deliveries that one call repeats: one write */
#define JOBS_REPLAY_LIMIT          2001        /* one more, which tells that there are too many */
#define JOBS_NEW_ROWS              1000        /* read at once of those that were just made */
#define DELIVERY_ANSWER_MAX        (4 * KIB)   /* of an endpoint's answer, kept on record */
#define DELIVERY_ERROR_MAX         512
#define DELIVERY_TIMEOUT_MS        15000 /* a slower endpoint has failed */
#define DELIVERY_CONNECT_MS        5000
#define WEBHOOK_VERIFY_MS          10000  /* somebody waits for it */
#define DELIVERY_TRIES_MAX         32     /* pauses in the setting webhook-retries, and one */
#define PAUSE_MAX_S                604800 /* of one of these */
#define DELIVERY_JITTER            20     /* per cent */
#define DELIVERY_RETRY_AFTER_MAX_S 86400  /* an endpoint that asks for more is asked then */
#define DELIVERY_LANE_FIRST        4 /* deliveries at once to an endpoint that nothing is known of; */
#define DELIVERY_LANE_KEEP_MS      60000 /* what is known of one that has nothing to do is forgotten */
#define DELIVERY_LANE_MAX          32 /* grows with each success up to this, halves with each failure */
#define DELIVERY_BRISK_MAX         192 /* at once, to all endpoints that answer quickly */
#define DELIVERY_SLOW_MAX          32 /* ... to those that do not, or have just failed: they never take */
#define DELIVERY_FAILING_MAX       32 /* the places of those; and to those that fail again and again */
/* Who turns out to be slow while it is under way gives its place back, and goes on. */
#define DELIVERY_CONNECTIONS_MAX 512
#define DELIVERY_PACE_MS         10      /* between two of these that begin: a hundred a second */
#define DELIVERY_SLOW_US         1000000 /* an endpoint whose answers take longer is one of these */
#define DELIVERY_FAILURES        3       /* in a row: its deliveries are tried one at a time, and */
#define DELIVERY_REST_MS         1000 /* after each it rests, at first so long, doubled each time, */
#define DELIVERY_REST_MAX_MS     30000 /* up to this */
#define DELIVERY_LOOK_MS         5000 /* how often all endpoints are looked at, whatever was told */
#define DELIVERY_LOOK_GAP_MS     INT64_C(500) /* and how soon after another, when something was */
#define DELIVERY_LOOK_SHARE      200    /* ... while the looks take a two-hundredth of the time */
#define DELIVERY_DISABLE_S       432000 /* of failures alone: five days */

/* --- the stream of events ------------------------------------------------------------------ */
#define EVENT_STREAMS_MAX  10         /* open at once, of a client */
#define EVENT_PAGE_FIRST   16         /* read at once for a stream when it begins, and later, as */
#define EVENT_PAGE_ROWS    256        /* ... they are small, so many at most; */
#define EVENT_PAGE_SIZE    (64 * KIB) /* ... up to the one with which they are more than this, */
#define EVENT_PAGE_MAX     (EVENT_PAGE_SIZE + EVENT_MAX + KIB) /* ... its name and id with it */
#define EVENT_LOOK_ROWS    1000  /* read at once to see whose events are new, */
#define EVENT_LOOK_SPACES  64    /* ... told apart; when they are more, all streams read on */
#define EVENT_LOOK_MS      5000  /* how often that is looked at, whatever was told */
#define EVENT_TICK_MS      1000  /* how soon who may no longer read is cut */
#define EVENT_HEARTBEAT_MS 15000 /* proxies cut what is silent for a minute, or less */
#define EVENT_RETRY_MS     3000  /* the pause before a client connects again */

/* --- Meta's webhooks (meta-graph.md §6) ---------------------------------------------------- */
#define INBOUND_BODY_MAX    (3 * MIB)  /* as Meta sends at the most */
#define INBOUND_ARENA_MAX   (64 * MIB) /* one body as a tree, and what applying it takes */
#define INBOUND_CHANGES_MAX 1000       /* of one body; what has more is kept whole, unapplied */
#define INBOUND_REASONS_MAX 20         /* told one by one; the rest are counted */
#define INBOUND_REASON_MAX  512        /* of one of them, as JSON */
#define INBOUND_FIELD_MAX   64         /* of a field's name, as it is shown */
#define META_REFUSED_LOG_S  60         /* how often the log says that signatures are wrong */
#define APPS_MAX            256
#define APPS_AN_ADDRESS_MAX 16         /* each signature may be measured against all of these */
#define META_TEXT_MAX       1024       /* of one text of Meta's that is kept: names take 300 */
#define RESTRICTIONS_MAX    (8 * KIB)  /* of all restrictions of an account, as text */
#define META_DETAILS_MAX    (64 * KIB) /* of what goes into an event as it came */
#define VERIFY_TOKEN_MAX    256

/* --- documentation of the API ------------------------------------------------------------- */
#define DOC_SCHEMAS_MAX 256        /* shapes that all endpoints together speak of */
#define DOC_TEXT_MAX    (64 * KIB) /* one piece of text or example */
#define DOCS_MAX        (8 * MIB)  /* /openapi.json and /docs, each; today they take 200 KiB */

/* --- store -------------------------------------------------------------------------------- */
#define STORE_BATCH_ROWS       256        /* writes in one commit */
#define STORE_BATCH_MS         20         /* a batch is closed after this long, whatever waits */
#define STORE_QUEUE_MAX        65536      /* waiting writes; more are refused with 503 */
#define STORE_STATEMENTS_MAX   256        /* prepared once a connection */
#define STORE_CHECKPOINT_PAGES 1000       /* WAL pages after which the writer checkpoints (4 MB) */
#define STORE_SQL_MAX          (16 * KIB) /* of one statement, its tokens replaced */
#define STORE_PARAMS_MAX       32         /* of one statement */
/* From here the writer waits for readers to let the log go, or it would never shrink. */
#define STORE_WAL_PAGES_MAX  (8 * STORE_CHECKPOINT_PAGES)
#define STORE_BUSY_MS        200         /* longest such wait, and for another process's lock */
#define STORE_COPY_PAGES     2048        /* of a copy between two syncs: 8 MB */
#define STORE_PAGE_ROWS      1000        /* that are copied from engine to engine in one go */
#define STORE_PAGES_A_COMMIT 8           /* of a copy that goes on after a crash */
#define STORE_ROW_MAX        (64 * MIB)  /* of one of them, far beyond what a request can bring */
#define STORE_PAGE_MAX       (512 * MIB) /* of all rows of a page */
#define SCHEMA_TABLES_MAX    64
#define SCHEMA_COLUMNS_MAX   STORE_PARAMS_MAX /* of one table: a row is inserted by one statement */
#define SCHEMA_KEYS_MAX      4                /* of one primary key */
#define STORE_MIGRATION_MAX  (256 * KIB)      /* SQL text of one migration */
#define STORE_LOG_MS         10000 /* a full disk is logged once in this time, not per write */

/* --- a store on a server: nothing that waits for it may answer later than after 5 s ----------- */
#define STORE_CONNECTIONS      4 /* that read, each with a thread; one more writes, one watches */
#define STORE_CONNECTIONS_MAX  64
#define REPLICA_NAME_MAX       128  /* host and process */
#define STORE_HOLDER_LEN       32   /* hex: the name of a data folder among the replicas */
#define STORE_URL_MAX          1024 /* of its address, with all parameters */
#define STORE_PATIENCE_MS      1200 /* what waited longer for its turn is refused */
#define STORE_CONNECT_MS       800  /* one attempt */
#define STORE_FIRST_CONNECT_MS 5000 /* the first one of all: nobody waits for an answer yet */
#define STORE_WAIT_MS          1800 /* for one answer; then the connection counts as lost */
#define STORE_LOCK_MS          1500 /* for another replica's commit: the server gives up first */
/* In a transaction, nothing said: the server ends it, so that a replica that is cut off holds up no
 * other for longer. */
#define STORE_IDLE_MS           1000
#define STORE_RESOLVE_MS        1000   /* to find out whether a commit took place */
#define STORE_RETRY_FIRST_MS    50     /* between attempts to connect; doubled each time, */
#define STORE_RETRY_MAX_MS      1000   /* but no longer than this */
#define STORE_LONG_WAIT_MS      600000 /* for a migration or a copy: nobody else waits for it */
#define STORE_WATCH_MS          250    /* how often a replica looks what others have changed */
#define STORE_BEAT_MS           2000   /* how often it says that it lives */
#define STORE_DOUBT_MS          15000  /* without a heartbeat that got through: leases rest */
#define STORE_DEAD_MS           24000  /* without one of another: its leases are everybody's */
#define STORE_COMMANDS_MAX      1024 /* under way on a session; then their answers are taken first */
#define STORE_READS_AT_ONCE     16   /* in one snapshot: none waits long for its neighbours */
#define STORE_SHARED_BATCH_ROWS 64   /* savepoints that PostgreSQL has at hand */
#define STORE_OTHERS_MS         7000 /* a replica that lives says so three times meanwhile */
/* STORE_IDLE_MS and STORE_LOCK_MS of who replaces everything: it reads files meanwhile. */
#define STORE_PATIENT_IDLE_MS 60000
#define STORE_COPY_PIECE      (64 * KIB) /* of rows that are loaded, handed to the socket at once */

/* --- answers that are given again, where reading waits for a server -------------------------- */
#define ANSWERS_SLOTS      1024 /* answers kept by each loop, to be given again */
#define ANSWERS_AGE_MS     800  /* an answer is younger: nothing is stale for a second */
#define ANSWERS_BODY_MAX   (64 * KIB)
#define ANSWERS_MEMORY_MAX (16 * MIB) /* of one loop */

/* --- backups ------------------------------------------------------------------------------ */
#define BACKUP_PATH_MAX      1024       /* of the folder */
#define BACKUP_MANIFEST_MAX  (64 * KIB) /* a line a table */
#define RELOCATION_NAMES_MAX 10 /* that stand against it, told one by one; the rest are counted */
#define BACKUP_PIECE         (1 * MIB) /* read, hashed and written at once */

/* --- Graph API (meta-graph.md) ------------------------------------------------------------ */
#define GRAPH_BODY_MAX           (4 * MIB) /* one answer; a page of 100 numbers is about 100 KiB */
#define GRAPH_PAGES_MAX          200 /* of one list, short pages among them; more is a fault */
#define GRAPH_PAGE_LIMIT         100 /* `limit` we ask for: the yaml's maximum */
#define GRAPH_CONNECT_TIMEOUT_MS 5000
#define GRAPH_TIMEOUT_MS         15000      /* one request, whole */
#define GRAPH_HEADER_MAX         (16 * KIB) /* of one header that we read */
#define GRAPH_NUMBERS_MAX        5000 /* numbers of one account; Meta allows 20 to a few hundred */
#define GRAPH_CONNECTIONS_MAX    64   /* under way at once; more wait, untimed */
#define GRAPH_HEADERS_MAX        HTTP_CLIENT_HEADER_SIZE_MAX /* all headers of one answer */
#define GRAPH_URL_MAX            HTTP_CLIENT_URL_MAX /* address, fields, cursor and proof take about 1 KiB */
#define GRAPH_PATH_MAX           128        /* an id (META_ID_MAX) and the name of an edge */
#define GRAPH_TEXT_MAX           1024       /* of one text of Meta's that we keep; names take 300 */
#define GRAPH_CURSOR_MAX         2048       /* opaque; real ones have about 100 characters */
#define GRAPH_REASONS_MAX        32         /* of one number; health_status knows 4 entities */
#define GRAPH_WEBSITES_MAX       2          /* of one business profile */
#define GRAPH_STEP_MAX           1024       /* a body that we send: a PIN and a few words */
#define GRAPH_JSON_MAX           (16 * KIB) /* a body that we send: a profile, each byte escaped */
#define GRAPH_ARENA_MAX          (64 * MIB) /* one answer as a tree: at most 12 bytes a byte of JSON */

/* --- settings ----------------------------------------------------------------------------- */
#define CONFIG_FILE_MAX       (256 * KIB)
#define CONFIG_VALUE_MAX      4096
#define CONFIG_NAME_MAX       40 /* of a setting; ours are much shorter */
#define CONFIG_COMPLAINTS_MAX 20 /* wrong lines told one by one; the rest are counted */

/* --- simulator ---------------------------------------------------------------------------- */
#define SIM_SCENARIO_MAX           (16 * MIB) /* a file, or one put while it runs: some 10,000 numbers */
#define SIM_SCENARIO_ARENA_MAX     (192 * MIB) /* its parsed form, while it is read */
#define SIM_NUMBERS_MAX            10000       /* of --numbers */
#define SIM_INDEX_BUCKETS          4096        /* of the table from id to node */
#define SIM_FIELDS_MAX             48          /* of one kind of node */
#define SIM_WORD_MAX               64          /* a status, a PIN, a code */
#define SIM_PROFILE_MAX            (16 * KIB)  /* a business profile, each byte escaped */
#define SIM_SELECTION_DEPTH        8           /* braces within braces in `fields` */
#define SIM_PARAMS_MAX             64          /* of one request, query and body together */
#define SIM_PAGE_DEFAULT           25          /* meta-graph.md §0 */
#define SIM_PAGE_MAX               100 /* the yaml's maximum; a larger `limit` gives this many */
#define SIM_FAULTS_MAX             100
#define SIM_FAULT_DELAY_MAX_MS     600000     /* ten minutes: longer than any client waits */
#define SIM_HUGE_BODY_DEFAULT      (12 * MIB) /* three times what our own client takes */
#define SIM_HUGE_BODY_MAX          (15 * MIB) /* stays under HTTP_OUT_MAX with its header */
#define SIM_REQUESTS_MAX           1000       /* remembered for GET /_sim/requests */
#define SIM_REQUEST_TEXT_MAX       2048       /* of one remembered path, and of one query */
#define SIM_WEBHOOK_TIMEOUT_MS     10000      /* one delivery, and one challenge */
#define SIM_WEBHOOK_FIELD_MAX      64         /* of the name of a field */
#define SIM_WEBHOOK_FIELDS_MAX     (4 * KIB)  /* of the names of all that are subscribed to */
#define SIM_WEBHOOK_BATCH_MAX      1000       /* changes of one delivery, as Meta limits it */
#define SIM_WEBHOOK_BODY_MAX       (3 * MIB)  /* of one delivery, as Meta limits it */
#define SIM_WEBHOOK_COPIES_MAX     1000
#define SIM_WEBHOOK_RETRY_FIRST_MS 1000        /* the pause before the second repetition, */
#define SIM_WEBHOOK_RETRY_MAX_MS   60000       /* doubled each time up to this */
#define SIM_WEBHOOK_GIVE_UP_S      (7 * 86400) /* as Meta does */
#define SIM_DELIVERIES_MAX         10000       /* remembered, what is on its way among them */
#define SIM_DELIVERY_BYTES_MAX     (256 * MIB) /* of all that are on their way */
#define SIM_CONNECTIONS_MAX        256         /* of --webhook-connections */
#define SIM_WHY_MAX                256         /* why an attempt failed */
#define SIM_CHALLENGE_RETRY_MS     500         /* until the receiver of --webhook-url is up */
#define SIM_VERIFY_TOKEN_MAX       256

/* --- the command line --------------------------------------------------------------------- */
#define CLI_ARENA_MAX          (256 * MIB) /* an answer of HTTP_OUT_MAX, parsed and laid out as a table */
#define DIGITS_TEXT_MAX        256         /* six digits, and blanks around them */
#define CLI_LINE_MAX           4096        /* one message or line of help */
#define CLI_HELP_MAX           (256 * KIB) /* the help of all commands together */
#define CLI_PAYLOAD_MAX        (32 * KIB) /* of an /admin call: a token, each byte escaped, and names */
#define CLI_BODY_MAX           (16 * MIB) /* a body from a file: far beyond what any endpoint takes */
#define CLI_ANSWER_MAX         HTTP_OUT_MAX /* the server sends no more */
#define CLI_TABLE_COLUMNS_MAX  12
#define CLI_ROTATE_OVERLAP_S   86400 /* a day to bring the new secret to every caller */
#define CLI_TEST_WAIT_MS       20000 /* a test of a webhook: its first try ends within the timeout */
#define CLI_TEST_POLL_MS       100   /* how often it is looked at meanwhile */
#define NEAREST_WORD_MAX       96    /* longer words name no command, option or endpoint */
#define CLI_CONNECT_TIMEOUT_MS 5000
#define CLI_CALL_TIMEOUT_MS    60000  /* a live call waits for Meta at most a few requests long */
#define CLI_ADMIN_TIMEOUT_MS   180000 /* linking and syncing fetch all pages of an account */
#define CLI_HEALTH_TIMEOUT_MS  5000   /* what asks is asked to be quick itself */
#define CLI_DATE_TIMEOUT_MS    5000   /* doctor asks Graph for the time */
#define CLI_TURN_WAIT_MS       60000  /* commands without a server take turns at the folder */
#define CLI_BUSY_WAIT_MS       10000  /* a server is starting or draining: then it is an error */
#define CLI_RETRY_MS           25     /* how often the two above look again */
#define CLI_SILENCE_MS         60000  /* a stream with nothing, not a comment, is dead */
#define CLI_EVENT_MAX          (2 * EVENT_MAX) /* a line of a stream: an event, and its field's name */
#define CLI_PAUSE_MIN_MS       100    /* before connecting again, whatever a server says, */
#define CLI_PAUSE_MAX_MS       300000 /* ... and at most: who waits should see that it goes on */
#define SSE_NAME_MAX           1024   /* an event's name or id */

/* --- jobs --------------------------------------------------------------------------------- */
#define JOBS_TICK_MS   250        /* how exactly a sync's time is kept */
#define JOBS_SYNCS_MAX 64         /* at once: a slow account holds one place, not the rest */
#define JOBS_ARENA_MAX (32 * MIB) /* one sync: all numbers of a large account */
#define JOBS_LOOK_MS                                                                               \
    1000 /* how often a replica looks which accounts nobody syncs: what a                          \
            dead one held is another's this long after STORE_DEAD_MS */
#define JOBS_LEASES_AT_ONCE     500 /* accounts claimed or given back in one write */
#define JOBS_SHARE_MS           60000 /* how often all accounts are counted for it, though none came */
#define JOBS_PULSE_MS           5000   /* how late other replicas see what was confirmed here */
#define JOBS_PULSE_ROWS         1000   /* confirmations in one write; the rest a moment later */
#define SYNC_REPEATS_MAX        3      /* of a sync by hand while others' answers come between */
#define HINTS_MAX               1000   /* hinted accounts that one look takes up */
#define SYNC_HINT_GAP_MS        500    /* between runs for hints, at the least */
#define SYNC_HINT_COST_MS       4000   /* ... and in the long run; more as Meta's quota goes; */
#define SYNC_HINT_AHEAD_MS      240000 /* ... 60 runs may come sooner than that */
#define SYNC_JITTER_PERCENT     10     /* so that a thousand accounts do not ask at one instant */
#define SYNC_BACKOFF_FIRST_S    30     /* after a failure; doubled each time in a row */
#define SYNC_BACKOFF_MAX_S      3600   /* but never rarer than this, or the interval */
#define SYNC_REGAIN_MAX_MIN     1440   /* Meta asked for longer: a day later we ask all the same */
#define DOCTOR_DISK_FAIL_MIB    64     /* the write-ahead log and a checkpoint need some */
#define DOCTOR_DISK_WARN_MIB    1024
#define DOCTOR_CERTIFICATE_DAYS 14 /* as long as a renewal that fails may go unnoticed */
#define DOCTOR_CLOCK_WARN_S     30 /* far inside SIGN_WINDOW_S, but no synchronised clock's */

/* --- serve -------------------------------------------------------------------------------- */
#define SERVE_BUSY_WAIT_MS     4000      /* a command has the folder briefly; a server for good */
#define SERVE_LOOPS_MAX        64        /* event loops: more cores than that are not ours to use */
#define SERVE_CONFIG_ARENA_MAX (4 * MIB) /* a file of CONFIG_FILE_MAX, and complaints about it */
#define OPS_METRICS_MAX        (4 * MIB) /* a route has 20 lines of some 120 bytes */
#define OPS_READY_MAX          1024      /* a line a check */
#define OPS_PROOF_MS           1000 /* a commit this recent proves that the store can be written */
#define OPS_PROBE_TIMEOUT_S    2    /* whoever asks /readyz waits no longer: 503 */
#define OPS_TICK_MS            100  /* how exactly that is kept */
#define UPKEEP_PURGE_S         5    /* how often expired answers are looked for */
#define UPKEEP_PURGE_ROWS      200 /* removed in one write: some milliseconds of the writer's time */
#define SERVE_TLS_LOOK_S       60  /* how often the files of the certificate are looked at */
#define SERVE_FILES_RESERVED   1024 /* descriptors beside connections: database, Meta, webhooks */
#define SERVE_CONNECTIONS_MAX  1000000 /* 450 MB when idle; each one in use takes far more */
