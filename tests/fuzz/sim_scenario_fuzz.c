/* A scenario: what is accepted is written, read again and written again, the same. */
#include "sim/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_state(const struct sim_state *state, struct buf *out)
{
    struct json_writer w;
    buf_init(out, SIM_SCENARIO_MAX);
    json_writer_init(&w, out);
    sim_scenario_write(state, &w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena, MIB);
    struct error error;
    error_init(&error, &arena);
    struct sim_state *first = NULL, *second = NULL;
    if (sim_scenario_read(str_make((const char *)data, size), &first, &error) == ERR_OK) {
        struct buf once, twice;
        write_state(first, &once);
        if (sim_scenario_read(buf_str(&once), &second, &error) != ERR_OK)
            abort();
        write_state(second, &twice);
        if (!str_eq(buf_str(&once), buf_str(&twice)))
            abort();
        buf_release(&once);
        buf_release(&twice);
    }
    sim_state_free(first);
    sim_state_free(second);
    arena_release(&arena);
    return 0;
}
