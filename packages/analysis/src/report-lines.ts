/** Formats an analysis for a terminal: support of the operators, then the findings of each rule. */
import type { OperatorCount, Place } from "./analyze-model.js";
import type { PathAnalysis } from "./analyze-path.js";
import { RULES, type Finding, type RuleName, type Severity } from "./graph/finding.js";

const MARK: Readonly<Record<Severity, string>> = { error: "ERROR  ", warning: "warning", info: "info   " };

/** Maximum number of node names per message. The JSON output lists all of them. */
const NAMED_NODES = 4;

/** Findings with the same message and advice, which share one line. */
interface Group {
  readonly severity: Severity;
  readonly opType: string;
  readonly message: string;
  readonly advice: string;
  readonly nodes: string[];
}

type Located = Finding & { readonly graph: string };

/** The message without names and sizes of values, so that findings about several nodes share a line. */
function groupKey({ severity, opType, message, advice }: Finding): string {
  return JSON.stringify([severity, opType, message.replaceAll(/'[^']*'|\[[^\]]*\]/g, ""), advice]);
}

function groups(findings: readonly Located[], hasGraphs: boolean): readonly Group[] {
  const all = new Map<string, Group>();
  for (const finding of findings) {
    const { severity, opType, message, advice, node, graph } = finding;
    const where = [hasGraphs ? graph : "", node].filter((part) => part !== "").join(": ");
    const key = groupKey(finding);
    const group = all.get(key);
    if (group === undefined)
      all.set(key, { severity, opType, message, advice, nodes: where === "" ? [] : [where] });
    else if (where !== "") group.nodes.push(where);
  }
  return [...all.values()];
}

function nodeLine(nodes: readonly string[]): readonly string[] {
  if (nodes.length === 0) return [];
  const more = nodes.length > NAMED_NODES ? `, and ${nodes.length - NAMED_NODES} more` : "";
  return [`           at ${nodes.slice(0, NAMED_NODES).join(", ")}${more}`];
}

function ruleLines(rule: RuleName, findings: readonly Located[], hasGraphs: boolean): readonly string[] {
  return [
    "",
    `${rule}: ${RULES[rule]}`,
    ...groups(findings, hasGraphs).flatMap(({ severity, message, advice, nodes }) => [
      `  ${MARK[severity]}  ${nodes.length > 1 ? `${nodes.length} times: ` : ""}${message}`,
      ...nodeLine(nodes),
      `           -> ${advice}`,
    ]),
  ];
}

const WHERE: Readonly<Record<Place, string>> = {
  folded: "folded before",
  device: "yes",
  unknown: "not known",
  cpu: "on the CPU",
  inside: "not checked",
  nowhere: "NO",
};

function operatorLines(operators: readonly OperatorCount[]): readonly string[] {
  const width = Math.max(8, ...operators.map(({ opType }) => opType.length));
  return [
    `${"operator".padEnd(width)}  nodes  device`,
    ...operators.map(
      ({ opType, count, where }) => `${opType.padEnd(width)}  ${String(count).padStart(5)}  ${WHERE[where]}`,
    ),
  ];
}

function ruleOrigin({ sources, confirmedBy, method, device }: PathAnalysis): readonly string[] {
  if (confirmedBy === null)
    return [
      `${method}; nothing has confirmed rules for ${device}: slm finds only errors that no such device accepts`,
    ];
  return [
    `${method}; rules from:`,
    ...sources.map(({ document, version }) => `  ${document} (${version})`),
    `these rules were confirmed by ${confirmedBy}`,
  ];
}

function verdict({ supported, method, confirmWith }: PathAnalysis): string {
  if (supported === null) return `not confirmed; to ask the device: ${confirmWith ?? ""}`;
  return `${supported ? "supported" : "NOT SUPPORTED"} (${method})`;
}

/** The lines of a report, without colours. Warnings about supported models of slm are counted, not listed: nobody can change them. */
export function reportLines(analysis: PathAnalysis): readonly string[] {
  const isFolded = analysis.isOwn && analysis.supported !== false;
  const findings = analysis.findings.filter(({ severity }) => !isFolded || severity === "info");
  const { summary, device, profile, graphs } = analysis;
  const rules = [...new Set(findings.map(({ rule }) => rule))];
  const { error, warning, info } = summary.findings;
  const unlisted = Object.entries(summary.unlisted).map(([rule, count]) => `${count} more for ${rule}`);
  return [
    `${analysis.model}: ${graphs.length} graph${graphs.length === 1 ? "" : "s"}, ${summary.nodes} nodes, profile ${profile}: ${device}`,
    ...ruleOrigin(analysis),
    "",
    ...operatorLines(summary.operators),
    ...rules.flatMap((rule) =>
      ruleLines(
        rule,
        findings.filter((finding) => finding.rule === rule),
        graphs.length > 1,
      ),
    ),
    "",
    ...(isFolded && warning > 0
      ? [
          `${warning} ${warning === 1 ? "warning is" : "warnings are"} about graphs that slm made: you need not do anything (--json lists them)`,
        ]
      : []),
    ...(unlisted.length === 0 ? [] : [`not listed: ${unlisted.join(", ")}`]),
    `${error} errors, ${warning} warnings, ${info} notes: ${verdict(analysis)}`,
  ];
}
