/**
 * Makes fewer and larger operations of a program, with the same results up to rounding:
 *
 * 1. the weights of a norm are multiplied into the weights of the products that read it,
 * 2. products that read the same value become one,
 * 3. a product whose result is only added to a value is added to it in place,
 * 4. operations on single elements overwrite their input.
 */
import { SlmError } from "@slm/core";
import { inputsOf, outputOf, type ModelNodes, type Node, type Value } from "./nodes.js";

/** Where a value is inside of another one. */
interface View {
  readonly base: Value;
  /** First column. */
  readonly offset: number;
}

export interface FusedNodes extends ModelNodes {
  /** Values that are columns of another one, or the same. */
  readonly views: ReadonlyMap<Value, View>;
}

type Linear = Extract<Node, { op: "linear" }>;

const isLinear = (node: Node): node is Linear => node.op === "linear";

export function fuse(nodes: ModelNodes): FusedNodes {
  const views = new Map<Value, View>();
  const all = [...(nodes.encode ?? []), ...nodes.step];
  const readers = readersOf(all);
  // An output head that is the embedding table too, which lookups read without a norm.
  const tables = new Set(all.flatMap((node) => (node.op === "embed" ? [node.table] : [])));
  const isShared = (weight: string): boolean => tables.has(weight);
  const passes = (program: readonly Node[]): readonly Node[] =>
    overwrite(
      addInPlace(fuseMatMuls(foldNorms(program, readers, isShared), views), readers, views),
      readers,
      views,
    );
  return {
    encode: nodes.encode && passes(nodes.encode),
    step: passes(nodes.step),
    logits: nodes.logits,
    views,
  };
}

/** The nodes that read each value, in both programs. */
function readersOf(nodes: readonly Node[]): ReadonlyMap<Value, readonly Node[]> {
  const readers = new Map<Value, Node[]>();
  for (const node of nodes)
    for (const value of inputsOf(node)) readers.set(value, [...(readers.get(value) ?? []), node]);
  return readers;
}

type Readers = ReadonlyMap<Value, readonly Node[]>;

function foldNorms(
  program: readonly Node[],
  readers: Readers,
  isShared: (weight: string) => boolean,
): readonly Node[] {
  const folded = new Map<Value, { readonly gain: string; readonly shift?: string | undefined }>();
  const mayFold = (out: Value): boolean => {
    const all = readers.get(out) ?? [];
    return all.length > 0 && all.every((node) => isLinear(node) && !node.matrix.parts.some(isShared));
  };
  return program.map((node): Node => {
    if (node.op === "rmsNorm" && node.gain !== undefined && node.size === node.x.width && mayFold(node.out)) {
      folded.set(node.out, { gain: node.gain });
      return { ...node, gain: undefined };
    }
    if (node.op === "layerNorm" && node.gain !== undefined && mayFold(node.out)) {
      folded.set(node.out, { gain: node.gain, shift: node.bias });
      return { ...node, gain: undefined, bias: undefined };
    }
    const norm = isLinear(node) ? folded.get(node.x) : undefined;
    return isLinear(node) && norm !== undefined ? { ...node, matrix: { ...node.matrix, ...norm } } : node;
  });
}

/** Products of one value become one, at the place of the first. */
function fuseMatMuls(program: readonly Node[], views: Map<Value, View>): readonly Node[] {
  const groups = new Map<Value, Linear[]>();
  for (const node of program) if (isLinear(node)) groups.set(node.x, [...(groups.get(node.x) ?? []), node]);
  return program.flatMap((node): readonly Node[] => {
    if (!isLinear(node)) return [node];
    const group = groups.get(node.x)!;
    if (group.length === 1) return [node];
    if (node !== group[0]) return [];
    const out: Value = {
      rows: node.out.rows,
      width: group.reduce((sum, { out: { width } }) => sum + width, 0),
    };
    let offset = 0;
    for (const { out: part } of group) {
      views.set(part, { base: out, offset });
      offset += part.width;
    }
    const matrix = { ...node.matrix, parts: group.flatMap(({ matrix: { parts } }) => parts) };
    return [{ ...node, matrix, bias: group.flatMap(({ bias }) => bias), out }];
  });
}

/** `sum = x + product` becomes `x += product` where nothing reads x after the product. */
function addInPlace(program: readonly Node[], readers: Readers, views: Map<Value, View>): readonly Node[] {
  const at = new Map<Value, number>();
  program.forEach((node, index) => {
    const out = outputOf(node);
    if (out !== undefined) at.set(out, index);
  });
  const result: (Node | undefined)[] = [...program];
  program.forEach((node, index) => {
    if (node.op !== "add") return;
    const { a: x, b: product, out } = node;
    const place = at.get(product);
    const linear = place === undefined ? undefined : program[place];
    if (place === undefined || linear === undefined || !isLinear(linear) || linear.x === x) return;
    if (views.has(product) || readers.get(product)?.length !== 1 || !at.has(x)) return;
    const isReadLater = program.some(
      (other, where) => where > place && where !== index && inputsOf(other).includes(x),
    );
    const { base, offset } = views.get(x) ?? { base: x, offset: 0 };
    if (isReadLater || offset !== 0 || base.width !== x.width) return;
    result[place] = { ...linear, accumulates: true, out: base };
    result[index] = undefined;
    views.set(out, { base, offset: 0 });
  });
  return result.filter((node) => node !== undefined);
}

/** The input that a node may overwrite. */
function overwritten(node: Node): Value | undefined {
  if (node.op === "multiply") return node.a;
  return node.op === "activate" || node.op === "rotate" ? node.x : undefined;
}

/** Lets operations on single elements and rotations overwrite what they read. */
function overwrite(program: readonly Node[], readers: Readers, views: Map<Value, View>): readonly Node[] {
  for (const node of program) {
    const x = overwritten(node);
    if (x === undefined) continue;
    if (readers.get(x)?.length !== 1) {
      if (node.op === "multiply") continue;
      throw new SlmError(
        "OP_UNSUPPORTED",
        `export: target c overwrites the input of '${node.op}', which others read`,
      );
    }
    views.set(outputOf(node)!, views.get(x) ?? { base: x, offset: 0 });
  }
  return program;
}
