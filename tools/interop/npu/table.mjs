/** The outcomes as a Markdown table: a row per graph and scheme, a column per SoC. */

const MEGA = 1e6;

/** Least cosine and largest distance over the outputs of a graph, on the simulator. */
function distance(simulated) {
  const outputs = Object.values(simulated);
  const cosine = Math.min(...outputs.map((output) => output.cosine));
  const far = outputs.reduce((worst, output) => (output.maxAbs > worst.maxAbs ? output : worst));
  return `${cosine.toFixed(5)}, ${far.maxAbs.toPrecision(2)} of ${far.largest.toPrecision(2)}`;
}

function cell(outcome) {
  if (outcome === undefined) return "";
  const { status, message, simulated, contextBytes } = outcome;
  if (status !== "compiled") return `**${status}**: ${message.replaceAll("|", "/").slice(0, 160)}`;
  const size = `${(contextBytes / MEGA).toFixed(1)} MB`;
  return simulated === undefined ? size : `${size}; ${distance(simulated)}`;
}

/** Each cell: size of the context binary; *simulated*: least cosine to the CPU provider, largest distance of the largest number. */
export function compileTable(results, socs) {
  const keyOf = ({ model, form, graph }) => `${model} | ${form} | ${graph}`;
  const lines = [...new Set(results.map(keyOf))].map((key) => {
    const outcomes = results.filter((result) => keyOf(result) === key);
    const cells = socs.map(({ name }) => cell(outcomes.find(({ soc }) => soc === name)));
    return `| ${key} | ${cells.join(" | ")} |`;
  });
  const titles = socs.map(({ name, arch }) => `${name} (${arch}), simulated`);
  const rule = Array.from({ length: 3 + socs.length }, () => "---").join(" | ");
  const compiled = results.filter(({ status }) => status === "compiled").length;
  return [
    `| model | scheme | graph | ${titles.join(" | ")} |`,
    `| ${rule} |`,
    ...lines,
    "",
    `${compiled} of ${results.length} compiled whole.`,
    "",
  ].join("\n");
}
