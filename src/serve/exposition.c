#include "serve/exposition.h"

#define LE_MAX 32 /* a bound as text */

static void add_escaped(struct buf *out, struct str s, bool quotes)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\n')
            buf_add(out, STR("\\n"));
        else if (s.ptr[i] == '\\' || (quotes && s.ptr[i] == '"'))
            buf_printf(out, "\\%c", s.ptr[i]);
        else
            buf_add_char(out, s.ptr[i]);
    }
}

void exposition_family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s ", name);
    add_escaped(out, str_from(help), false);
    buf_printf(out, "\n# TYPE %s %s\n", name, type);
}

/* `le` is the label of a bucket; NULL: none. */
static void add_name(struct buf *out, const char *name, const char *suffix,
                     const struct label *labels, size_t n, const char *le)
{
    buf_printf(out, "%s%s", name, suffix);
    if (n == 0 && !le) {
        buf_add_char(out, ' ');
        return;
    }
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%c%s=\"", i == 0 ? '{' : ',', labels[i].name);
        add_escaped(out, labels[i].value, true);
        buf_add_char(out, '"');
    }
    if (le)
        buf_printf(out, "%cle=\"%s\"", n == 0 ? '{' : ',', le);
    buf_add(out, STR("} "));
}

static void add_u64(struct buf *out, uint64_t value)
{
    buf_printf(out, "%llu\n", (unsigned long long)value);
}

void exposition_u64(struct buf *out, const char *name, const struct label *labels, size_t n,
                    uint64_t value)
{
    add_name(out, name, "", labels, n, NULL);
    add_u64(out, value);
}

void exposition_double(struct buf *out, const char *name, const struct label *labels, size_t n,
                       double value)
{
    add_name(out, name, "", labels, n, NULL);
    buf_printf(out, "%.12g\n", value);
}

/* Each bucket counts what is below it too. */
void exposition_histogram(struct buf *out, const char *name, const struct label *labels, size_t n,
                          const struct histogram_scale *scale,
                          const struct histogram_values *values)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= scale->n; i++) {
        char le[LE_MAX] = "+Inf";
        if (i < scale->n)
            snprintf(le, sizeof(le), "%.12g", (double)scale->bounds[i] * scale->unit);
        count += values->buckets[i];
        add_name(out, name, "_bucket", labels, n, le);
        add_u64(out, count);
    }
    add_name(out, name, "_sum", labels, n, NULL);
    buf_printf(out, "%.12g\n", (double)values->sum * scale->unit);
    add_name(out, name, "_count", labels, n, NULL);
    add_u64(out, count);
}
