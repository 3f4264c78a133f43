/* The `fields` parameter: any text, against every kind of node. */
#include "base/limits.h"
#include "sim/nodes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena, MIB);
    struct error error;
    error_init(&error, &arena);
    struct sim_selection *selection = NULL;
    struct str text = str_make((const char *)data, size);
    if (sim_selection_parse(text, &arena, &selection, &error) == ERR_OK)
        for (int kind = 0; kind < SIM_KIND_COUNT; kind++)
            if (sim_selection_check((enum sim_kind)kind, selection, &error) != ERR_OK &&
                error.message.len == 0)
                abort(); /* refused without a word */
    arena_release(&arena);
    return 0;
}
