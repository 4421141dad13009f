/** Shape inference of operators that only move elements. */
import type { InferContext, InferRule } from "./context.js";
import {
  areDifferent,
  areEqual,
  axisOf,
  elementsAt,
  isNumber,
  isStatic,
  MAX_ELEMENTS,
  moreSpecific,
  numbersOf,
  productOf,
  sumOf,
  unknownSizes,
  withSize,
  type Dimension,
  type Shape,
} from "./facts.js";

/** A shape of unknown sizes from a computed shape input: its rank is the length of the vector. */
function rankOf(shape: Shape | undefined): Shape | undefined {
  const [length] = shape ?? [];
  return shape?.length === 1 && isNumber(length) ? unknownSizes(length) : undefined;
}

/** Removes common sizes from `from` and `to`, so that both products are divided by the same factors. */
function cancel(from: Shape, to: Shape): { readonly from: Dimension[]; readonly to: Dimension[] } {
  const rest = [...to];
  const left = from.filter((size) => {
    const place = rest.findIndex((other) => areEqual(size, other));
    if (place === -1) return true;
    rest.splice(place, 1);
    return false;
  });
  return { from: left, to: rest };
}

function reshapeTo(c: InferContext, wanted: readonly Dimension[]): Shape | undefined {
  const input = c.shape(0);
  const keepsZero = c.int("allowzero", 0) === 1;
  const sizes = wanted.map((size, axis) => {
    if (size !== 0 || keepsZero) return size;
    return input === undefined ? "" : (input[axis] ?? "");
  });
  const free = sizes.indexOf(-1);
  if (free === -1) {
    if (input !== undefined && areDifferent(productOf(input), productOf(sizes)))
      c.problem(`[${input.join(",")}] does not have as many elements as [${sizes.join(",")}]`);
    return sizes;
  }
  if (sizes.lastIndexOf(-1) !== free) {
    c.problem(`at most one size can be -1, got [${sizes.join(",")}]`);
    return undefined;
  }
  if (input === undefined) return withSize(sizes, free, "");
  const { from, to } = cancel(
    input,
    sizes.filter((_, axis) => axis !== free),
  );
  return withSize(sizes, free, quotient(c, productOf(from), productOf(to)));
}

function quotient(c: InferContext, total: Dimension, part: Dimension): Dimension {
  if (part === 1) return total;
  if (!isNumber(total) || !isNumber(part) || part === 0) return "";
  if (total % part === 0) return total / part;
  c.problem(`${total} elements are not a multiple of ${part}`);
  return "";
}

const reshape: InferRule = (c) => {
  const { dtype, elements } = c.input(0);
  const wanted = c.ints("shape") ?? c.input(1).elements;
  const shape = wanted === undefined ? rankOf(c.shape(1)) : reshapeTo(c, wanted);
  return [{ dtype, shape, elements }];
};

const flatten: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  if (shape === undefined) return [{ dtype, shape: unknownSizes(2) }];
  const given = c.int("axis", 1);
  const axis = given < 0 ? given + shape.length : given;
  return [{ dtype, shape: [productOf(shape.slice(0, axis)), productOf(shape.slice(axis))] }];
};

const transpose: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  const perm = c.ints("perm");
  if (shape === undefined) return [{ dtype, shape: perm && unknownSizes(perm.length) }];
  const order = perm ?? [...shape.keys()].reverse();
  if (order.length !== shape.length || order.some((axis) => axisOf(axis, shape.length) === undefined)) {
    c.problem(`perm [${order.join(",")}] of a tensor with ${shape.length} axes`);
    return [{ dtype }];
  }
  const result = order.map((axis) => shape[axis] ?? "");
  const elements = elementsAt(c.input(0), result, (place) =>
    shape.map((_, axis) => place[order.indexOf(axis)]!),
  );
  return [{ dtype, shape: result, elements }];
};

const squeeze: InferRule = (c) => {
  const { dtype, shape, elements } = c.input(0);
  const axes = c.list("axes", 1);
  if (shape === undefined || axes === "unknown") return [{ dtype, elements }];
  if (axes === undefined) {
    // All axes of size 1 are removed; they are known only for a static shape.
    return [{ dtype, shape: isStatic(shape) ? shape.filter((size) => size !== 1) : undefined, elements }];
  }
  const gone = new Set(axes.map((axis) => axisOf(axis, shape.length)));
  const wrong = axes.find((axis) => {
    const place = axisOf(axis, shape.length);
    return place === undefined || areDifferent(shape[place]!, 1);
  });
  if (wrong !== undefined) c.problem(`axis ${wrong} of [${shape.join(",")}] is not of size 1`);
  return [{ dtype, shape: shape.filter((_, axis) => !gone.has(axis)), elements }];
};

const unsqueeze: InferRule = (c) => {
  const { dtype, shape, elements } = c.input(0);
  const axes = c.list("axes", 1);
  if (shape === undefined || axes === undefined || axes === "unknown") return [{ dtype, elements }];
  const rank = shape.length + axes.length;
  const added = new Set(axes.map((axis) => axisOf(axis, rank)));
  if (added.size !== axes.length || added.has(undefined)) {
    c.problem(`axes [${axes.join(",")}] of a tensor with ${rank} axes`);
    return [{ dtype }];
  }
  const rest = [...shape];
  const result = Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (rest.shift() ?? "")));
  return [{ dtype, shape: result, elements }];
};

const expand: InferRule = (c) => {
  const { dtype, shape, elements } = c.input(0);
  const wanted = c.input(1).elements;
  if (wanted === undefined) {
    const rank = rankOf(c.shape(1))?.length;
    return [
      {
        dtype,
        shape:
          rank === undefined || shape === undefined ? undefined : unknownSizes(Math.max(rank, shape.length)),
      },
    ];
  }
  const target = wanted.map((size) => (size === -1 ? 1 : size));
  const rank = Math.max(target.length, shape?.length ?? 0);
  if (shape === undefined) return [{ dtype, shape: target.length === 0 ? undefined : unknownSizes(rank) }];
  const result = Array.from({ length: rank }, (_, index): Dimension => {
    const have = shape[shape.length - rank + index] ?? 1;
    const want = target[target.length - rank + index] ?? 1;
    if (have === 1) return want;
    if (want === 1) return have;
    if (areDifferent(have, want)) c.problem(`[${shape.join(",")}] does not expand to [${target.join(",")}]`);
    return isNumber(have) ? have : isNumber(want) ? want : areEqual(have, want) ? have : "";
  });
  const isOne = elements?.length === 1 && result.length === 1 && isNumber(result[0]);
  const count = isOne ? (result[0] as number) : 0;
  const repeated =
    isOne && count <= MAX_ELEMENTS ? Array.from({ length: count }, () => elements[0]!) : undefined;
  return [{ dtype, shape: result, elements: repeated }];
};

const tile: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  const repeats = c.input(1).elements;
  if (shape === undefined) return [{ dtype, shape: rankOf(c.shape(1)) }];
  return [{ dtype, shape: shape.map((size, axis) => productOf([size, repeats?.[axis] ?? ""])) }];
};

const concat: InferRule = (c) => {
  const known = c.inputs.map(({ shape }) => shape).filter((shape) => shape !== undefined);
  const [first] = known;
  const dtype = c.inputs.find((facts) => facts.dtype !== undefined)?.dtype;
  if (first === undefined) return [{ dtype }];
  const axis = c.axis("axis", 1, first.length);
  if (axis === undefined) return [{ dtype }];
  const clash = known.find(
    (shape) =>
      shape.length !== first.length ||
      shape.some((size, place) => place !== axis && areDifferent(size, first[place]!)),
  );
  if (clash !== undefined) {
    c.problem(`[${first.join(",")}] and [${clash.join(",")}] cannot be joined along axis ${axis}`);
    return [{ dtype }];
  }
  const merged = first.map((_, place) =>
    place === axis
      ? known.length === c.inputs.length
        ? sumOf(known.map((shape) => shape[axis]!))
        : ""
      : known.map((shape) => shape[place]!).reduce(moreSpecific),
  );
  const parts = c.inputs.map(({ elements }) => elements);
  const all = parts.every((part) => part !== undefined) ? parts.flat() : undefined;
  const elements = first.length === 1 && all !== undefined && all.length <= MAX_ELEMENTS ? all : undefined;
  return [{ dtype, shape: merged, elements }];
};

const split: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  const outputs = c.node.outputs.length;
  const axis = shape && c.axis("axis", 0, shape.length);
  if (shape === undefined || axis === undefined) return c.node.outputs.map(() => ({ dtype }));
  const given = c.list("split", 1);
  const size = shape[axis]!;
  const sizes = (index: number): Dimension => {
    if (given === "unknown") return "";
    if (given !== undefined) return given[index] ?? "";
    if (!isNumber(size)) return outputs === 1 ? size : "";
    const chunk = Math.ceil(size / outputs); // The last part is smaller if the size is not divisible (opset 18).
    const last = size - (outputs - 1) * chunk;
    if (last < 0) return ""; // Too many parts: possible in a branch that is never taken.
    return index === outputs - 1 ? last : chunk;
  };
  if (given !== undefined && given !== "unknown" && areDifferent(sumOf(given), size))
    c.problem(`parts of ${given.join(" + ")} for an axis of ${size}`);
  return c.node.outputs.map((_, index) => ({ dtype, shape: withSize(shape, axis, sizes(index)) }));
};

/** Pads are listed as all starts, then all ends. */
const pad: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  if (shape === undefined) return [{ dtype }];
  const pads = c.ints("pads") ?? c.ints("paddings") ?? numbersOf(c.input(1));
  const axes = c.has(3) ? numbersOf(c.input(3)) : [...shape.keys()];
  if (pads === undefined || axes === undefined) return [{ dtype, shape: unknownSizes(shape.length) }];
  if (pads.length !== 2 * axes.length) {
    c.problem(`${pads.length} pads for ${axes.length} axes`);
    return [{ dtype, shape: unknownSizes(shape.length) }];
  }
  const added = new Map(
    axes.map((axis, index) => [axisOf(axis, shape.length), pads[index]! + pads[index + axes.length]!]),
  );
  return [{ dtype, shape: shape.map((size, axis) => sumOf([size, added.get(axis) ?? 0])) }];
};

const depthToSpace: InferRule = (c) =>
  blocks(c, (b, [n, d, h, w]) => [n, over(d, b * b), productOf([h, b]), productOf([w, b])]);
const spaceToDepth: InferRule = (c) =>
  blocks(c, (b, [n, d, h, w]) => [n, productOf([d, b * b]), over(h, b), over(w, b)]);

type Four = readonly [Dimension, Dimension, Dimension, Dimension];

const over = (size: Dimension, part: number): Dimension =>
  isNumber(size) && size % part === 0 ? size / part : "";

function blocks(c: InferContext, sizes: (block: number, shape: Four) => Shape): ReturnType<InferRule> {
  const { dtype, shape } = c.input(0);
  const [n = "", d = "", h = "", w = ""] = shape ?? [];
  return [{ dtype, shape: sizes(c.int("blocksize", 1), [n, d, h, w]) }];
}

export const LAYOUT: Readonly<Record<string, InferRule>> = {
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Expand: expand,
  Tile: tile,
  Concat: concat,
  Split: split,
  Pad: pad,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
