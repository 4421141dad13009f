/** Holds `slm analyze` against a compiler's answers, node by node and graph by graph. */
import { analyzeModel } from "@slm/analysis";

export const CPU = "CPUExecutionProvider";

/** What ONNX Runtime says of a file that it does not read, whatever the provider: no compiler saw it. */
const NOT_READ = /(?:^|: )Load model from \S+ failed|^(?:\[\S+ : 1 : FAIL : )?Type Error:/u;

/** The node of which a failed session says that no provider took it. */
const LEFT_OVER = [
  /Provider type for \S+ node with name '(\w+)' is not set/u,
  /while running \S+ node\. Name:'(\w+)' Status Message: .*(?:not supported yet|not implemented)/u,
  /implementation for \S+ node with name '(\w+)'/u,
  /Node '(n\d+)\w*' OpType:\S+ with domain:\S+ was inserted/u,
];

/** Operators beside the one that a probe is about. */
const AROUND = new Set(["Constant", "QuantizeLinear", "DequantizeLinear", "Identity"]);

/** Suffixes of names that ONNX Runtime gives to a node when it moves it to another layout. */
const REWRITTEN = /(?:_token_\d+|_new_reshape)$/u;

/** A run that failed because random numbers or this adapter do not fit a graph (no float16): where its nodes were placed stands. */
const RUN_FAILED =
  /^Non-zero status code returned while running|^no random input|^Unsupported data type|requires f16 but/u;

/**
 * What a compiler says of a graph: whether it took all of it, the provider of each node by name, and why it failed.
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

/** The rule's word on a node: `supported`, `refused`, or `folded` before a device sees it. */
/** @type {Readonly<Record<string, string>>} */
const WORDS = {
  device: "supported",
  folded: "folded",
  cpu: "refused",
  nowhere: "refused",
  inside: "refused",
};

/** Whether, by the rules, the device takes all of a graph. */
export function isSupported(/** @type {ReturnType<typeof analyzeModel>} */ { supported, nodes }) {
  return supported && nodes.every(({ where }) => WORDS[where] !== "refused");
}

/** An answer without a failure that is not the compiler's; a graph of which nothing is left is compiled whole. */
/** @returns {CompilerAnswer} */
export function settled(/** @type {CompilerAnswer} */ answer) {
  const isOther = RUN_FAILED.test(answer.error ?? "") && leftOver(answer) === undefined;
  if (answer.error !== undefined && !isOther) return answer;
  return { nodes: answer.nodes, whole: !Object.values(answer.nodes).includes(CPU) };
}

/** The node that a failed session blames. */
function leftOver(/** @type {{ error?: string | undefined }} */ { error = "" }) {
  return LEFT_OVER.map((pattern) => pattern.exec(error)?.[1]).find(Boolean);
}

/** The compiler's word on a node, by its name. */
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
 * What rule and compiler say of one graph.
 *
 * A compiler's word on a node is `taken`, `refused`,
 *   `gone` (ONNX Runtime had folded or fused it before it asked) or `unknown` (the graph failed as a whole)
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

/** Counts of the four cases among graphs, and among the nodes that the compiler was asked about. */
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
