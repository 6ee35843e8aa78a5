/* SPDX-License-Identifier: Apache-2.0
 * log, exp, pow, sin and cos in double precision: our own, in plain arithmetic and explicit fma, so
 * that every machine gives the same bits. For rotary tables and logarithms of sums, where one call
 * serves a whole row. tests/unit/compute/test_math.c measures the errors stated here. */
#ifndef COTRAIN_COMPUTE_MATH64_H
#define COTRAIN_COMPUTE_MATH64_H

/* Relative error below 2^-50; x > 0 and normal, else the C rules for 0, negative, infinity, NaN. */
double math_log(double x);
/* Relative error below 2^-50 for |x| <= 700; 0 below -745, infinity above 710. */
double math_exp(double x);
/* base > 0: exp(exponent log(base)), relative error below (1 + |exponent log base|) 2^-50. */
double math_pow(double base, double exponent);
/* Absolute and relative error below 2^-50 for |x| <= 2^17. */
void math_sin_cos(double x, double *out_sin, double *out_cos);

#endif
