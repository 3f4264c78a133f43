/* From what came over the wire to a struct graph_answer. No network in here: unit tests and the
 * fuzzer feed it bytes. Internal to src/graph. */
#pragma once

#include "graph/graph.h"

/* One whole HTTP answer, before anything of it is believed. */
struct graph_raw {
    int http_status;
    struct str app_usage;      /* the value of X-App-Usage; empty: not sent */
    struct str business_usage; /* of X-Business-Use-Case-Usage */
    struct str body;
};

/* Never fails: what cannot be used is an answer that says so. `raw` may go away afterwards; the
 * token, which may be NULL, is what no text of the answer may hold. */
void graph_answer_read(const struct graph_raw *raw, const struct secret *token, struct arena *arena,
                       struct graph_answer *ret);

/* An answer of our own; the message must live as long as the answer. */
struct graph_answer graph_answer_make(enum graph_outcome outcome, struct str message);

/* Into another arena, without its json; the message is put behind "what: ". */
struct graph_answer graph_answer_copy(const struct graph_answer *from, const char *what,
                                      struct arena *arena);

/* Text of Meta's as a person may see it: the token blotted out, control characters made blanks (it
 * may end up on a terminal), cut to GRAPH_TEXT_MAX bytes between characters. `s` is UTF-8, as all
 * text out of a JSON document is. Empty when the arena is full. */
struct str graph_text(struct str s, const struct secret *token, struct arena *arena);

/* The worse of both, into *worst. */
void graph_usage_add(struct graph_usage *worst, struct graph_usage more);
