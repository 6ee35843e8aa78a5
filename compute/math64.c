/* SPDX-License-Identifier: Apache-2.0
 * Series of double precision functions after argument reduction. Their coefficients are the exact
 * ones (1/n!, 2/(2n+1)); the reduced arguments are small enough for the rest to be below 2^-54.
 * Read next: compute/math64.h for what each promises. */
#include "compute/math64.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static const double ln2_high = 0x1.62e42fefa39efp-1, ln2_low = 0x1.abc9e3b39803fp-56;

/* x = m 2^e with m in [sqrt(1/2), sqrt(2)):  log m = 2 artanh(s) = 2 (s + s^3/3 + s^5/5 + ...),
 * s = (m - 1) / (m + 1), |s| <= 0.1716; s^25/25 < 2^-68. */
double math_log(double x) {
    if (!(x > 0)) return x == 0 ? -HUGE_VAL : (double)NAN;
    if (isinf(x)) return x;
    int e;
    double m = frexp(x, &e);
    if (m < 0.70710678118654752) {
        m *= 2;
        e--;
    }
    double s = (m - 1) / (m + 1), z = s * s, sum = 1.0 / 23;
    for (int n = 21; n >= 3; n -= 2) sum = fma(sum, z, 1.0 / n);
    double high = 2 * s, low = 2 * s * z * sum;
    return fma(e, ln2_high, high + fma(e, ln2_low, low));
}

/* x = n ln 2 + r, |r| <= 0.35: sum of r^k / k! to k = 15; r^16/16! < 2^-68. */
double math_exp(double x) {
    if (isnan(x)) return x;
    if (x > 710) return HUGE_VAL;
    if (x < -746) return 0;
    double n = rint(x * 0x1.71547652b82fep+0);
    double r = fma(n, -ln2_low, fma(n, -ln2_high, x)), sum = 1;
    for (int k = 15; k >= 1; k--) sum = fma(sum, r / k, 1);
    return ldexp(sum, (int)n);
}

double math_pow(double base, double exponent) {
    return math_exp(exponent * math_log(base));
}

/* r = x - n pi/2 with pi/2 in three parts; sin to r^17 / 17!, cos to r^18 / 18!, |r| <= 0.7854. */
void math_sin_cos(double x, double *out_sin, double *out_cos) {
    double n = rint(x * 0x1.45f306dc9c883p-1);
    double r = fma(n, -0x1.921fb54442d18p+0, x);
    r = fma(n, -0x1.1a62633145c07p-54, r);
    r = fma(n, 0x1.f1976b7ed8fbcp-110, r);
    double z = r * r, s = 1, c = 1;
    for (int k = 16; k >= 2; k -= 2) s = fma(-s, z / (k * (k + 1)), 1);
    for (int k = 17; k >= 1; k -= 2) c = fma(-c, z / (k * (k + 1)), 1);
    s *= r;
    switch ((int64_t)n & 3) {
    case 0: *out_sin = s, *out_cos = c; break;
    case 1: *out_sin = c, *out_cos = -s; break;
    case 2: *out_sin = -s, *out_cos = -c; break;
    default: *out_sin = -c, *out_cos = s; break;
    }
}
