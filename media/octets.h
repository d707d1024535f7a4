/** Numbers in network order, as packets carry them. Thread: any. */
#pragma once

#include <stdint.h>

static inline uint16_t octets_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t octets_get32(const uint8_t *p)
{
    return (uint32_t)octets_get16(p) << 16 | octets_get16(p + 2);
}

static inline void octets_put16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static inline void octets_put32(uint8_t *p, uint32_t value)
{
    octets_put16(p, (uint16_t)(value >> 16));
    octets_put16(p + 2, (uint16_t)value);
}
