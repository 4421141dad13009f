/*
 * The most probable token, from its logits.
 */

/* The first of the highest of n numbers. @returns -1 if there is none, because all are NaN */
SLM_UNUSED static int slm_highest(const float *x, int n) {
  vf top[4];
  float most;
  int i, v;
  for (v = 0; v < 4; v++) top[v] = vf_splat(x[0]);
  for (i = 0; i + 4 * VL <= n; i += 4 * VL)
    for (v = 0; v < 4; v++) top[v] = vf_max(vf_load(x + i + v * VL), top[v]); /* NaN is passed over. */
  most = vf_largest(vf_max(vf_max(top[0], top[1]), vf_max(top[2], top[3])));
  for (; i < n; i++) most = x[i] > most ? x[i] : most;
  for (i = 0; i < n; i++)
    if (x[i] == most) return i;
  return -1;
}

/* The sum of e^(x - most) over n numbers, with a relative error below 2e-6. NaN if a number is NaN or INFINITY; -INFINITY adds nothing. */
SLM_UNUSED static float slm_exp_sum(const float *x, int n, float most) {
  vf sum = vf_splat(0.f), strange = vf_splat(0.f);
  int i, j;
  for (i = 0; i < n; i += VL) {
    float rest[VL];
    const float *at = x + i;
    vf value;
    if (n - i < VL) {
      for (j = 0; j < VL; j++) rest[j] = i + j < n ? x[i + j] : -3e38f;
      at = rest;
    }
    value = vf_max(vf_splat(-3e38f), vf_load(at)); /* NaN stays NaN. */
    strange = vf_add(strange, vf_sub(value, value)); /* 0, or NaN */
    sum = vf_add(sum, vf_exp(vf_sub(value, vf_splat(most))));
  }
  return vf_sum(vf_add(sum, strange));
}
