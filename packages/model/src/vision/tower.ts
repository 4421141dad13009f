/**
 * A vision transformer (ViT) over patches, and the projector to the model's width. Positions are learned and added once, so
 * attention has no rotation: it is computed as cross-attention of the patches with themselves.
 *
 * ```
 * patches [batch, tokens, patchValues] -> (norm) -> linear -> + positions -> (norm)
 *   -> (convolutions: x + activation(convolution(norm(x))))
 *   -> layers: x + attention(norm(x)), x + down(activation(up(norm(x)))) -> (norm) -> (without the class token)
 *   -> (pool) -> linear -> gelu -> linear: image tokens [batch, imageTokens, width]
 * ```
 */
import {
  add,
  crossAttention,
  crossKey,
  crossValue,
  gelu,
  layerNorm,
  mixTokens,
  quickGelu,
  scope,
  tokensFrom,
  type HeadLayout,
  type Tensor,
} from "@slm/tensor";
import { parameter, project, type Parameters } from "../layers/blocks.js";
import {
  patchGrid,
  type VisionConfig,
  type VisionTower,
  type VisionProjector,
} from "../config/vision-config.js";
import { convolve } from "./convolution.js";
import { CONVOLUTION, PROJECTOR, TOWER } from "../parameters/vision-parameters.js";

// Pools a grid of tokens with one product with a constant matrix; rows and columns are pooled independently.

type Pool = NonNullable<VisionProjector["pool"]>;
/** Weights of one axis: `[outputs][inputs]`. */
type AxisWeights = (inputs: number, outputs: number) => number[][];

const AXIS: Readonly<Record<Pool["kind"], AxisWeights>> = {
  // Bins overlap if their number does not divide the axis. Source: PyTorch's adaptive_avg_pool2d.
  average: (inputs, outputs) =>
    rows(inputs, outputs, (output, weights) => {
      const from = Math.floor((output * inputs) / outputs);
      const to = Math.ceil(((output + 1) * inputs) / outputs);
      weights.fill(1 / (to - from), from, to);
    }),
  // Centres of outputs between centres of inputs, no antialiasing. Source: PyTorch's interpolate, align_corners false.
  bilinear: (inputs, outputs) =>
    rows(inputs, outputs, (output, weights) => {
      const at = Math.max(0, ((output + 0.5) * inputs) / outputs - 0.5);
      const low = Math.floor(at);
      const high = Math.min(inputs - 1, low + 1);
      weights[low] = weights[low]! + 1 - (at - low);
      weights[high] = weights[high]! + at - low;
    }),
};

function rows(
  inputs: number,
  outputs: number,
  fill: (output: number, weights: number[]) => void,
): number[][] {
  return Array.from({ length: outputs }, (_, output) => {
    const weights = new Array<number>(inputs).fill(0);
    fill(output, weights);
    return weights;
  });
}

/** Weights of every pooled token over the tokens of a grid, both in row-major order: `[pool.height · pool.width, height · width]`. */
function poolWeights(
  grid: { readonly height: number; readonly width: number },
  pool: Pool,
): { readonly weights: Float32Array; readonly outputs: number } {
  const down = AXIS[pool.kind](grid.height, pool.height);
  const across = AXIS[pool.kind](grid.width, pool.width);
  const values = down.flatMap((rowWeights) =>
    across.flatMap((columnWeights) =>
      rowWeights.flatMap((row) => columnWeights.map((column) => row * column)),
    ),
  );
  return { weights: Float32Array.from(values), outputs: pool.height * pool.width };
}

const ACTIVATIONS = { gelu, quickGelu } as const;

/**
 * The output of a tower for images.
 *
 * Shapes: patches float32 `[batch, towerTokens, patchValues]`, in the layout of `towerInput` -> `[batch, tokens, tower.width]`.
 * Source: Dosovitskiy et al. 2021 (arXiv:2010.11929); CLIP's and SigLIP's layouts as in transformers 4.57.
 */
export function runTower(tower: VisionTower, parameters: Parameters, patches: Tensor): Tensor {
  return scope("tower", () => {
    const seen = tower.patchNorm === true ? norm(tower, parameters, `${TOWER}.patchNorm`, patches) : patches;
    const embedded = project(parameters, `${TOWER}.patch`, seen);
    let x = add({ a: embedded, b: parameter(parameters, `${TOWER}.positions`) }, {});
    if (tower.inputNorm) x = norm(tower, parameters, `${TOWER}.inputNorm`, x);
    for (let index = 0; index < (tower.convolution?.layers ?? 0); index++) {
      x = scope(`convolution.${index}`, () =>
        neighbours(tower, parameters, `${CONVOLUTION}.layers.${index}`, x),
      );
    }
    for (let index = 0; index < tower.layers; index++) {
      x = scope(`layers.${index}`, () => layer(tower, parameters, `${TOWER}.layers.${index}`, x));
    }
    if (tower.outputNorm) x = norm(tower, parameters, `${TOWER}.outputNorm`, x);
    return tower.classToken === "dropped" ? tokensFrom({ x }, { first: 1 }) : x;
  });
}

/** Image tokens, which the encoder reads before its text: `[batch, imageTokens, width]`. */
export function imageEmbeddings(config: VisionConfig, parameters: Parameters, patches: Tensor): Tensor {
  return scope("vision", () => {
    const found = runTower(config.tower, parameters, patches);
    return scope("projector", () => {
      const { pool } = config.projector;
      const x =
        pool === undefined ? found : mixTokens({ x: found }, poolWeights(patchGrid(config.tower), pool));
      const hidden = gelu({ x: project(parameters, `${PROJECTOR}.first`, x) }, {});
      return project(parameters, `${PROJECTOR}.second`, hidden);
    });
  });
}

function norm({ normEpsilon }: VisionTower, parameters: Parameters, name: string, x: Tensor): Tensor {
  const weight = parameter(parameters, `${name}.weight`);
  const bias = parameter(parameters, `${name}.bias`);
  return scope(name.slice(name.lastIndexOf(".") + 1), () =>
    layerNorm({ x, weight, bias }, { epsilon: normEpsilon }),
  );
}

/** x + activation(convolution(norm(x))). */
function neighbours(tower: VisionTower, parameters: Parameters, name: string, x: Tensor): Tensor {
  const normed = norm(tower, parameters, `${name}.norm`, x);
  const read = convolve(parameters, name, normed, patchGrid(tower), tower.convolution!);
  return add({ a: x, b: ACTIVATIONS[tower.activation]({ x: read }, {}) }, {});
}

function layer(tower: VisionTower, parameters: Parameters, name: string, x: Tensor): Tensor {
  const attended = add({ a: x, b: attention(tower, parameters, name, x) }, {});
  const normed = norm(tower, parameters, `${name}.feedForwardNorm`, attended);
  const inner = scope("feedForward", () => {
    const up = project(parameters, `${name}.feedForward.up`, normed);
    return project(parameters, `${name}.feedForward.down`, ACTIVATIONS[tower.activation]({ x: up }, {}));
  });
  return add({ a: attended, b: inner }, {});
}

function attention(tower: VisionTower, parameters: Parameters, name: string, x: Tensor): Tensor {
  const { heads, width } = tower;
  const layout: HeadLayout = { heads, kvHeads: heads, headDim: width / heads, headOrder: "grouped" };
  const normed = norm(tower, parameters, `${name}.attentionNorm`, x);
  return scope("attention", () => {
    const part = (which: string): Tensor => project(parameters, `${name}.attention.${which}`, normed);
    const key = crossKey({ x: part("key") }, layout);
    const value = crossValue({ x: part("value") }, layout);
    return project(
      parameters,
      `${name}.attention.output`,
      crossAttention({ query: part("query"), key, value }, layout),
    );
  });
}
