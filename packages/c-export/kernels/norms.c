/*
 * Norms of rows, or of the heads of rows.
 */

/* y = x / sqrt(mean(x^2) + epsilon) * gain for each of `groups` parts of `width` elements of a row. Without gain it is part of the weights that follow. */
SLM_UNUSED static void slm_rms_norm(const float *x, int xStride, int rows, int groups, int width, const float *gain, float epsilon, float *y, int yStride) {
  size_t i, v, n = (size_t)width, whole = n / VL * VL, wide = n / (4 * VL) * (4 * VL);
  int r, g;
  for (r = 0; r < rows; r++)
    for (g = 0; g < groups; g++) {
      const float *from = x + (size_t)r * (size_t)xStride + (size_t)(g * width);
      float *to = y + (size_t)r * (size_t)yStride + (size_t)(g * width);
      vf squares[4];
      float total, scale;
      for (v = 0; v < 4; v++) squares[v] = vf_splat(0.f);
      for (i = 0; i < wide; i += 4 * VL)
        for (v = 0; v < 4; v++) squares[v] = vf_fma(vf_load(from + i + v * VL), vf_load(from + i + v * VL), squares[v]);
      for (; i < whole; i += VL) squares[0] = vf_fma(vf_load(from + i), vf_load(from + i), squares[0]);
      total = vf_sum(vf_add(vf_add(squares[0], squares[1]), vf_add(squares[2], squares[3])));
      for (i = whole; i < n; i++) total += from[i] * from[i];
      scale = 1.f / slm_sqrt(total / (float)width + epsilon);
      for (i = 0; i < whole; i += VL) {
        vf value = vf_mul(vf_load(from + i), vf_splat(scale));
        vf_store(to + i, gain ? vf_mul(value, vf_load(gain + i)) : value);
      }
      for (i = whole; i < n; i++) to[i] = from[i] * scale * (gain ? gain[i] : 1.f);
    }
}

/* y = (x - mean) / sqrt(variance + epsilon) * gain + bias; without gain and bias they are part of the weights that follow. */
SLM_UNUSED static void slm_layer_norm(const float *x, int xStride, int rows, int width, const float *gain, const float *bias, float epsilon, float *y, int yStride) {
  size_t i, n = (size_t)width;
  int r;
  for (r = 0; r < rows; r++) {
    const float *from = x + (size_t)r * (size_t)xStride;
    float *to = y + (size_t)r * (size_t)yStride;
    float mean = 0.f, variance = 0.f, scale;
    for (i = 0; i < n; i++) mean += from[i];
    mean /= (float)width;
    for (i = 0; i < n; i++) variance += (from[i] - mean) * (from[i] - mean);
    scale = 1.f / slm_sqrt(variance / (float)width + epsilon);
    for (i = 0; i < n; i++) to[i] = (from[i] - mean) * scale * (gain ? gain[i] : 1.f) + (bias ? bias[i] : 0.f);
  }
}
