#include "comm/rank_clock.h"

#include <string.h>

#include "core/clock.h"

void tli_rank_clock_message(tli_rank_clock *c, size_t sent, double begun)
{
    tli_exchanged *e = &c->recent[c->within ? c->kind : TLI_EXCHANGE_OTHER];
    e->messages++;
    e->bytes += sent;
    if (!c->within) e->seconds += tli_clock_seconds() - begun;
}

void tli_rank_clock_begin(tli_rank_clock *c, tli_exchange_kind kind)
{
    c->within = true;
    c->kind = kind;
    c->begun = tli_clock_seconds();
}

void tli_rank_clock_end(tli_rank_clock *c)
{
    c->recent[c->kind].seconds += tli_clock_seconds() - c->begun;
    c->within = false;
}

double tli_rank_clock_count(tli_rank_clock *c, double seconds, uint32_t steps)
{
    double exchanged = 0;
    for (int k = 0; k < TLI_EXCHANGE_KINDS; k++) {
        const tli_exchanged *recent = &c->recent[k];
        exchanged += recent->seconds;
        if (steps == 0) continue;
        c->steps[k].seconds += recent->seconds;
        c->steps[k].messages += recent->messages;
        c->steps[k].bytes += recent->bytes;
    }
    if (steps > 0) c->step_seconds += seconds;
    c->step_count += steps;
    memset(c->recent, 0, sizeof c->recent);
    return exchanged;
}

bool tli_rank_clock_read(const tli_rank_clock *c, int index, tl_rank_time *time)
{
    static const char *const names[TLI_EXCHANGE_KINDS] = {"sums of gradients", "weights",
                                                          "logits and outputs", "agreement"};
    if (index < 0 || index >= TLI_EXCHANGE_KINDS) return false;
    const tli_exchanged *e = &c->steps[index];
    *time = (tl_rank_time){.what = names[index],
                           .seconds = e->seconds,
                           .step_seconds = c->step_seconds,
                           .steps = c->step_count,
                           .messages = e->messages,
                           .sent_bytes = e->bytes};
    return true;
}
