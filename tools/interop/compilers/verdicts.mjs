/** Holds `slm analyze` against a compiler's answers, node by node and graph by graph. */
import { analyzeModel } from "@slm/devices";

const CPU = "CPUExecutionProvider";

/** The rule's word on a node: `supported`, `refused`, or `folded` before a device sees it. */
const WORDS = {
  device: "supported",
  folded: "folded",
  cpu: "refused",
  nowhere: "refused",
  inside: "refused",
};

/**
 * What rule and compiler say of one graph.
 *
 * @returns {graph: {rule, compiler}, nodes: [{opType, name, rule, rules, compiler}]}; a compiler's word on a node is `taken`, `refused`,
 *   `gone` (ONNX Runtime had folded or fused it before it asked) or `unknown` (the graph failed as a whole)
 */
export function compare(row, answer, { target, profile }) {
  const analysis = analyzeModel(row.graph, { target, profile });
  const isKnown = Object.keys(answer.nodes).length > 0;
  const failed = answer.error !== undefined;
  const nodes = analysis.nodes.map(({ name, opType, where, rules }) => {
    const provider = answer.nodes[name];
    const word =
      provider === undefined ? (isKnown ? "gone" : "unknown") : provider === CPU ? "refused" : "taken";
    return {
      name,
      opType,
      rule: WORDS[where],
      rules,
      compiler: failed && word === "taken" ? "unknown" : word,
    };
  });
  const isWhole = analysis.supported && nodes.every(({ rule }) => rule !== "refused");
  const rules = [
    ...new Set([
      ...analysis.findings.filter(({ severity }) => severity === "error").map(({ rule }) => rule),
      ...nodes.flatMap((node) => node.rules),
    ]),
  ];
  return {
    name: `${row.group}/${row.name}`,
    graph: {
      rule: isWhole ? "supported" : "refused",
      rules,
      compiler: answer.whole ? "taken" : "refused",
      error: answer.error,
    },
    nodes,
  };
}

const count = (list, test) => list.filter(test).length;

/** Counts of the four cases among graphs, and among the nodes that the compiler was asked about. */
export function tally(compared) {
  const four = (list) => ({
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
