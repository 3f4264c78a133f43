/* The sockets that a server listens on: internal to src/http; http.h has what others call. */
#pragma once

#include "http/http.h"

/* Those that had to pause because the process may open no more files try again. */
void http_listeners_resume(struct http_server *s);
/* Whoever has connected is taken in, but by adopted sockets: their next server takes them. */
void http_listeners_close(struct http_server *s);
