/** Fixes the symbolic sizes of a model's inputs, for devices that need static shapes. */
import { SlmError } from "@slm/core";
import type {
  AttributeValue,
  GraphNode,
  OutputInfo,
  Subgraph,
  UntypedValue,
  ValueInfo,
} from "../graph/graph.js";
import { shorten } from "../graph/shorten.js";

/** The sizes of an input, or the size of a symbol. */
export interface FixedSizes {
  /** Name of an input, or of a symbol in the shapes of inputs. */
  readonly name: string;
  readonly sizes: readonly number[];
}

type Sizes = NonNullable<UntypedValue["shape"]>;

/** Whether a size is a symbol. Exporters write `?` for unnamed sizes, which need not be equal. */
export function isSymbol(size: number | string): size is string {
  return typeof size === "string" && size !== "" && size !== "?";
}

/** The symbols in the sizes of a model's inputs, each once. */
export function symbolsOf(model: Pick<Subgraph, "inputs">): readonly string[] {
  return [...new Set(model.inputs.flatMap(({ shape }) => (shape ?? []).filter(isSymbol)))];
}

const sizesText = (sizes: Sizes): string => `[${sizes.map((size) => (size === "" ? "?" : size)).join(",")}]`;

const written = ({ name, sizes }: FixedSizes): string => `${shorten(name)}=${sizes.join(",")}`;

function reject(request: FixedSizes, problem: string): SlmError {
  return new SlmError("USAGE", `sizes ${written(request)}: ${problem}`);
}

/** The sizes fixed by all requests: of symbols, and of inputs axis by axis. */
class Decided {
  readonly symbols = new Map<string, number>();
  readonly inputs = new Map<string, readonly number[]>();
  readonly #by = new Map<string, FixedSizes>();

  bind(symbol: string, size: number, request: FixedSizes): void {
    const before = this.symbols.get(symbol);
    if (before !== undefined && before !== size) {
      const other = this.#by.get(symbol)!;
      const by = other === request ? "" : ` by ${written(other)}`;
      throw reject(request, `'${shorten(symbol)}' has one size, ${before}${by} and ${size} here`);
    }
    this.symbols.set(symbol, size);
    this.#by.set(symbol, request);
  }

  fix({ name, shape }: UntypedValue, request: FixedSizes): void {
    const { sizes } = request;
    if (this.inputs.has(name)) throw reject(request, `the sizes of input '${shorten(name)}' are given twice`);
    if (shape !== undefined && shape.length !== sizes.length) {
      throw reject(
        request,
        `input '${shorten(name)}' has ${shape.length} axes, ${sizesText(shape)}; got ${sizes.length}`,
      );
    }
    sizes.forEach((size, axis) => {
      const known = shape?.[axis] ?? "";
      if (isSymbol(known)) this.bind(known, size, request);
      else if (typeof known === "number" && known !== size)
        throw reject(
          request,
          `axis ${axis} of input '${shorten(name)}' is ${known} in the file, got ${size}`,
        );
    });
    this.inputs.set(name, sizes);
  }
}

function decide({ inputs }: Pick<Subgraph, "inputs">, requests: readonly FixedSizes[]): Decided {
  const decided = new Decided();
  const symbols = new Set(symbolsOf({ inputs }));
  for (const request of requests) {
    const { name, sizes } = request;
    const bad = sizes.find((size) => !Number.isSafeInteger(size) || size < 1);
    if (bad !== undefined) throw reject(request, `sizes must be integers of at least 1, got ${bad}`);
    const input = inputs.find((one) => one.name === name);
    if (input !== undefined) decided.fix(input, request);
    else if (symbols.has(name)) {
      if (sizes.length !== 1)
        throw reject(request, `'${shorten(name)}' needs one size, got ${sizes.length} numbers`);
      decided.bind(name, sizes[0]!, request);
    } else {
      const known = inputs.map((one) => `${shorten(one.name)} ${sizesText(one.shape ?? [])}`).join(", ");
      throw reject(request, `the model has no input or symbol of this name; its inputs: ${known}`);
    }
  }
  return decided;
}

/** Replaces symbols in the types of a graph and its subgraphs. A symbol has the same meaning everywhere in a model. */
class Replacement {
  readonly #symbols: ReadonlyMap<string, number>;

  constructor(symbols: ReadonlyMap<string, number>) {
    this.#symbols = symbols;
  }

  typed<Value extends ValueInfo | OutputInfo | UntypedValue>(value: Value): Value {
    const { shape } = value;
    if (shape?.some((size) => typeof size === "string" && this.#symbols.has(size)) !== true) return value;
    return { ...value, shape: shape.map((size) => this.#symbols.get(String(size)) ?? size) };
  }

  values(body: Subgraph): Pick<Subgraph, "values"> {
    if (body.values === undefined) return {};
    return { values: new Map([...body.values].map(([name, value]) => [name, this.typed(value)])) };
  }

  body(body: Subgraph): Subgraph {
    return {
      ...body,
      ...this.values(body),
      nodes: body.nodes.map((node) => this.node(node)),
      inputs: body.inputs.map((value) => this.typed(value)),
      outputs: body.outputs.map((value) => this.typed(value)),
    };
  }

  node(node: GraphNode): GraphNode {
    const attributes = Object.entries(node.attributes);
    if (!attributes.some(([, { kind }]) => kind === "graph")) return node;
    const replaced = attributes.map(([name, attribute]): [string, AttributeValue] => [
      name,
      attribute.kind === "graph" ? { kind: "graph", value: this.body(attribute.value) } : attribute,
    ]);
    return { ...node, attributes: Object.fromEntries(replaced) };
  }
}

/**
 * Fixes the input sizes of a model. Each request fixes all sizes of an input or the size of a symbol. Fixed symbols are replaced in every
 * type of the model, without shape inference.
 *
 * @throws SlmError USAGE for a name that is neither an input nor a symbol, for a wrong number of axes, for a size that contradicts
 * the file or another request, and for a size below 1
 */
export function fixSizes<Model extends Subgraph>(model: Model, requests: readonly FixedSizes[]): Model {
  if (requests.length === 0) return model;
  const { symbols, inputs } = decide(model, requests);
  const replacement = new Replacement(symbols);
  return {
    ...model,
    ...replacement.values(model),
    nodes: model.nodes.map((node) => replacement.node(node)),
    inputs: model.inputs.map((input) => {
      const sizes = inputs.get(input.name);
      return sizes === undefined ? replacement.typed(input) : { ...input, shape: [...sizes] };
    }),
    outputs: model.outputs.map((output) => replacement.typed(output)),
  };
}

/**
 * The flags that fix every unknown size of a model, with 1 for a first axis and `N` for a number to choose: by symbol if inputs share
 * symbols, otherwise by input. Empty if all sizes are known.
 */
export function sizeTemplates({
  inputs,
  initializers,
}: Pick<Subgraph, "inputs" | "initializers">): readonly string[] {
  const fed = inputs.filter(({ name }) => !initializers.has(name));
  const open = fed.filter(({ shape }) => shape?.some((size) => typeof size === "string") === true);
  const symbols = open.map((input) => symbolsOf({ inputs: [input] }));
  const isShared = new Set(symbols.flat()).size < symbols.flat().length;
  const isNamed = ({ shape = [] }: UntypedValue): boolean =>
    isShared && shape.every((size) => typeof size === "number" || isSymbol(size));
  const named = symbolsOf({ inputs: open.filter(isNamed) }).map((symbol) => {
    const isFirst = open.some(({ shape }) => shape?.[0] === symbol);
    return `${symbol}=${isFirst ? 1 : "N"}`;
  });
  const listed = open
    .filter((input) => !isNamed(input))
    .map(({ name, shape = [] }) => {
      const sizes = shape.map((size, axis) => (typeof size === "number" ? size : axis === 0 ? 1 : "N"));
      return `${name}=${sizes.join(",")}`;
    });
  return [...named, ...listed];
}
