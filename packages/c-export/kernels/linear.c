/*
 * Products of rows with a weight [n, k]: y = x wT + bias.
 *
 * A weight is stored in panels of 16 outputs. float32: the k inputs of a panel follow each other, each with its 16 outputs. int8: pairs of inputs
 * follow each other, each with 16 outputs of two weights; before the panels come the scales of the outputs, one float32 each, padded to 16.
 *
 * int8 weights are multiplied by int16 activations: each row is scaled so that its largest element is 8191. A sum of 2,048 products is at most
 * 2,048 * 127 * 8,191 = 2,130,446,336, which is below 2^31, so nothing overflows. Longer rows are summed in parts.
 */
#define SLM_PANEL 16
#define SLM_NV (SLM_PANEL / VL)
/* A tile of int8 rows computes as many vectors of a panel at a time as there are registers for their sums. Default: the whole panel. */
#if !defined(SLM_TILE_NV)
#define SLM_TILE_NV SLM_NV
#endif
/* Rows of a tile of floats. Default: the same. */
#if !defined(SLM_FLOAT_ROWS)
#define SLM_FLOAT_ROWS SLM_TILE_ROWS
#endif
#define SLM_LARGEST 8191.f
#define SLM_PART 2048

SLM_INLINE void slm_tile_float(int rows, const float *x, int stride, const float *w, int k, vf out[SLM_TILE_ROWS][SLM_NV]) {
  vf acc[SLM_TILE_ROWS][SLM_NV];
  int r, v, i;
  for (r = 0; r < rows; r++)
    for (v = 0; v < SLM_NV; v++) acc[r][v] = vf_splat(0.f);
  for (i = 0; i < k; i++, w += SLM_PANEL) {
    vf b[SLM_NV];
    for (v = 0; v < SLM_NV; v++) b[v] = vf_load(w + v * VL);
    for (r = 0; r < rows; r++) {
      vf a = vf_splat(x[(size_t)r * (size_t)stride + (size_t)i]);
      for (v = 0; v < SLM_NV; v++) acc[r][v] = vf_fma(a, b[v], acc[r][v]);
    }
  }
  for (r = 0; r < rows; r++)
    for (v = 0; v < SLM_NV; v++) out[r][v] = acc[r][v];
}

/* One row and one panel with four chains of sums, because a chain would wait for itself. */
SLM_INLINE void slm_row_float(const float *x, const float *w, int k, vf out[SLM_NV]) {
  vf acc[4][SLM_NV];
  int v, i, s;
  for (s = 0; s < 4; s++)
    for (v = 0; v < SLM_NV; v++) acc[s][v] = vf_splat(0.f);
  for (i = 0; i + 4 <= k; i += 4)
    for (s = 0; s < 4; s++)
      for (v = 0; v < SLM_NV; v++) acc[s][v] = vf_fma(vf_splat(x[i + s]), vf_load(w + (size_t)(i + s) * SLM_PANEL + v * VL), acc[s][v]);
  for (; i < k; i++)
    for (v = 0; v < SLM_NV; v++) acc[0][v] = vf_fma(vf_splat(x[i]), vf_load(w + (size_t)i * SLM_PANEL + v * VL), acc[0][v]);
  for (v = 0; v < SLM_NV; v++) out[v] = vf_add(vf_add(acc[0][v], acc[1][v]), vf_add(acc[2][v], acc[3][v]));
}

SLM_INLINE int32_t slm_pair(const int16_t *x) {
  int32_t pair;
#if defined(__GNUC__)
  __builtin_memcpy(&pair, x, 4);
#else
  memcpy(&pair, x, 4);
#endif
  return pair;
}

/* Rows of int16 in pairs; `pairs` is at most SLM_PART / 2. Sums of the rows are added to `out` as floats. */
SLM_INLINE void slm_tile_int8(int rows, const int16_t *x, int stride, const int8_t *w, int pairs, vf out[SLM_TILE_ROWS][SLM_NV]) {
  int r, v, i, part;
  for (part = 0; part < SLM_NV; part += SLM_TILE_NV) {
    const int8_t *from = w + part * VL * 2;
    vi acc[SLM_TILE_ROWS][SLM_TILE_NV];
    for (r = 0; r < rows; r++)
      for (v = 0; v < SLM_TILE_NV; v++) acc[r][v] = vi_zero();
    for (i = 0; i < pairs; i++, from += 2 * SLM_PANEL) {
      vw b[SLM_TILE_NV];
      for (v = 0; v < SLM_TILE_NV; v++) b[v] = vw_load(from + v * VL * 2);
      for (r = 0; r < rows; r++) {
        int32_t pair = slm_pair(x + (size_t)r * (size_t)stride + (size_t)(2 * i));
        for (v = 0; v < SLM_TILE_NV; v++) acc[r][v] = vi_dot(acc[r][v], b[v], pair);
      }
    }
    for (r = 0; r < rows; r++)
      for (v = 0; v < SLM_TILE_NV; v++) out[r][part + v] = vf_add(out[r][part + v], vf_of(acc[r][v]));
  }
}

/* One row and one panel with as many chains of sums as fit in registers, because a chain would wait for itself. */
#define SLM_CHAINS (SLM_NV < 8 ? 8 / SLM_NV : 1)
SLM_INLINE void slm_row_int8(const int16_t *x, const int8_t *w, int pairs, vf out[SLM_NV]) {
  vi acc[SLM_CHAINS][SLM_NV];
  int v, i, c;
  for (c = 0; c < SLM_CHAINS; c++)
    for (v = 0; v < SLM_NV; v++) acc[c][v] = vi_zero();
  for (i = 0; i + SLM_CHAINS <= pairs; i += SLM_CHAINS, x += SLM_CHAINS * 2, w += SLM_CHAINS * 2 * SLM_PANEL)
    for (c = 0; c < SLM_CHAINS; c++)
      for (v = 0; v < SLM_NV; v++) acc[c][v] = vi_dot(acc[c][v], vw_load(w + c * 2 * SLM_PANEL + v * VL * 2), slm_pair(x + 2 * c));
  for (c = 0; c < SLM_CHAINS - 1; c++)
    if (i + c < pairs)
      for (v = 0; v < SLM_NV; v++) acc[c][v] = vi_dot(acc[c][v], vw_load(w + c * 2 * SLM_PANEL + v * VL * 2), slm_pair(x + 2 * c));
  for (v = 0; v < SLM_NV; v++) {
    for (c = 1; c < SLM_CHAINS; c++) acc[0][v] = vi_add(acc[0][v], acc[c][v]);
    out[v] = vf_add(out[v], vf_of(acc[0][v]));
  }
}

/* Rows as int16, padded with zeros to `stride`. Writes what 1 stands for in each row to `scales`, and the rows after them. */
SLM_UNUSED static int16_t *slm_quantize_rows(const float *x, int xStride, int rows, int k, int stride, float *scales) {
  int16_t *to = (int16_t *)(void *)(scales + rows);
  int r, i, v;
  for (r = 0; r < rows; r++, x += xStride, to += stride) {
    vf top[4], bottom[4];
    float most, scale;
    for (v = 0; v < 4; v++) top[v] = bottom[v] = vf_splat(0.f);
    for (i = 0; i + 4 * VL <= k; i += 4 * VL)
      for (v = 0; v < 4; v++) {
        top[v] = vf_max(top[v], vf_load(x + i + v * VL));
        bottom[v] = vf_min(bottom[v], vf_load(x + i + v * VL));
      }
    for (; i + VL <= k; i += VL) {
      top[0] = vf_max(top[0], vf_load(x + i));
      bottom[0] = vf_min(bottom[0], vf_load(x + i));
    }
    for (v = 1; v < 4; v++) {
      top[0] = vf_max(top[0], top[v]);
      bottom[0] = vf_min(bottom[0], bottom[v]);
    }
    most = vf_largest(vf_max(vf_max(top[0], vf_sub(vf_splat(0.f), bottom[0])), vf_splat(1e-20f)));
    for (; i < k; i++) most = x[i] > most ? x[i] : -x[i] > most ? -x[i] : most;
    scale = SLM_LARGEST / most;
    for (i = 0; i + VL <= k; i += VL) vf_to_int16(to + i, vf_mul(vf_load(x + i), vf_splat(scale)));
    for (; i < k; i++) to[i] = (int16_t)(x[i] * scale + (x[i] < 0.f ? -0.5f : 0.5f));
    for (; i < stride; i++) to[i] = 0;
    scales[r] = most / SLM_LARGEST;
  }
  return (int16_t *)(void *)(scales + rows);
}

/* The first n of a panel's sums, stored or added. */
SLM_SMALL static void slm_store_part(int n, const float *sums, float *y, int accumulate) {
  int i;
  for (i = 0; i < n; i++) y[i] = accumulate ? y[i] + sums[i] : sums[i];
}

static const float slm_zeros[SLM_PANEL];

/* Adds a panel's bias to its sums, and stores them in y or adds them to it. Only the first `n` are real. */
SLM_INLINE void slm_finish(int n, const vf sums[SLM_NV], const float *bias, float *y, int accumulate) {
  float rest[SLM_PANEL], *to = n < SLM_PANEL ? rest : y;
  const float *before = accumulate && n == SLM_PANEL ? y : slm_zeros; /* Adding zeros costs less than a branch. */
  int v;
  for (v = 0; v < SLM_NV; v++) vf_store(to + v * VL, vf_add(vf_load(before + v * VL), vf_add(sums[v], vf_load(bias + v * VL))));
  if (n < SLM_PANEL) slm_store_part(n, rest, y, accumulate);
}

/* Calls `tile(count, first)` for all rows: at most `most` rows from `first` on. The module, which is downloaded, has fewer copies of the loops. */
#if defined(__wasm__)
#define SLM_TILES(rows, most, tile) \
  for (r = 0; r + most <= (rows); r += most) tile(most, r); \
  for (; r < (rows); r++) tile(1, r);
#elif SLM_TILE_ROWS > 4
#define SLM_TILES(rows, most, tile) \
  for (r = 0; r + most <= (rows); r += most) tile(most, r); \
  for (; r + 4 <= (rows); r += 4) tile(4, r); \
  for (; r + 2 <= (rows); r += 2) tile(2, r); \
  for (; r < (rows); r++) tile(1, r);
#else
#define SLM_TILES(rows, most, tile) \
  for (r = 0; r + most <= (rows); r += most) tile(most, r); \
  for (; r + 2 <= (rows); r += 2) tile(2, r); \
  for (; r < (rows); r++) tile(1, r);
#endif

SLM_INLINE void slm_rows_float(int rows, const float *x, int xStride, const float *w, int k, int n, const float *bias, float *y, int yStride, int accumulate) {
  vf out[SLM_TILE_ROWS][SLM_NV];
  int r;
  if (rows == 1) slm_row_float(x, w, k, out[0]);
  else slm_tile_float(rows, x, xStride, w, k, out);
  for (r = 0; r < rows; r++) slm_finish(n, out[r], bias, y + (size_t)r * (size_t)yStride, accumulate);
}

SLM_INLINE void slm_rows_int8(int rows, const int16_t *x, int stride, const float *rowScales, const int8_t *w, int pairs, int n, const float *scales, const float *bias, float *y, int yStride, int accumulate) {
  vf out[SLM_TILE_ROWS][SLM_NV];
  int r, v, from;
  for (r = 0; r < rows; r++)
    for (v = 0; v < SLM_NV; v++) out[r][v] = vf_splat(0.f);
  for (from = 0; from < pairs; from += SLM_PART / 2) {
    int part = pairs - from < SLM_PART / 2 ? pairs - from : SLM_PART / 2;
    if (rows == 1) slm_row_int8(x + 2 * from, w + (size_t)from * 2 * SLM_PANEL, part, out[0]);
    else slm_tile_int8(rows, x + 2 * from, stride, w + (size_t)from * 2 * SLM_PANEL, part, out);
  }
  for (r = 0; r < rows; r++) {
    for (v = 0; v < SLM_NV; v++) out[r][v] = vf_mul(vf_mul(out[r][v], vf_splat(rowScales[r])), vf_load(scales + v * VL));
    slm_finish(n, out[r], bias, y + (size_t)r * (size_t)yStride, accumulate);
  }
}

static int slm_panels(int n) { return (n + SLM_PANEL - 1) / SLM_PANEL; }

SLM_UNUSED static void slm_linear_float(const float *x, int xStride, int rows, const float *w, int k, int n, const float *bias, float *y, int yStride, int accumulate) {
  int p, r;
  for (p = 0; p < slm_panels(n); p++) {
    const float *panel = w + (size_t)p * (size_t)k * SLM_PANEL, *own = bias ? bias + p * SLM_PANEL : slm_zeros;
    int outputs = n - p * SLM_PANEL < SLM_PANEL ? n - p * SLM_PANEL : SLM_PANEL;
    float *to = y + p * SLM_PANEL;
#define SLM_TILE(count, first) slm_rows_float(count, x + (size_t)(first) * (size_t)xStride, xStride, panel, k, outputs, own, to + (size_t)(first) * (size_t)yStride, yStride, accumulate)
    SLM_TILES(rows, SLM_FLOAT_ROWS, SLM_TILE)
#undef SLM_TILE
  }
}

/* `scratch` holds the rows as int16, k rounded up to even, after their scales, one float each. */
SLM_UNUSED static void slm_linear_int8(const float *x, int xStride, int rows, const float *w, int k, int n, const float *bias, float *y, int yStride, int accumulate, float *scratch) {
  int pairs = (k + 1) / 2, stride = 2 * pairs, panels = slm_panels(n), p, r;
  const int8_t *bytes = (const int8_t *)(const void *)(w + panels * SLM_PANEL);
  int16_t *quantized = slm_quantize_rows(x, xStride, rows, k, stride, scratch);
  for (p = 0; p < panels; p++) {
    const int8_t *panel = bytes + (size_t)p * (size_t)pairs * 2 * SLM_PANEL;
    const float *own = bias ? bias + p * SLM_PANEL : slm_zeros;
    int outputs = n - p * SLM_PANEL < SLM_PANEL ? n - p * SLM_PANEL : SLM_PANEL;
    float *to = y + p * SLM_PANEL;
#define SLM_TILE(count, first) slm_rows_int8(count, quantized + (size_t)(first) * (size_t)stride, stride, scratch + (first), panel, pairs, outputs, w + p * SLM_PANEL, own, to + (size_t)(first) * (size_t)yStride, yStride, accumulate)
    SLM_TILES(rows, SLM_TILE_ROWS, SLM_TILE)
#undef SLM_TILE
  }
}

/* y [rows, width]: rows of a table that is stored as a weight [vocabulary, width]. */
SLM_SMALL static void slm_embed_float(const int32_t *ids, int rows, const float *w, int width, float *y, int yStride) {
  int r, i;
  for (r = 0; r < rows; r++) {
    const float *panel = w + (size_t)(ids[r] / SLM_PANEL) * (size_t)width * SLM_PANEL + ids[r] % SLM_PANEL;
    for (i = 0; i < width; i++) y[(size_t)r * (size_t)yStride + (size_t)i] = panel[(size_t)i * SLM_PANEL];
  }
}
SLM_SMALL static void slm_embed_int8(const int32_t *ids, int rows, const float *w, int width, int vocabulary, float *y, int yStride) {
  const int8_t *bytes = (const int8_t *)(const void *)(w + slm_panels(vocabulary) * SLM_PANEL);
  int pairs = (width + 1) / 2, r, i;
  for (r = 0; r < rows; r++) {
    const int8_t *panel = bytes + (size_t)(ids[r] / SLM_PANEL) * (size_t)pairs * 2 * SLM_PANEL + ids[r] % SLM_PANEL * 2;
    for (i = 0; i < width; i++) y[(size_t)r * (size_t)yStride + (size_t)i] = (float)panel[(size_t)(i / 2) * 2 * SLM_PANEL + (size_t)(i % 2)] * w[ids[r]];
  }
}
