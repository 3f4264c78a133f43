#include "api/doc.h"

const struct doc_topic doc_topics[] = {
    {"addresses", "Addresses and versions",
     "The base address is `/api/developer` on your server; `/api/v1/developer` is the same API. "
     "Every answer carries `X-API-Version: v1`. You may send `X-API-Version: v1` too; another "
     "version is refused.\n\n"
     "An endpoint that will go answers as before, and says so: `X-API-Deprecated: true`, the dates "
     "`X-API-Deprecation-Date` and `X-API-Sunset-Date`, and a `Warning` that names what to use "
     "instead."},
    {"signing", "Signing",
     "Every request carries four headers: `X-Awal-Signature-256`, `X-Timestamp` (Unix seconds), "
     "`X-Domain` (the workspace's domain) and `X-Client-ID`. The client's secret is never sent; it "
     "keys an HMAC-SHA256 over this text, its parts joined with nothing between them:\n\n"
     "    METHOD + PATH + QUERY_STRING + TIMESTAMP + BODY\n\n"
     "METHOD is in upper case. PATH is relative to the base address: `/waba-numbers`. "
     "QUERY_STRING is as it stands in the URL, with its `?`, or empty. TIMESTAMP is exactly what "
     "`X-Timestamp` says, and at most five minutes from the server's clock. BODY is byte for byte "
     "what is sent, or empty. The signature is `sha256=` and 64 lower-case hex digits.\n\n"
     "Two vectors to test with. The secret of both is `your-hmac-secret`.\n\n"
     "    GET/waba-numbers1704124800\n"
     "    sha256=f90b85acf2d2a0d679eb8a4d15824a3517e3b15f1354d22c41f35369813151d9\n\n"
     "    POST/w/message/text?phone_number_id=1231704124800"
     "{\"phone\":\"96650000000\",\"body\":\"Hello\"}\n"
     "    sha256=3d3a28eb340079ad838c68984ed0977f001b0f54e5cd6aee42bdbc9561e7170d\n\n"
     "In a shell, `hudhud call` signs and sends; so do these lines:\n\n"
     "    TIMESTAMP=$(date +%s)\n"
     "    SIGNATURE=$(printf %s \"GET/waba-numbers$TIMESTAMP\" |\n"
     "        openssl dgst -sha256 -hmac \"$HUDHUD_SECRET\" -r | cut -d ' ' -f 1)\n"
     "    curl -H \"X-Awal-Signature-256: sha256=$SIGNATURE\" -H \"X-Timestamp: $TIMESTAMP\" \\\n"
     "        -H \"X-Domain: $HUDHUD_DOMAIN\" -H \"X-Client-ID: $HUDHUD_CLIENT_ID\" \\\n"
     "        \"$HUDHUD_URL/api/developer/waba-numbers\""},
    {"permissions", "Permissions",
     "A client may do everything in its workspace, unless whoever runs the server has limited it: "
     "to reading, to some resources, or to some numbers. What it may not do is 403 "
     "`permission_denied`, with a message that says which permission is lacking."},
    {"answers", "Answers",
     "Answers are JSON in UTF-8. What was asked for is in `data`, of a page list with `meta` "
     "beside it; an answer to a write has a `message` for people too. A field without a value is "
     "`null`; it is not left out. Times are UTC: `2024-01-15T10:30:00Z`.\n\n"
     "Every answer carries `X-Request-Id`: quote it when you ask for help. Answers are compressed "
     "for who sends `Accept-Encoding: gzip`."},
    {"errors", "Errors",
     "An error has a code for programs in `error`, a sentence for people in `message`, where there "
     "are some the wrong fields in `details`, and the request's id in `request_id`. All wrong "
     "fields of a request are named at once.\n\n"
     "A path that does not exist is 404 `resource_not_found`; a method that it does not take is "
     "405 `method_not_allowed`, with `Allow`. What is not HTTP as this server reads it, or larger "
     "than it reads, is refused with 400, 408, 414, 417, 431, 501 or 505 in the same form."},
    {"retries", "Retries",
     "Send an `Idempotency-Key` of 1 to 255 printable characters with a write, and send the same "
     "one when you try again: the write happens once. Its answer is kept for 24 hours and given "
     "again, with `Idempotent-Replayed: true`. The same key with another request is 422 "
     "`idempotency_key_reused`; while the first request still runs it is 409 "
     "`request_in_progress`.\n\n"
     "Without a key the signature is the key for as long as its timestamp is good: a request that "
     "is sent twice, byte for byte, has one effect.\n\n"
     "Registration of a number and changes of its profile come to Meta once at most. When nobody can "
     "say whether Meta did it, the answer is 502 with that in its message, and it stays the answer to "
     "the same request: look, and take a new key to try again."},
    {"caching", "Conditional requests",
     "Every read has an `ETag`. Send it back as `If-None-Match`, and an answer that is still the "
     "same is 304 without a body."},
    {"limits", "Rate limits",
     "Requests are counted for each client and endpoint, in windows of fixed length. Every answer "
     "to a signed request carries `X-RateLimit-Limit`, `X-RateLimit-Remaining` and "
     "`X-RateLimit-Reset` (Unix seconds at which the window ends). Over the limit it is 429 with "
     "`Retry-After` in seconds.\n\n"
     "The limits shown here are the default ones; whoever runs the server may have set others for "
     "your workspace."},
    {0},
};
