// What Swift's strings ask of Unicode's tables, answered for ASCII, which is all that the program's text is: Embedded Swift
// leaves the tables to whoever links it.
#include <stdbool.h>
#include <stdint.h>

bool _swift_stdlib_isExtendedPictographic(uint32_t scalar);
bool _swift_stdlib_isInCB_Consonant(uint32_t scalar);
uint16_t _swift_stdlib_getNormData(uint32_t scalar);
uint32_t _swift_stdlib_getComposition(uint32_t first, uint32_t second);
uint32_t _swift_stdlib_getDecompositionEntry(uint32_t scalar);
uint8_t _swift_stdlib_getGraphemeBreakProperty(uint32_t scalar);

const uint8_t *_swift_stdlib_nfd_decompositions;

bool _swift_stdlib_isExtendedPictographic(uint32_t scalar)
{
    (void)scalar;
    return false;
}

bool _swift_stdlib_isInCB_Consonant(uint32_t scalar)
{
    (void)scalar;
    return false;
}

uint16_t _swift_stdlib_getNormData(uint32_t scalar)
{
    (void)scalar;
    return 0;
}

// No two make one.
uint32_t _swift_stdlib_getComposition(uint32_t first, uint32_t second)
{
    (void)first;
    (void)second;
    return UINT32_MAX;
}

uint32_t _swift_stdlib_getDecompositionEntry(uint32_t scalar)
{
    return scalar;
}

uint8_t _swift_stdlib_getGraphemeBreakProperty(uint32_t scalar)
{
    (void)scalar;
    return 0xFF;
}
