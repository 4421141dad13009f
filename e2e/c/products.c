/*
 * Prints products of rows with a weight. Standard input: 1 for int4 weights, rows, inputs, outputs, the elements of the rows, and the number of the weight's
 * bytes and each of them.
 */
#include "kernels.h"
#include <stdio.h>
#include <stdlib.h>

static int next(void) {
  int value;
  if (scanf("%d", &value) != 1) exit(1);
  return value;
}

/* From malloc, so that a sanitizer knows its end. */
static float *floats(int count) {
  float *block = malloc(sizeof(float) * (size_t)count);
  if (block == NULL) exit(1);
  return block;
}

int main(void) {
  int is_int4 = next(), rows = next(), k = next(), n = next(), bytes, i;
  float *x = floats(rows * k), *y = floats(rows * n), *scratch = floats(rows * (1 + (k + 31) / 32 + (k + 7) / 8 * 4)), *weight;
  for (i = 0; i < rows * k; i++) x[i] = (float)next();
  bytes = next();
  weight = floats(bytes / 4);
  for (i = 0; i < bytes; i++) ((unsigned char *)(void *)weight)[i] = (unsigned char)next();
  if (is_int4) slm_linear_int4(x, k, rows, weight, k, n, NULL, y, n, 0, scratch);
  else slm_linear_int8(x, k, rows, weight, k, n, NULL, y, n, 0, scratch);
  for (i = 0; i < rows * n; i++) printf("%.0f ", (double)y[i]);
  free(x);
  free(y);
  free(scratch);
  free(weight);
  return 0;
}
