/** Compares `slm analyze` with a compiler's answers, node by node and graph by graph. */
import { analyzeModel } from "@slm/analysis";

export const CPU = "CPUExecutionProvider";

/** ONNX Runtime's errors for a file that it cannot read with any provider. The compiler was not asked. */
const NOT_READ = /(?:^|: )Load model from \S+ failed|^(?:\[\S+ : 1 : FAIL : )?Type Error:/u;

/** The node that no provider supports, in the error of a failed session. */
const LEFT_OVER = [
  /Provider type for \S+ node with name '(\w+)' is not set/u,
  /while running \S+ node\. Name:'(\w+)' Status Message: .*(?:not supported yet|not implemented)/u,
  /implementation for \S+ node with name '(\w+)'/u,
  /Node '(n\d+)\w*' OpType:\S+ with domain:\S+ was inserted/u,
];

/** Operators in a probe other than the probed one. */
const AROUND = new Set(["Constant", "QuantizeLinear", "DequantizeLinear", "Identity"]);

/** Suffixes that ONNX Runtime adds to a node's name when it changes its layout. */
const REWRITTEN = /(?:_token_\d+|_new_reshape)$/u;

/** Errors of a run because random numbers or this adapter do not suit the graph (no float16). The placement of its nodes is still valid. */
const RUN_FAILED =
  /^Non-zero status code returned while running|^no random input|^Unsupported data type|requires f16 but/u;

/**
 * A compiler's answer for a graph: whether it compiled the whole graph, the provider of each node by name, and why it failed.
 *
 * @typedef {{ whole: boolean, nodes: Record<string, string>, error?: string | undefined }} CompilerAnswer
 *
 * @typedef {import("@slm/onnx").Graph} Graph
 * @typedef {ReturnType<typeof compare>} Compared
 * @typedef {{ rule: string, rules: readonly string[], compiler: string, error?: string | undefined }} Verdict
 */

export function wasRead(/** @type {{ error?: string | undefined }} */ { error = "" }) {
  return !NOT_READ.test(error);
}

/** The rules' verdict on a node: `supported`, `refused`, or `folded` before it reaches the device. */
/** @type {Readonly<Record<string, string>>} */
const WORDS = {
  device: "supported",
  folded: "folded",
  cpu: "refused",
  nowhere: "refused",
  inside: "refused",
};

/** Whether the device supports the whole graph according to the rules. */
export function isSupported(/** @type {ReturnType<typeof analyzeModel>} */ { supported, nodes }) {
  return supported && nodes.every(({ where }) => WORDS[where] !== "refused");
}

/** An answer without errors that the compiler did not cause. A graph without remaining nodes counts as compiled completely. */
/** @returns {CompilerAnswer} */
export function settled(/** @type {CompilerAnswer} */ answer) {
  const isOther = RUN_FAILED.test(answer.error ?? "") && leftOver(answer) === undefined;
  if (answer.error !== undefined && !isOther) return answer;
  return { nodes: answer.nodes, whole: !Object.values(answer.nodes).includes(CPU) };
}

/** The node named in the error of a failed session. */
function leftOver(/** @type {{ error?: string | undefined }} */ { error = "" }) {
  return LEFT_OVER.map((pattern) => pattern.exec(error)?.[1]).find(Boolean);
}

/** The compiler's verdict on a node, by its name. */
function wordsOf(/** @type {Graph} */ graph, /** @type {CompilerAnswer} */ answer) {
  const providers = new Map(
    Object.entries(answer.nodes).map(([name, provider]) => [name.replace(REWRITTEN, ""), provider]),
  );
  const failed = answer.error !== undefined;
  const operators = graph.nodes.filter(({ opType }) => !AROUND.has(opType));
  const blamed = leftOver(answer) ?? (failed && operators.length === 1 ? operators[0]?.name : undefined);
  const missing = providers.size > 0 ? "gone" : answer.whole ? "taken" : "unknown";
  return (/** @type {string} */ name) => {
    if (name === blamed) return "refused";
    const provider = providers.get(name) ?? providers.get("*");
    if (provider === undefined) return missing;
    if (provider === CPU) return "refused";
    return failed ? "unknown" : "taken";
  };
}

/**
 * The verdicts of rules and compiler on one graph.
 *
 * A compiler's verdict on a node is `taken`, `refused`,
 *   `gone` (ONNX Runtime folded or fused it earlier) or `unknown` (the whole graph failed)
 */
export function compare(
  /** @type {{ group: string, name: string, graph: Graph }} */ row,
  /** @type {CompilerAnswer} */ given,
  /** @type {Parameters<typeof analyzeModel>[1]} */ { target, profile },
) {
  const analysis = analyzeModel(row.graph, { target, profile });
  const answer = settled(given);
  const wordOf = wordsOf(row.graph, answer);
  const nodes = analysis.nodes.map(({ name, opType, where, rules }) => ({
    name,
    opType,
    rule: WORDS[where],
    rules,
    compiler: wordOf(name),
  }));
  const rules = [
    ...new Set([
      ...analysis.findings.filter(({ severity }) => severity === "error").map(({ rule }) => rule),
      ...nodes.flatMap((node) => node.rules),
    ]),
  ];
  return {
    name: `${row.group}/${row.name}`,
    graph: {
      rule: isSupported(analysis) ? "supported" : "refused",
      rules,
      compiler: answer.whole ? "taken" : "refused",
      error: answer.error,
    },
    nodes,
  };
}

/** @type {<T>(list: readonly T[], test: (item: T) => boolean) => number} */
const count = (list, test) => list.filter(test).length;

/** Counts the four cases for graphs, and for the nodes that reached the compiler. */
export function tally(/** @type {readonly Compared[]} */ compared) {
  const four = (/** @type {readonly { rule: string | undefined, compiler: string }[]} */ list) => ({
    both: count(list, ({ rule, compiler }) => rule === "supported" && compiler === "taken"),
    neither: count(list, ({ rule, compiler }) => rule === "refused" && compiler === "refused"),
    falseSupported: count(list, ({ rule, compiler }) => rule === "supported" && compiler === "refused"),
    falseRefused: count(list, ({ rule, compiler }) => rule === "refused" && compiler === "taken"),
  });
  const nodes = compared.flatMap((one) => one.nodes);
  return {
    graphs: { all: compared.length, ...four(compared.map(({ graph }) => graph)) },
    nodes: {
      all: nodes.length,
      ...four(nodes),
      gone: count(nodes, ({ compiler }) => compiler === "gone"),
      unknown: count(nodes, ({ compiler }) => compiler === "unknown"),
    },
  };
}
