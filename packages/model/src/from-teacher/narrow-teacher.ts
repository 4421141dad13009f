/** Narrows a teacher (state dimensions, heads, neurons), so that a narrower student can start from it. */
import { SlmError } from "@slm/core";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import type { DecoderOnlyConfig, ModelConfig } from "../config/config.js";
import { EMBEDDING_WEIGHT, HEAD_WEIGHT, headWeight, parameterSpecs } from "../parameters/parameters.js";
import { toFloat32 } from "../parameters/weights.js";
import { chosenHeads, chosenNeurons, type Cuts } from "./cut-branches.js";
import { rotation, selection, type StreamBasis } from "./stream-basis.js";
import type { DecoderOnlyModel } from "./student-weights.js";
import { normNames, type TeacherStatistics } from "./teacher-statistics.js";

type Sizes = Pick<ModelConfig, "width" | "heads" | "kvHeads" | "feedForward" | "tieWordEmbeddings">;

/** Whether a student has fewer state dimensions, heads or neurons than its teacher. */
export const isNarrower = (student: Sizes, teacher: Sizes): boolean =>
  (["width", "heads", "kvHeads", "feedForward"] as const).some((key) => student[key] !== teacher[key]);

/**
 * The teacher with the sizes of a student.
 *
 * - Width. Without post-norms, and with a separate output head, the states are rotated to their principal components and cut: gains of
 *   norms are multiplied into the matrices that read them, which a rotation needs. Otherwise the channels with the largest mean square
 *   after the norms are kept, because gains at the ends of branches do not commute with a rotation, and a tied table cannot include the
 *   gain of the last norm. Norms are scaled to compensate for the cut, so that layers read numbers as large as before.
 * - Heads: keeps the key/value heads that add most to the states, with their query heads. Neurons: likewise.
 *
 * If nothing is cut, the outputs equal the teacher's, up to rounding.
 *
 * Source: Ashkboos et al. 2024 (arXiv:2401.15024); Muralidharan et al. 2024 (arXiv:2407.14679), section 2.2, with mean squares times
 * the square norm of the weights that read them.
 *
 * @param layers the teacher's layers to keep.
 */
export function narrowTeacher(
  teacher: DecoderOnlyModel,
  sizes: Sizes,
  statistics: TeacherStatistics,
  layers: ReadonlySet<number>,
): DecoderOnlyModel {
  const { config } = teacher;
  const { width, heads, kvHeads, feedForward } = sizes;
  const basis = basisOf(teacher, sizes, statistics);
  const isUntied = config.tieWordEmbeddings === false || basis.kind === "rotate";
  const narrow: DecoderOnlyConfig = {
    ...config,
    width,
    heads,
    kvHeads,
    feedForward,
    tieWordEmbeddings: isUntied ? false : config.tieWordEmbeddings,
  };
  const cutter = new Cutter(teacher, narrow, basis, statistics);
  const weights = new Map<string, HostTensor>();
  for (const { name, shape } of parameterSpecs(narrow)) {
    const [, layer] = /^decoder\.layers\.(\d+)\./u.exec(name) ?? [];
    if (layer !== undefined && !layers.has(Number(layer))) continue;
    weights.set(name, createHostTensor("float32", shape, cutter.value(name)));
  }
  return { config: narrow, weights };
}

function basisOf(
  { config, weights }: DecoderOnlyModel,
  sizes: Sizes,
  { gram, norms }: TeacherStatistics,
): StreamBasis {
  const isRotated = config.postNorm !== true && sizes.tieWordEmbeddings === false;
  if (isRotated && sizes.width < config.width) return rotation(gram, config.width, sizes.width);
  const importance = new Float64Array(config.width);
  normNames(config).forEach((name, norm) => {
    if (name.endsWith("PostNorm")) return;
    const gain = toFloat32(weights.get(`${name}.weight`)!, name).data as Float32Array;
    for (let i = 0; i < importance.length; i++)
      importance[i] = importance[i]! + norms[norm * importance.length + i]! * gain[i]! ** 2;
  });
  return selection(importance, sizes.width);
}

/** The norm whose gain each matrix reads. */
const READS: Readonly<Record<string, string>> = {
  "attention.query": "attentionNorm",
  "attention.key": "attentionNorm",
  "attention.value": "attentionNorm",
  "feedForward.gate": "feedForwardNorm",
  "feedForward.up": "feedForwardNorm",
};
const WRITES: ReadonlySet<string> = new Set(["attention.output", "feedForward.down"]);

class Cutter {
  private readonly teacher: DecoderOnlyModel;
  private readonly narrow: DecoderOnlyConfig;
  private readonly basis: StreamBasis;
  private readonly statistics: TeacherStatistics;
  private readonly cuts = new Map<string, Cuts>();

  constructor(
    teacher: DecoderOnlyModel,
    narrow: DecoderOnlyConfig,
    basis: StreamBasis,
    statistics: TeacherStatistics,
  ) {
    this.teacher = teacher;
    this.narrow = narrow;
    this.basis = basis;
    this.statistics = statistics;
  }

  /** Values of a parameter of the narrow teacher. */
  value(name: string): Float32Array {
    if (name === EMBEDDING_WEIGHT) return this.basis.rows(this.tensor(name));
    if (name === HEAD_WEIGHT) return this.head();
    const [, layer, part, kind] = /^(decoder(?:\.layers\.\d+)?)\.(.+)\.(weight|bias)$/u.exec(name)!;
    if (/(^|[a-z])norm$/iu.test(part!) && !/^attention\.(query|key)Norm$/u.test(part!))
      return this.norm(`${layer}.${part}`);
    const own = this.tensor(name);
    const cuts = this.cutsOf(layer!);
    if (kind === "bias") return WRITES.has(part!) ? this.basis.rows(own) : (cuts.rows(part!, own, 1) ?? own);
    const norm = READS[part!];
    if (norm !== undefined) {
      const rows = cuts.rows(part!, own, this.teacher.config.width) ?? own;
      return this.basis.rows(rows, this.foldedGain(`${layer}.${norm}`));
    }
    if (!WRITES.has(part!)) return own;
    // A matrix that writes [width, inputs]: its columns are states.
    const { width } = this.teacher.config;
    const states = transposed(own, width);
    const kept = cuts.rows(part!, states, width) ?? states;
    return transposed(this.basis.rows(kept), kept.length / width);
  }

  /** Rows of an output head. If the basis is a rotation, they include the gain of the last norm. */
  private head(): Float32Array {
    return this.basis.rows(this.tensor(headWeight(this.teacher.config)), this.foldedGain("decoder.norm"));
  }

  private foldedGain(norm: string): Float32Array | undefined {
    return this.basis.kind === "rotate" ? this.tensor(`${norm}.weight`) : undefined;
  }

  /** The gain of a norm over the states, scaled by the share of the root mean square that remains. */
  private norm(name: string): Float32Array {
    const { width } = this.teacher.config;
    const at = normNames(this.teacher.config).indexOf(name);
    const squares = this.statistics.norms.subarray(at * width, (at + 1) * width);
    const isCut = this.basis.width < width;
    const scale = isCut ? Math.sqrt((width / this.basis.width) * this.basis.keptShare(squares)) : 1;
    const gain =
      this.basis.kind === "rotate"
        ? new Float32Array(this.basis.width).fill(1)
        : this.basis.rows(this.tensor(`${name}.weight`));
    return gain.map((value) => value * scale);
  }

  private tensor(name: string): Float32Array {
    const found = this.teacher.weights.get(name);
    if (found === undefined) throw new SlmError("SHAPE_MISMATCH", `initialize: the teacher has no '${name}'`);
    return toFloat32(found, name).data as Float32Array;
  }

  private cutsOf(layer: string): Cuts {
    const known = this.cuts.get(layer);
    if (known !== undefined) return known;
    const { config } = this.teacher;
    const index = Number(layer.split(".").at(-1));
    const of = (values: Float64Array, size: number): Float64Array =>
      values.subarray(index * size, (index + 1) * size);
    const output = this.tensor(`${layer}.attention.output.weight`);
    const down = this.tensor(`${layer}.feedForward.down.weight`);
    const heads = of(this.statistics.attention, config.heads * config.headDim);
    const neurons = of(this.statistics.neurons, config.feedForward);
    const made = {
      ...chosenHeads(config, this.narrow, { squares: heads, output }),
      ...chosenNeurons(config, this.narrow, { squares: neurons, output: down }),
    };
    const cuts: Cuts = { rows: (part, values, size) => made[part]?.(values, size) };
    this.cuts.set(layer, cuts);
    return cuts;
  }
}

/** A matrix `[rows, columns]` as `[columns, rows]`. */
function transposed(values: Float32Array, rows: number): Float32Array {
  const columns = values.length / rows;
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      turned[column * rows + row] = values[row * columns + column]!;
  return turned;
}
