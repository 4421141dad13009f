/* Largest errors of the kernels' functions against libm in double precision: relative for exp, absolute for the others. */
#include "kernels.h"
#include <math.h>
#include <stdio.h>

#define LARGER(error, value) do { double e_ = fabs(value); if (!(e_ <= error)) error = e_; } while (0)

int main(void) {
  double exponential = 0, hyperbolic = 0, gaussian = 0;
  int i, v;
  for (i = -870000; i <= 880000; i++) {
    float in[VL], out[VL], x = (float)i * 1e-4f;
    for (v = 0; v < VL; v++) in[v] = x;
    vf_store(out, vf_exp(vf_load(in)));
    LARGER(exponential, out[0] / exp((double)x) - 1);
    vf_store(out, vf_tanh(vf_load(in)));
    LARGER(hyperbolic, out[0] - tanh((double)x));
    vf_store(out, vf_erf(vf_load(in)));
    LARGER(gaussian, out[0] - erf((double)x));
  }
  printf("%g %g %g\n", exponential, hyperbolic, gaussian);
  return 0;
}
