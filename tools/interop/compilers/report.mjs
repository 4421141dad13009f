/** Confusion tables as Markdown. */
import { row } from "../../lib/markdown.mjs";

/**
 * @typedef {ReturnType<typeof import("./verdicts.mjs").tally>} Tally
 * @typedef {import("./verdicts.mjs").Verdict} Verdict
 */

const HEAD = [
  "group",
  "graphs",
  "both supported",
  "both refused",
  "rules: supported, compiler: refused",
  "rules: refused, compiler: compiled",
];
const NODE_HEAD = [...HEAD.slice(0, 1), "nodes", ...HEAD.slice(2), "folded before", "graph failed"];

const fourOf = (/** @type {Tally["graphs"]} */ { all, both, neither, falseSupported, falseRefused }) => [
  all,
  both,
  neither,
  falseSupported,
  falseRefused,
];

/** The tables of one compiler: graphs, then nodes. */
export function markdown(
  /** @type {{ compiler: string, versions: string, tables: Readonly<Record<string, Tally>> }} */
  { compiler, versions, tables },
) {
  const graphs = Object.entries(tables).map(([group, { graphs: counts }]) => row([group, ...fourOf(counts)]));
  const nodes = Object.entries(tables).map(([group, { nodes: counts }]) =>
    row([group, ...fourOf(counts), counts.gone, counts.unknown]),
  );
  const rule = (/** @type {string[]} */ head) => row(head.map((_, index) => (index === 0 ? "---" : "---:")));
  return [
    `### ${compiler}: ${versions}`,
    "",
    row(HEAD),
    rule(HEAD),
    ...graphs,
    "",
    row(NODE_HEAD),
    rule(NODE_HEAD),
    ...nodes,
    "",
    "",
  ].join("\n");
}

/** All graphs and nodes for which rules and compiler differ, one line each. */
export function differences(/** @type {readonly import("./verdicts.mjs").Compared[]} */ compared) {
  const lines = compared.flatMap(({ name, graph, nodes }) => [
    ...(differ(graph) ? [`graph ${name}: ${textOf(graph)}`] : []),
    ...nodes.filter(differ).map((node) => `node  ${name} ${node.name} ${node.opType}: ${textOf(node)}`),
  ]);
  return `${lines.join("\n")}\n`;
}

const differ = (/** @type {{ rule: string | undefined, compiler: string }} */ { rule, compiler }) =>
  (rule === "supported" && compiler === "refused") || (rule === "refused" && compiler === "taken");

const textOf = (
  /** @type {{ rule: string | undefined, rules: readonly string[], compiler: string, error?: string | undefined }} */
  { rule, rules, compiler, error },
) =>
  `called ${rule}${rules.length === 0 ? "" : ` (${rules.join(", ")})`}, ${compiler}${error === undefined ? "" : `: ${error}`}`;
