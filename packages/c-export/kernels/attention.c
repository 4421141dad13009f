/*
 * Attention of one text, and what it reads and writes. Keys are stored transposed, [kvHeads * headDim, capacity], so that scores are sums over vectors of
 * positions; capacities are multiples of 16.
 */

/* Rotates the two halves of each head. Source: Su et al. 2021 (arXiv:2104.09864), rotate-half layout. cosines and sines [positions, headDim / 2]. */
SLM_UNUSED static void slm_rotate(float *x, int stride, int rows, int start, int heads, int headDim, const float *cosines, const float *sines) {
  int half = headDim / 2, r, h, i;
  for (r = 0; r < rows; r++) {
    const float *c = cosines + (size_t)(start + r) * (size_t)half, *s = sines + (size_t)(start + r) * (size_t)half;
    for (h = 0; h < heads; h++) {
      float *head = x + (size_t)r * (size_t)stride + (size_t)(h * headDim);
      for (i = 0; i < half; i++) {
        float a = head[i], b = head[i + half];
        head[i] = a * c[i] - b * s[i];
        head[i + half] = b * c[i] + a * s[i];
      }
    }
  }
}

/* Writes rows as columns start, start + 1, ... of transposed keys. */
SLM_SMALL static void slm_store_keys(const float *x, int stride, int rows, int start, int width, float *keys, int capacity) {
  int r, i;
  for (r = 0; r < rows; r++)
    for (i = 0; i < width; i++) keys[(size_t)i * (size_t)capacity + (size_t)(start + r)] = x[(size_t)r * (size_t)stride + (size_t)i];
}

/* y = x, [rows, width]. */
SLM_UNUSED static void slm_copy_rows(const float *x, int xStride, int rows, int width, float *y, int yStride) {
  size_t i, n = (size_t)width, whole = n / VL * VL;
  int r;
  for (r = 0; r < rows; r++, x += xStride, y += yStride) {
    for (i = 0; i < whole; i += VL) vf_store(y + i, vf_load(x + i));
    for (i = whole; i < n; i++) y[i] = x[i];
  }
}

/* Writes rows start, start + 1, ... of values. */
SLM_SMALL static void slm_store_values(const float *x, int stride, int rows, int start, int width, float *values) {
  slm_copy_rows(x, stride, rows, width, values + (size_t)start * (size_t)width, width);
}

/* Scores of the keys first to last - 1, in whole vectors; then their softmax in place. `bias[j]` is added to the score of key j. */
SLM_INLINE void slm_scores(const float *query, const float *keys, int capacity, int headDim, int first, int last, float scale, float softcap, const float *bias, float *p) {
  vf top = vf_splat(-1e30f), sum = vf_splat(0.f);
  float most, total;
  int from = first / VL * VL, j, d;
  for (j = from; j < last; j += VL) {
    vf even = vf_splat(0.f), odd = vf_splat(0.f), all;
    for (d = 0; d + 2 <= headDim; d += 2) {
      even = vf_fma(vf_splat(query[d]), vf_load(keys + (size_t)d * (size_t)capacity + j), even);
      odd = vf_fma(vf_splat(query[d + 1]), vf_load(keys + (size_t)(d + 1) * (size_t)capacity + j), odd);
    }
    if (d < headDim) even = vf_fma(vf_splat(query[d]), vf_load(keys + (size_t)d * (size_t)capacity + j), even);
    all = vf_mul(vf_add(even, odd), vf_splat(scale));
    if (softcap > 0.f) all = vf_mul(vf_splat(softcap), vf_tanh(vf_mul(all, vf_splat(1.f / softcap))));
    vf_store(p + j, all);
  }
  if (bias)
    for (j = first; j < last; j++) p[j] += bias[j];
  for (j = from; j < first; j++) p[j] = -1e30f;
  for (j = last; j % VL != 0; j++) p[j] = -1e30f;
  for (j = from; j < last; j += VL) top = vf_max(top, vf_load(p + j));
  most = vf_largest(top);
  for (j = from; j < last; j += VL) {
    vf e = vf_exp(vf_sub(vf_load(p + j), vf_splat(most)));
    vf_store(p + j, e);
    sum = vf_add(sum, e); /* Lanes outside are 1e-38 here, which is lost next to the 1 of the largest score. */
  }
  total = 1.f / vf_sum(sum);
  for (j = from; j < last; j += VL) vf_store(p + j, vf_mul(vf_load(p + j), vf_splat(total)));
}

/* y = sum of p[j] values[j], one head. */
SLM_INLINE void slm_mix(const float *p, const float *values, int stride, int headDim, int first, int last, float *y) {
  size_t n = (size_t)headDim, wide = n / (4 * VL) * (4 * VL), whole = n / VL * VL, d, v;
  int j;
  for (d = 0; d < wide; d += 4 * VL) {
    vf out[4];
    for (v = 0; v < 4; v++) out[v] = vf_splat(0.f);
    for (j = first; j < last; j++)
      for (v = 0; v < 4; v++) out[v] = vf_fma(vf_splat(p[j]), vf_load(values + (size_t)j * (size_t)stride + d + v * VL), out[v]);
    for (v = 0; v < 4; v++) vf_store(y + d + v * VL, out[v]);
  }
  for (d = wide; d < whole; d += VL) {
    vf out = vf_splat(0.f);
    for (j = first; j < last; j++) out = vf_fma(vf_splat(p[j]), vf_load(values + (size_t)j * (size_t)stride + d), out);
    vf_store(y + d, out);
  }
  for (d = whole; d < n; d++) {
    float out = 0.f;
    for (j = first; j < last; j++) out += p[j] * values[(size_t)j * (size_t)stride + d];
    y[d] = out;
  }
}

/*
 * y [rows, heads * headDim] = softmax(scale * query keysT + bias) values, row r at position start + r.
 *
 * A row reads the keys from position - before to position + after, of `count` keys; before and after -1: without a limit there. Query head h reads key head
 * h / group, or h % kvHeads where `modulo`. bias [heads, 2 * reach - 1]: by key minus query position, from 1 - reach on; 0: none. scratch: p [capacity].
 */
SLM_UNUSED static void slm_attend(const float *query, int qStride, int rows, int start, const float *keys, int capacity, const float *values, int vStride, int count, int heads, int kvHeads, int headDim, int modulo, float scale, float softcap, int before, int after, const float *bias, int reach, float *scratch, float *y, int yStride) {
  int r, h;
  for (r = 0; r < rows; r++) {
    int position = start + r;
    int first = before >= 0 && position - before > 0 ? position - before : 0;
    int last = after >= 0 && position + after + 1 < count ? position + after + 1 : count;
    for (h = 0; h < heads; h++) {
      int kv = modulo ? h % kvHeads : h / (heads / kvHeads);
      const float *own = bias ? bias + (size_t)h * (size_t)(2 * reach - 1) + (reach - 1 - position) : 0;
      slm_scores(query + (size_t)r * (size_t)qStride + (size_t)(h * headDim), keys + (size_t)(kv * headDim) * (size_t)capacity, capacity, headDim, first, last, scale, softcap, own, scratch);
      slm_mix(scratch, values + (size_t)(kv * headDim), vStride, headDim, first, last, y + (size_t)r * (size_t)yStride + (size_t)(h * headDim));
    }
  }
}
