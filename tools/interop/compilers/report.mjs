/** Confusion tables as Markdown. */

const row = (/** @type {string[]} */ cells) => `| ${cells.join(" | ")} |`;

const HEAD = [
  "group",
  "graphs",
  "both supported",
  "both refused",
  "called supported, refused",
  "called refused, compiled",
];
const NODE_HEAD = [...HEAD.slice(0, 1), "nodes", ...HEAD.slice(2), "folded before", "graph failed"];

const fourOf = ({ all, both, neither, falseSupported, falseRefused }) => [
  all,
  both,
  neither,
  falseSupported,
  falseRefused,
];

/** The tables of one compiler: graphs, then nodes. */
export function markdown({ compiler, versions, tables }) {
  const graphs = Object.entries(tables).map(([group, { graphs: counts }]) => row([group, ...fourOf(counts)]));
  const nodes = Object.entries(tables).map(([group, { nodes: counts }]) =>
    row([group, ...fourOf(counts), counts.gone, counts.unknown]),
  );
  const rule = (/** @type {string[]} */ head) => row(head.map((_, index) => (index === 0 ? "---" : "---:")));
  return [
    `### ${compiler}: ${versions}`,
    "",
    ...[row(HEAD), rule(HEAD), ...graphs, ""],
    ...[row(NODE_HEAD), rule(NODE_HEAD), ...nodes, ""],
    "",
  ].join("\n");
}

/** Every graph and node on which rule and compiler differ, one line each. */
export function differences(/** @type {graph[]} */ compared) {
  const lines = compared.flatMap(({ name, graph, nodes }) => [
    ...(differ(graph) ? [`graph ${name}: ${textOf(graph)}`] : []),
    ...nodes.filter(differ).map((node) => `node  ${name} ${node.name} ${node.opType}: ${textOf(node)}`),
  ]);
  return `${lines.join("\n")}\n`;
}

const differ = ({ rule, compiler }) =>
  (rule === "supported" && compiler === "refused") || (rule === "refused" && compiler === "taken");

const textOf = ({ rule, rules, compiler, error }) =>
  `called ${rule}${rules.length === 0 ? "" : ` (${rules.join(", ")})`}, ${compiler}${error === undefined ? "" : `: ${error}`}`;
