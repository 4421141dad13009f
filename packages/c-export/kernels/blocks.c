/*
 * Products of rows with an int4 weight [n, k], in blocks of 32 inputs.
 *
 * A weight is stored in panels of 16 outputs, and a panel in blocks: 16 scales, the upper 16 bits of a float32 each, then the codes from -8 to 7, stored as 8 + code. Eight inputs
 * i to i + 7 of the 16 outputs take 64 bytes: byte 4 * output + e has input i + e in its low four bits, and input i + 4 + e in its high four bits. The last
 * block ends after the last eight inputs; inputs that do not exist have any code.
 *
 * Codes are multiplied as 16 times their value, since four high bits are read without a shift. A sum of a block is at most 16 * 32 * 8 * 8,191 = 33,550,336, so
 * nothing overflows. Each block's sum is multiplied by its scale as a float, and the sum of all blocks by 1 / 16, which rounds nothing.
 */
#define SLM_BLOCK 32
#define SLM_OCTETS (SLM_BLOCK / 8)

/* Bytes of a panel. */
static size_t slm_int4_panel(int k) { return (size_t)((k + SLM_BLOCK - 1) / SLM_BLOCK * 2 + (k + 7) / 8 * 4) * SLM_PANEL; }

/* Rows of activations in groups of eight. Sums of the rows, times 16, are added to `out`. excess: of the rows, `blocks` apart */
SLM_INLINE void slm_tile_int4(int rows, const int16_t *x, int stride, const int32_t *excess, int blocks, const uint8_t *w, int octets, vf out[SLM_TILE_ROWS][SLM_NV]) {
  int r, v, i, j, part;
  for (; octets > 0; octets -= SLM_OCTETS, x += SLM_BLOCK, excess++) {
    const uint16_t *scales = (const uint16_t *)(const void *)w;
    int here = octets < SLM_OCTETS ? octets : SLM_OCTETS;
    w += 2 * SLM_PANEL;
    for (part = 0; part < SLM_NQ; part += SLM_TILE_NQ) {
      const uint8_t *from = w + part * QL * 4;
      vs acc[SLM_TILE_ROWS][SLM_TILE_NQ];
      for (r = 0; r < rows; r++)
        for (v = 0; v < SLM_TILE_NQ; v++) acc[r][v] = vs_zero();
      for (i = 0; i < here; i++, from += 4 * SLM_PANEL)
        for (v = 0; v < SLM_TILE_NQ; v++) {
          vq low = vq_low(from + v * QL * 4), high = vq_high(from + v * QL * 4);
          for (r = 0; r < rows; r++) {
            const int16_t *eight = x + (size_t)r * (size_t)stride + (size_t)(8 * i);
            vs_dot(&acc[r][v], low, eight);
            vs_dot(&acc[r][v], high, eight + 4);
          }
        }
      for (r = 0; r < rows; r++)
        for (v = 0; v < SLM_TILE_NQ; v++) {
          vf sums[QL / VL];
          vs_floats(acc[r][v], excess[r * blocks], sums);
          for (j = 0; j < QL / VL; j++) {
            int at = (part + v) * (QL / VL) + j;
            out[r][at] = vf_fma(sums[j], vf_load_upper(scales + at * VL), out[r][at]);
          }
        }
    }
    w += here * 4 * SLM_PANEL;
  }
}

SLM_INLINE void slm_rows_int4(int rows, const int16_t *x, int stride, const float *rowScales, const int32_t *excess, int blocks, const uint8_t *w, int octets, int n, const float *bias, float *y, int yStride, int accumulate) {
  vf out[SLM_TILE_ROWS][SLM_NV];
  int r, v;
  for (r = 0; r < rows; r++)
    for (v = 0; v < SLM_NV; v++) out[r][v] = vf_splat(0.f);
  slm_tile_int4(rows, x, stride, excess, blocks, w, octets, out);
  for (r = 0; r < rows; r++) {
    for (v = 0; v < SLM_NV; v++) out[r][v] = vf_mul(out[r][v], vf_splat(rowScales[r] * 0.0625f));
    slm_finish(n, out[r], bias, y + (size_t)r * (size_t)yStride, accumulate);
  }
}

/* `scratch` holds what slm_quantize_rows writes for SLM_ROWS rows; stride is k rounded up to a multiple of 8. */
SLM_UNUSED static void slm_linear_int4(const float *x, int xStride, int rows, const float *w, int k, int n, const float *bias, float *y, int yStride, int accumulate, float *scratch) {
  int octets = (k + 7) / 8, stride = 8 * octets, blocks = (k + SLM_BLOCK - 1) / SLM_BLOCK, p, r;
  for (; rows > 0; rows -= SLM_ROWS, x += (size_t)SLM_ROWS * (size_t)xStride, y += (size_t)SLM_ROWS * (size_t)yStride) {
    int some = rows < SLM_ROWS ? rows : SLM_ROWS;
    const uint8_t *panel = (const uint8_t *)(const void *)w;
    const int32_t *excess = (const int32_t *)(const void *)(scratch + some);
    int16_t *quantized = slm_quantize_rows(x, xStride, some, k, stride, SLM_BLOCK, scratch);
    for (p = 0; p < slm_panels(n); p++, panel += slm_int4_panel(k)) {
      const float *own = bias ? bias + p * SLM_PANEL : slm_zeros;
      int outputs = n - p * SLM_PANEL < SLM_PANEL ? n - p * SLM_PANEL : SLM_PANEL;
      float *to = y + p * SLM_PANEL;
#define SLM_TILE(count, first) slm_rows_int4(count, quantized + (size_t)(first) * (size_t)stride, stride, scratch + (first), excess + (first) * blocks, blocks, panel, octets, outputs, own, to + (size_t)(first) * (size_t)yStride, yStride, accumulate)
      SLM_TILES(some, SLM_TILE_ROWS, SLM_TILE)
#undef SLM_TILE
    }
  }
}

/* y [rows, width]: rows of a table that is stored as a weight [vocabulary, width]. */
SLM_SMALL static void slm_embed_int4(const int32_t *ids, int rows, const float *w, int width, float *y, int yStride) {
  int r, i;
  for (r = 0; r < rows; r++) {
    const uint8_t *at = (const uint8_t *)(const void *)w + (size_t)(ids[r] / SLM_PANEL) * slm_int4_panel(width);
    int output = ids[r] % SLM_PANEL;
    float scale = 0.f;
    for (i = 0; i < width; i++) {
      int code;
      if (i % SLM_BLOCK == 0) {
        union { float f; uint32_t u; } value;
        value.u = (uint32_t)((const uint16_t *)(const void *)at)[output] << 16;
        scale = value.f;
        at += 2 * SLM_PANEL;
      }
      code = at[4 * output + i % 4];
      y[(size_t)r * (size_t)yStride + (size_t)i] = (float)((i % 8 < 4 ? code & 15 : code / 16) - 8) * scale;
      if (i % 8 == 7) at += 4 * SLM_PANEL;
    }
  }
}
