#include "MTLDataKernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

#if defined(__x86_64__)
// 5²⁷ is below 2⁶⁴: exact in the 64 bits of an x87 register.
static const long double wide_powers[] = {1e0L, 1e1L, 1e2L, 1e3L, 1e4L, 1e5L, 1e6L, 1e7L, 1e8L, 1e9L, 1e10L, 1e11L,
    1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L, 1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};
#endif

// The C library's rounding, on a copy that ends; no program that links this changes LC_NUMERIC for it.
static enum mtl_number slow(const uint8_t *bytes, long count, double *value) {
    char local[512];
    char *copy = count < (long)sizeof local ? local : malloc((size_t)count + 1);
    if (!copy) return MTL_NUMBER_NONE;
    memcpy(copy, bytes, (size_t)count);
    copy[count] = 0;
    char *end;
    *value = strtod(copy, &end);
    const int whole = end == copy + count;
    if (copy != local) free(copy);
    if (!whole) return MTL_NUMBER_NONE;
    return isinf(*value) ? MTL_NUMBER_TOO_LARGE : MTL_NUMBER_OK;
}

enum mtl_number mtl_parse_number(const uint8_t *bytes, long count, double *value) {
    long i = 0;
    int negative = 0;
    if (i < count && (bytes[i] == '-' || bytes[i] == '+')) negative = bytes[i++] == '-';
    uint64_t mantissa = 0;
    // Digits from the first that is not 0; a mantissa holds 19.
    long digits = 0, scale = 0, seen = 0;
    int fraction = 0;
    for (; i < count; i++) {
        const uint8_t digit = (uint8_t)(bytes[i] - '0');
        if (digit <= 9) {
            seen++;
            if (digits > 0 || digit > 0) digits++;
            if (digits <= 19) {
                mantissa = mantissa * 10 + digit;
                scale -= fraction;
            }
        } else if (bytes[i] == '.' && !fraction) {
            fraction = 1;
        } else {
            break;
        }
    }
    if (seen == 0) return MTL_NUMBER_NONE;
    const int whole = !fraction && i == count;
    long exponent = 0;
    if (i < count) {
        if (bytes[i] != 'e' && bytes[i] != 'E') return MTL_NUMBER_NONE;
        i++;
        int down = 0;
        if (i < count && (bytes[i] == '-' || bytes[i] == '+')) down = bytes[i++] == '-';
        if (i == count) return MTL_NUMBER_NONE;
        for (; i < count; i++) {
            if (bytes[i] < '0' || bytes[i] > '9') return MTL_NUMBER_NONE;
            if (exponent < 100000) exponent = exponent * 10 + (bytes[i] - '0');
        }
        if (down) exponent = -exponent;
    }
    if (digits <= 19) {
        const long power = exponent + scale;
        if (mantissa <= (uint64_t)1 << 53) {
            // Both factors are exact, so the one operation rounds once (Clinger, PLDI 1990).
            if (power >= 0 && power <= 22) {
                *value = (double)mantissa * powers[power];
                if (negative) *value = -*value;
                return MTL_NUMBER_OK;
            }
            if (power < 0 && power >= -22) {
                *value = (double)mantissa / powers[-power];
                if (negative) *value = -*value;
                return MTL_NUMBER_OK;
            }
        }
#if defined(__x86_64__)
        // 64 bits of mantissa in an x87 register: rounded twice, which is right unless the first result lies at a tie.
        if (!whole && power >= -27 && power <= 27 && mantissa != 0) {
            const long double wide = power < 0 ? (long double)mantissa / wide_powers[-power]
                                               : (long double)mantissa * wide_powers[power];
            uint64_t bits;
            memcpy(&bits, &wide, sizeof bits);
            const uint64_t rest = bits & 0x7FF;
            if (rest < 0x3FE || rest > 0x402) {
                *value = negative ? -(double)wide : (double)wide;
                return MTL_NUMBER_OK;
            }
        }
#endif
    }
    const enum mtl_number result = slow(bytes, count, value);
    if (result != MTL_NUMBER_OK || !whole) return result;
    // A whole number beyond 2⁵³: is it the double's own value?
    return digits <= 19 && *value < 18446744073709551616.0 && fabs(*value) == (double)mantissa &&
            (uint64_t)fabs(*value) == mantissa
        ? MTL_NUMBER_OK
        : MTL_NUMBER_BIG_INTEGER;
}
