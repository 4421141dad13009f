/** Rules about the model as a whole. */
import { shorten } from "@slm/onnx";
import { operatorName } from "../graph/finding.js";
import { aboutModel, type Rule } from "./rule.js";

export const names: Rule = (subject, findings) => {
  const { all, profile } = subject;
  const unnamed = all.filter(({ node }) => node.name === "").length;
  if (unnamed > 0 && profile.wantsNames) {
    const message = `${unnamed} nodes have no name, so ${profile.label}'s reports cannot tell them apart`;
    findings.add(aboutModel("name", { severity: "warning", message, advice: "give every node a name" }));
  }
  const seen = new Set<string>();
  for (const placed of all) {
    const { name } = placed.node;
    if (name === "") continue;
    if (seen.has(name)) {
      const message = `another node is also called '${shorten(name)}'`;
      findings.about("name", placed, {
        severity: "warning",
        message,
        advice: "give every node a unique name",
      });
    }
    seen.add(name);
  }
};

export const omitted: Rule = ({ model }, findings) => {
  for (const text of model.omitted) {
    const hidesNodes = text.includes("'functions'");
    const severity = hidesNodes ? "error" : "warning";
    const advice = hidesNodes
      ? "inline the functions: onnx.inliner.inline_local_functions"
      : "export the model without it, or check it manually";
    findings.add(aboutModel("omitted", { severity, message: `not checked: ${text}`, advice }));
  }
};

export const folded: Rule = (subject, findings) => {
  const constants = subject.folded.filter(({ node }) => node.opType !== "Constant");
  if (constants.length === 0) return;
  const counts = new Map<string, number>();
  for (const { node } of constants) counts.set(operatorName(node), (counts.get(operatorName(node)) ?? 0) + 1);
  const list = [...counts].map(([name, count]) => `${count} ${name}`).join(", ");
  const message = `${constants.length} nodes compute constants or pass values on (${list}); they were not checked against the profile`;
  const advice =
    "let ONNX Runtime optimize the graph (graphOptimizationLevel basic or higher) for the device";
  findings.add(aboutModel("folded", { severity: "info", message, advice }));
};
