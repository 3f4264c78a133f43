#include "http/exchange.h"

static struct http_exchange *exchange_new(void)
{
    struct http_exchange *x = xcalloc(1, sizeof(*x));
    list_init(&x->node);
    arena_init(&x->request.arena, REQUEST_ARENA_MAX);
    buf_init(&x->out, HTTP_OUT_MAX + HTTP_GATHER_SIZE + HTTP_HEADER_SIZE_MAX);
    buf_init(&x->sending, x->out.max);
    http_parser_init(&x->parser, &x->request);
    return x;
}

static void exchange_free(struct http_exchange *x)
{
    http_parser_release(&x->parser);
    arena_release(&x->request.arena);
    buf_release(&x->out);
    buf_release(&x->sending);
    free(x);
}

/* The one that came free last: the processor still has it at hand. */
struct http_exchange *http_exchange_take(struct http_server *s, struct http_connection *c)
{
    struct http_exchange *x;
    if (list_empty(&s->spare)) {
        x = exchange_new();
    } else {
        x = CONTAINER_OF(s->spare.prev, struct http_exchange, node);
        list_remove(&x->node);
        s->n_spare--;
    }
    x->connection = c;
    http_exchange_count(s, x, false);
    return x;
}

/* One that ended in the midst of a request is not used again: nothing of it shall get into another.
 */
void http_exchange_give_back(struct http_server *s, struct http_exchange *x)
{
    http_exchange_uncount(s, x);
    if (s->n_spare == HTTP_SPARE_EXCHANGES || !http_parser_is_empty(&x->parser)) {
        exchange_free(x);
        return;
    }
    arena_clear(&x->request.arena);
    buf_clear(&x->out);
    x->sealed = 0;
    buf_clear(&x->sending);
    http_parser_trim(&x->parser);
    x->connection = NULL;
    list_add(&s->spare, &x->node);
    s->n_spare++;
}

static size_t arena_size(const struct arena *arena)
{
    return arena->used + (arena->blocks ? ARENA_BLOCK_SIZE : 0);
}

static size_t exchange_size(const struct http_exchange *x)
{
    return sizeof(*x) + x->parser.capacity + x->parser.body.capacity + x->out.capacity +
           x->sending.capacity + x->arena_counted;
}

void http_exchange_count(struct http_server *s, struct http_exchange *x, bool handling)
{
    if (!handling)
        x->arena_counted = arena_size(&x->request.arena);
    size_t size = exchange_size(x);
    s->held += size - x->counted;
    x->counted = size;
}

void http_exchange_uncount(struct http_server *s, struct http_exchange *x)
{
    s->held -= x->counted;
    x->counted = 0;
}

void http_exchanges_release(struct http_server *s)
{
    for (struct list *node; (node = list_take(&s->spare));)
        exchange_free(CONTAINER_OF(node, struct http_exchange, node));
    s->n_spare = 0;
}
