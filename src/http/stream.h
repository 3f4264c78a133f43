/* A connection's side of its stream (http.h): what connection.c and server.c call. */
#pragma once

#include "http/connection.h"

struct http_stream {
    struct list node; /* of the server's streams */
    struct http_connection *connection;
    struct http_stream_hooks hooks;
    void *arg;
    bool chunked;
    bool awaited; /* `writable` is to be called */
};

/* Something has arrived on a connection that streams. */
void http_stream_receive(struct http_connection *c, struct str bytes);
/* All that was written is with the kernel. */
void http_stream_written(struct http_connection *c);
/* Ends the stream behind what was written: its owner is told. The caller runs the connection. */
void http_stream_finish(struct http_connection *c, enum http_stream_end why);
/* The connection is closed, or about to be; its stream, if it has one, is no more. */
void http_stream_lose(struct http_connection *c, enum http_stream_end why);
/* The server ends: so do all its streams. */
void http_streams_drain(struct http_server *s);
