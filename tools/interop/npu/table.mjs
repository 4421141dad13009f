/** The outcomes as Markdown tables. What the simulator computed is in columns labelled simulated. */

const MEGA = 1e6;

const markdown = (titles, rows) =>
  [titles, titles.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const isCompiled = ({ status }) => status === "compiled";

/** Least cosine of an output to the CPU provider's. */
const cosineOf = ({ simulated }) => Math.min(...Object.values(simulated).map(({ cosine }) => cosine));

/** Results of the same keys together, in the order of the first. */
function groups(results, keyOf) {
  const keys = [...new Set(results.map(keyOf))];
  return keys.map((key) => results.filter((result) => keyOf(result) === key));
}

function leastCosine(outcomes, soc) {
  const own = outcomes.filter((outcome) => isCompiled(outcome) && outcome.soc === soc.name);
  return own.length === 0 ? "none compiled" : Math.min(...own.map(cosineOf)).toFixed(5);
}

/** A row per model and scheme: graphs that compiled whole, size of the contexts, and the least cosine of any output by SoC. */
export function schemeTable(results, socs) {
  const rows = groups(results, ({ model, form }) => `${model} ${form}`).map((outcomes) => {
    const [{ model, form }] = outcomes;
    const compiled = outcomes.filter(isCompiled);
    const bytes = compiled
      .filter(({ soc }) => soc === compiled[0].soc)
      .reduce((sum, { contextBytes }) => sum + contextBytes, 0);
    const least = socs.map((soc) => leastCosine(outcomes, soc));
    return [model, form, `${compiled.length} of ${outcomes.length}`, (bytes / MEGA).toFixed(1), ...least];
  });
  const titles = socs.map(({ name, arch }) => `${name} (${arch}), simulated`);
  return markdown(
    ["model", "scheme", "graphs compiled whole, all SoCs", "contexts of one SoC [MB]", ...titles],
    rows,
  );
}

/** A row per graph that was refused, or ended the compiler. */
export function refusalTable(results) {
  const rows = results
    .filter((outcome) => !isCompiled(outcome))
    .map(({ model, form, graph, soc, status, message }) => [
      model,
      form,
      graph,
      soc,
      `${status}: ${message.replaceAll("|", "/").slice(0, 200)}`,
    ]);
  return rows.length === 0
    ? "No graph was refused."
    : markdown(["model", "scheme", "graph", "SoC", "compiler"], rows);
}

/** A row per scheme: greedy answers and logits of the simulator and of the CPU, both against the float32 export on the CPU. */
export function answerTable(answers) {
  const rows = answers.map(({ model, form, soc, sources, cpu, simulated }) => [
    model,
    form,
    soc,
    ...[simulated, cpu].flatMap(({ equalAnswers, divergence, logitsMaxAbs }) => [
      `${equalAnswers} of ${sources}`,
      divergence.toPrecision(2),
      logitsMaxAbs.toPrecision(2),
    ]),
  ]);
  const of = (place) => [
    `equal answers, ${place}`,
    `divergence, ${place} [nats]`,
    `largest distance of a logit, ${place}`,
  ];
  return markdown(["model", "scheme", "SoC", ...of("simulated"), ...of("CPU")], rows);
}
