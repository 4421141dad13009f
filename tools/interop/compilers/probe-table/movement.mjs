/** Operators that move, select and repeat numbers. */
import { C, I, T, W, base, image, moving, once, sizes } from "./inputs.mjs";

/**
 * @typedef {import("./inputs.mjs").Attributes} Attributes
 * @typedef {import("./inputs.mjs").Row} Row
 */

/** Gathers rows with computed and constant indices. */
const gather = moving(
  [
    { x: [T([8, 6]), I([1, 4])] },
    { x: [T([8, 6]), I([1, 4], "int32")] },
    { x: [T([8, 6]), C([0, 2])] },
    { x: [T([8, 6]), C([0, 2], "int32")] },
    { x: [T([8, 6]), C([1], "int64", [])] },
    { x: [T([8, 6]), C([-1])], a: { axis: 1 } },
    { x: [T([8, 6]), I([], "int64")] },
    { x: [W([8, 6]), I([1, 4])] },
    { x: [W([8, 6]), I([1, 4], "int32")] },
    { x: [T(base), I([2, 2], "int32")], a: { axis: 1 } },
  ],
  (rank) => ({ x: [T(sizes(rank)), I([2], "int32")] }),
  [1, 2, 3, 4, 5, 6],
);

const resize = (
  /** @type {string} */ mode,
  /** @type {string} */ coordinates,
  /** @type {string} */ nearest = "",
) => {
  /** @type {Attributes} */
  const a = {
    mode,
    coordinate_transformation_mode: coordinates,
    ...(nearest === "" ? {} : { nearest_mode: nearest }),
  };
  return [
    { x: [T([1, 4, 8, 8]), null, C([1, 1, 2, 2], "float32")], a },
    { x: [T([1, 4, 8, 8]), null, null, C([1, 4, 4, 12])], a },
  ];
};

/** @type {Readonly<Record<string, Row>>} */
export const MOVEMENT = {
  Reshape: moving(
    [
      { x: [T(base), C([12, 30])] },
      { x: [T(base), C([0, -1])] },
      { x: [T(base), C([3, 4, 5, 6])], a: { allowzero: 1 } },
      { x: [T(base), I([2])] },
    ],
    (rank) => ({ x: [T(sizes(rank)), C([...sizes(rank)].reverse())] }),
  ),
  Transpose: moving(
    [{ perm: [0, 2, 1, 3] }, { perm: [3, 2, 1, 0] }, {}].map((a) => ({ x: [T(base)], a })),
    (rank) => ({ x: [T(sizes(rank))] }),
    [1, 2, 3, 4, 5, 6],
  ),
  Squeeze: moving(
    [
      { x: [T([1, 4, 1, 6]), C([0])] },
      { x: [T([1, 4, 1, 6])] },
      { x: [T([1, 4, 1, 6]), C([-2, 0])] },
      { x: [T([1, 4, 1, 6])], a: { axes: [0] }, opset: 12 },
    ],
    (rank) => ({ x: [T([1, ...sizes(rank - 1)]), C([0])] }),
    [1, 2, 3, 4, 5, 6],
  ),
  Unsqueeze: moving(
    [
      { x: [T([4, 6]), C([0])] },
      { x: [T([4, 6]), C([0, -1])] },
      { x: [T([4, 6])], a: { axes: [0] }, opset: 12 },
      { x: [T([4, 6]), I([1])] },
    ],
    (rank) => ({ x: [T(sizes(rank)), C([0])] }),
    [0, 1, 2, 3, 4, 5],
  ),
  Flatten: moving(
    [{ x: [T(base)] }, { x: [T(base)], a: { axis: 2 } }, { x: [T(base)], a: { axis: 0 } }],
    (rank) => ({ x: [T(sizes(rank))] }),
  ),
  Expand: moving(
    [
      { x: [T([1, 6]), C([4, 6])] },
      { x: [T([6]), C([2, 3, 6])] },
      { x: [T([4, 6]), C([1, 1])] },
      { x: [T([1, 6]), I([2])] },
    ],
    (rank) => ({ x: [T([1, ...sizes(rank - 1)]), C([2, ...sizes(rank - 1)])] }),
    [1, 2, 3, 4, 5, 6],
  ),
  Tile: moving(
    [{ x: [T([4, 6]), C([2, 1])] }, { x: [T([1, 1, 4, 6]), C([1, 3, 1, 1])] }, { x: [T([4, 6]), I([2])] }],
    (rank) => ({ x: [T(sizes(rank)), C(sizes(rank).map(() => 2))] }),
    [1, 2, 3, 4, 5, 6],
  ),
  Concat: moving(
    [
      { x: [T(base), T(base)], a: { axis: 1 } },
      { x: [T(base), T(base), T(base)], a: { axis: -1 } },
      { x: [T(base)], a: { axis: 0 } },
      { x: [T(base), W([3, 1, 5, 6])], a: { axis: 1 } },
    ],
    (rank) => ({ x: [T(sizes(rank)), T(sizes(rank))], a: { axis: 0 } }),
    [1, 2, 3, 4, 5, 6],
  ),
  Split: moving(
    [
      { x: [T(base), C([1, 3])], a: { axis: 1 }, n: 2 },
      { x: [T(base)], a: { axis: 1, num_outputs: 2 }, n: 2, opset: 18 },
      { x: [T(base)], a: { axis: 2, num_outputs: 2 }, n: 2, opset: 18 },
      { x: [T(base)], a: { axis: 1 }, n: 2, opset: 13 },
      { x: [T(base)], a: { axis: 1, split: [1, 3] }, n: 2, opset: 12 },
      { x: [T(base), I([2])], a: { axis: 1 }, n: 2 },
    ],
    (rank) => ({ x: [T(sizes(rank)), C([2, 4])], a: { axis: -1 }, n: 2 }),
    [1, 2, 3, 4, 5, 6],
  ),
  Slice: moving(
    [
      { x: [T(base), C([1]), C([3]), C([2])] },
      { x: [T(base), C([1]), C([3]), C([2]), C([2])] },
      { x: [T(base), C([-1]), C([-9]), C([1]), C([-1])] },
      { x: [T(base), C([0, 0, 0, 1]), C([9, 9, 9, 9])] },
      { x: [T(base), C([1], "int32"), C([3], "int32"), C([2], "int32")] },
      { x: [T(base), I([1]), I([1]), C([2])] },
      { x: [T(base)], a: { axes: [2], starts: [1], ends: [3] }, opset: 9 },
    ],
    (rank) => ({ x: [T(sizes(rank)), C([0]), C([2]), C([-1])] }),
    [1, 2, 3, 4, 5, 6],
  ),
  Gather: gather,
  GatherElements: moving(
    [
      { x: [T([3, 4]), C([0, 1, 2, 0], "int64", [1, 4])] },
      { x: [T([3, 4]), I([1, 4])] },
      { x: [T([3, 4]), I([1, 4], "int32")] },
      { x: [T([3, 4]), C([0, 1, -1], "int64", [3, 1])], a: { axis: 1 } },
    ],
    (rank) => ({ x: [T(sizes(rank)), I(sizes(rank), "int32")] }),
    [1, 2, 3, 4, 5],
  ),
  GatherND: moving(
    [
      { x: [T([3, 4, 6]), C([0, 1, 2, 3], "int64", [2, 2])] },
      { x: [T([3, 4, 6]), I([2, 2])] },
      { x: [T([3, 4, 6]), C([0, 1, 2], "int64", [3, 1])], a: { batch_dims: 1 } },
    ],
    (rank) => ({ x: [T(sizes(rank)), C([0, 1], "int64", [2, 1])] }),
    [1, 2, 3, 4, 5],
  ),
  ScatterElements: moving(
    ["none", "add", "mul", "max", "min"].flatMap((reduction) => [
      { x: [T([3, 4]), C([0, 1, 2, 0], "int64", [1, 4]), T([1, 4])], a: { reduction } },
      { x: [T([3, 4]), I([1, 4], "int32"), T([1, 4])], a: { reduction } },
    ]),
    (rank) => ({ x: [T(sizes(rank)), I(sizes(rank), "int32"), T(sizes(rank))] }),
    [1, 2, 3, 4, 5],
  ),
  ScatterND: moving(
    ["none", "add", "mul", "max", "min"].flatMap((reduction) => [
      { x: [T([4, 6]), C([0, 2], "int64", [2, 1]), T([2, 6])], a: { reduction } },
      { x: [T([4, 6]), I([2, 1]), T([2, 6])], a: { reduction } },
    ]),
    (rank) => ({ x: [T(sizes(rank)), C([0], "int64", [1, 1]), T([1, ...sizes(rank).slice(1)])] }),
    [1, 2, 3, 4, 5],
  ),
  Pad: moving(
    [
      { x: [T(base), C([0, 0, 1, 1, 0, 0, 1, 1]), W([])] },
      { x: [T(base), C([0, 0, 1, 1, 0, 0, 1, 1])] },
      ...["reflect", "edge", "wrap"].map((mode) => ({
        x: [T(base), C([0, 0, 1, 1, 0, 0, 1, 1])],
        a: { mode },
      })),
      { x: [T(base), C([0, 0, -1, 0, 0, 0, 0, -1])] },
      { x: [T(base), C([1, 1]), W([]), C([2])] },
      { x: [T(base), I([8])] },
      { x: [T(base)], a: { pads: [0, 0, 1, 1, 0, 0, 1, 1] }, opset: 10 },
    ],
    (rank) => ({ x: [T(sizes(rank)), C([...sizes(rank), ...sizes(rank)].map(() => 1))] }),
    [1, 2, 3, 4, 5],
  ),
  Trilu: moving(
    [{ x: [T([5, 5])] }, { x: [T([5, 5]), C([1], "int64", [])], a: { upper: 0 } }],
    (rank) => ({ x: [T(sizes(rank))] }),
    [2, 3, 4, 5],
  ),
  DepthToSpace: { uses: ["DCR", "CRD"].map((mode) => ({ x: [T([1, 8, 3, 4])], a: { blocksize: 2, mode } })) },
  SpaceToDepth: { uses: [{ x: [T([1, 2, 4, 6])], a: { blocksize: 2 } }] },
  Resize: {
    uses: [
      ...resize("nearest", "asymmetric", "floor"),
      ...resize("nearest", "half_pixel", "round_prefer_floor"),
      ...resize("nearest", "half_pixel", "round_prefer_ceil"),
      ...resize("nearest", "half_pixel", "ceil"),
      ...resize("nearest", "align_corners", "floor"),
      ...resize("nearest", "pytorch_half_pixel", "floor"),
      ...resize("linear", "half_pixel"),
      ...resize("linear", "align_corners"),
      ...resize("linear", "asymmetric"),
      ...resize("linear", "pytorch_half_pixel"),
      ...resize("cubic", "half_pixel"),
      ...resize("cubic", "align_corners"),
    ],
    rank: (rank) => ({
      x: [T(image(rank)), null, C([1, 1, ...once(rank, 2)], "float32")],
      a: { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
    }),
    ranks: [3, 4, 5],
  },
  Upsample: {
    uses: ["nearest", "linear"].map((mode) => ({
      x: [T([1, 4, 8, 8]), C([1, 1, 2, 2], "float32")],
      a: { mode },
      opset: 9,
    })),
  },
  OneHot: {
    uses: [
      { x: [I([4]), C([6], "int64", []), W([2])] },
      { x: [I([4], "int32"), C([6], "int64", []), W([2])] },
    ],
  },
  ReverseSequence: { uses: [{ x: [T([4, 2, 3]), I([2])] }] },
  Range: { uses: [{ x: [I([], "int64"), I([], "int64"), I([], "int64")] }] },
  Shape: { uses: [{ x: [T(base)] }] },
  NonZero: { uses: [{ x: [T(base)] }] },
  Compress: { uses: [{ x: [T([4, 6]), I([4], "bool")], a: { axis: 0 } }] },
  EyeLike: { uses: [{ x: [T([4, 4])] }] },
  Einsum: {
    uses: [
      { equation: "bij,bjk->bik", x: [T([2, 3, 4]), T([2, 4, 5])] },
      { equation: "ij,jk->ik", x: [T([3, 4]), T([4, 5])] },
      { equation: "bhid,bhjd->bhij", x: [T([1, 2, 3, 4]), T([1, 2, 5, 4])] },
      { equation: "bhwc,hkc->bhwk", x: [T([1, 2, 3, 4]), T([2, 5, 4])] },
      { equation: "ij->ji", x: [T([3, 4])] },
      { equation: "ij,ij->i", x: [T([3, 4]), T([3, 4])] },
      { equation: "bsnh,btnh->bnts", x: [T([1, 3, 2, 4]), T([1, 5, 2, 4])] },
    ].map(({ equation, x }) => ({ x, a: { equation } })),
  },
};
