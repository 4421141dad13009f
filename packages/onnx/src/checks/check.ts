/** Checks a graph by the rules of ONNX that need no knowledge of operators. */
import { SlmError } from "@slm/core";
import { ONNX_DTYPES, tensorByteLength } from "../graph/dtypes.js";
import type {
  AttributeValue,
  Graph,
  GraphNode,
  Initializer,
  ModelOutline,
  Subgraph,
  TensorValue,
} from "../graph/graph.js";
import { shorten } from "../graph/shorten.js";
import { describeNode, subgraphsOf } from "../wiring/uses.js";
import { checkVersions } from "../graph/versions.js";

interface Scope {
  readonly defined: Set<string>;
  readonly outer: Scope | undefined;
}

/** Context of the check of one model. */
interface Rules {
  readonly opsets: Graph["opsets"];
  /** Whether this is an outline, which can lack bytes and contain rounded numbers. */
  readonly isOutline: boolean;
}

function isVisible(name: string, scope: Scope | undefined): boolean {
  for (let at = scope; at !== undefined; at = at.outer) if (at.defined.has(name)) return true;
  return false;
}

function define(name: string, scope: Scope, where: string): void {
  if (name === "") throw new SlmError("DATA_INVALID", `${where}: a value needs a name, got ''`);
  if (scope.defined.has(name)) {
    throw new SlmError(
      "DATA_INVALID",
      `${where}: value names must be unique, '${shorten(name)}' is defined twice`,
    );
  }
  scope.defined.add(name);
}

/**
 * Checks that a tensor's bytes fill its shape.
 *
 * @throws SlmError DATA_INVALID naming the tensor, the expected and the actual number of bytes.
 */
export function checkTensor(tensor: TensorValue, where: string): void {
  if (!Object.hasOwn(ONNX_DTYPES, tensor.dtype)) {
    throw new SlmError("DATA_INVALID", `${where}: unknown dtype '${tensor.dtype}'`);
  }
  const expected = tensorByteLength(tensor.dtype, tensor.shape, where);
  if (tensor.data.byteLength === expected) return;
  throw new SlmError(
    "DATA_INVALID",
    `${where}: ${tensor.dtype}[${tensor.shape.join(",")}] needs ${expected} bytes, got ${tensor.data.byteLength}`,
  );
}

function checkShape(shape: readonly (number | string)[], where: string): void {
  const bad = shape.find((size) => typeof size === "number" && (!Number.isSafeInteger(size) || size < 0));
  if (bad !== undefined) {
    throw new SlmError(
      "DATA_INVALID",
      `${where}: dimensions must be non-negative integers, got [${shape.join(",")}]`,
    );
  }
}

function checkAttribute(attribute: AttributeValue, where: string, { isOutline }: Rules): void {
  if (attribute.kind === "tensor") checkTensor(attribute.value, where);
  if (isOutline || (attribute.kind !== "int" && attribute.kind !== "ints")) return;
  const bad = [attribute.value].flat().find((value) => !Number.isSafeInteger(value));
  if (bad === undefined) return;
  throw new SlmError("DATA_INVALID", `${where}: must be an integer below 2^53, got ${bad}`);
}

function checkNode(node: GraphNode, where: string, scope: Scope, rules: Rules): void {
  if (node.opType === "") throw new SlmError("DATA_INVALID", `${where}: a node needs an operator`);
  if (!Object.hasOwn(rules.opsets, node.domain)) {
    throw new SlmError(
      "DATA_INVALID",
      `${where}: the model declares no opset for its domain '${shorten(node.domain)}'`,
    );
  }
  for (const input of node.inputs) {
    if (input === "" || isVisible(input, scope)) continue;
    throw new SlmError(
      "DATA_INVALID",
      `${where}: input '${shorten(input)}' is not defined before it, by a node, an initializer or a graph input`,
      { context: { node: shorten(node.name), input: shorten(input) } },
    );
  }
  for (const name in node.attributes) {
    const attribute = node.attributes[name]!;
    checkAttribute(attribute, `${where}, attribute '${shorten(name)}'`, rules);
  }
  for (const body of subgraphsOf(node)) {
    checkBody(body, `${where}, subgraph '${shorten(body.name)}'`, scope, rules);
  }
  for (const output of node.outputs) if (output !== "") define(output, scope, where);
}

function checkInitializer(initializer: Initializer, where: string, { isOutline }: Rules): void {
  if (initializer.unread !== true) checkTensor(initializer, where);
  else if (!isOutline) throw new SlmError("DATA_INVALID", `${where}: its bytes have not been read`);
  else if (initializer.dtype === "string") checkShape(initializer.shape, where);
  else tensorByteLength(initializer.dtype, initializer.shape, where);
}

function checkBody(body: Subgraph, where: string, outer: Scope | undefined, rules: Rules): void {
  const scope: Scope = { defined: new Set(), outer };
  const inputs = new Set(body.inputs.map(({ name }) => name));
  for (const { name, shape } of body.inputs) {
    const at = `${where}: input '${shorten(name)}'`;
    define(name, scope, at);
    checkShape(shape ?? [], at);
  }
  for (const [key, initializer] of body.initializers) {
    const at = `${where}: initializer '${shorten(initializer.name)}'`;
    if (key !== initializer.name) {
      throw new SlmError("DATA_INVALID", `${at}: it is stored under another name, '${shorten(key)}'`);
    }
    // An initializer of the same name as an input is that input's default value.
    if (!inputs.has(key)) define(key, scope, at);
    checkInitializer(initializer, at, rules);
  }
  body.nodes.forEach((node, index) => {
    checkNode(node, `${where}: ${describeNode(node, index)}`, scope, rules);
  });
  const outputs = new Set<string>();
  for (const { name, shape } of body.outputs) {
    const at = `${where}: output '${shorten(name)}'`;
    if (outputs.has(name)) throw new SlmError("DATA_INVALID", `${at}: it is listed twice`);
    outputs.add(name);
    if (!isVisible(name, scope)) throw new SlmError("DATA_INVALID", `${at}: no node computes it`);
    checkShape(shape ?? [], at);
  }
}

/**
 * Checks a graph and its subgraphs: supported versions, an opset for every domain, unique value names, inputs defined before use, defined
 * outputs, non-negative dimensions, and tensors with the right number of bytes.
 *
 * @throws SlmError DATA_INVALID naming the node or value, what was expected and what was found.
 */
export function checkGraph(graph: Graph): void {
  checkVersions(graph.irVersion, graph.opsets);
  const rules = { opsets: graph.opsets, isOutline: false };
  checkBody(graph, `graph '${shorten(graph.name)}'`, undefined, rules);
}

/** Checks an outline with the rules that apply to it. @throws SlmError DATA_INVALID as `checkGraph`. */
export function checkOutline(outline: ModelOutline): void {
  const rules = { opsets: outline.opsets, isOutline: true };
  checkBody(outline, `graph '${shorten(outline.name)}'`, undefined, rules);
}
