/** Writes README.md of a bundle, the model card. */
import { graphsOf, modelBytes, type DeviceModel, type DeviceVision } from "@slm/exported-model";
import { processedSize } from "@slm/vision";
import type { CardCompiled, CardInput, CardMetric } from "./card-input.js";
import { decimal, integer, plain, size, table } from "./markdown.js";

/** File of the card. */
export const CARD_FILE = "README.md";

const NOT_MEASURED = "not measured";
const NOT_STATED = "Not stated.";

export interface BundledFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * The card as Markdown. A section without facts stays and says so, so that a reader sees what is not known. All inputs are escaped,
 * so none is read as Markdown or HTML.
 */
export function modelCard(model: DeviceModel, files: readonly BundledFile[], input: CardInput): string {
  // First what a reader wants to know: quality, speed and use.
  const sections: readonly (readonly [heading: string, body: string])[] = [
    ["Quality", qualityText(input.metrics ?? []) + abstentionText(model.abstention)],
    ["Speed and memory", SPEED],
    ["Intended use", input.intendedUse === undefined ? NOT_STATED : plain(input.intendedUse)],
    ["Limits", limitsText(model, input.limits ?? [])],
    ["Model", modelTable(model, input.bytesBefore)],
    ...(model.compiled === undefined
      ? []
      : [["Compiled graphs", compiledText(model.compiled, input.compiled ?? [])] as const]),
    ["Training", trainingText(input.training)],
    ["Provenance", provenanceText(input.provenance ?? [])],
    ["Licences", licenceText(input.licences ?? [])],
    ["Files", filesTable(files)],
    ["Running it", runningText(model)],
  ];
  const summary = input.summary === undefined ? [] : [plain(input.summary)];
  const title = `# ${plain(input.name ?? model.name)}`;
  return (
    [title, ...summary, ...sections.map(([heading, body]) => `## ${heading}\n\n${body}`)].join("\n\n") + "\n"
  );
}

/** The section on speed. */
const SPEED =
  "This card has no times, because they differ from run to run and would make every bundle different. `slm bench .` measures them.";

function runningText({ vision }: DeviceModel): string {
  const image = vision === undefined ? "" : " --image FILE";
  return `\`\`\`sh\nslm verify .\nslm generate .${image} --prompt "TEXT"\n\`\`\``;
}

function modelTable(model: DeviceModel, bytesBefore: number | undefined): string {
  const graphs = graphsOf(model).map(({ name, graph }) => [
    `${name} graph`,
    `${plain(graph.scheme)}, ${size(graph.bytes)}`,
  ]);
  return table(
    [{ title: "property" }, { title: "value" }],
    [
      ["architecture", model.architecture],
      ["parameters", integer(model.parameters)],
      ["target", plain(model.target)],
      ["weight format", plain(model.scheme)],
      ...graphs,
      ["size", size(modelBytes(model))],
      ["size before quantization", bytesBefore === undefined ? NOT_MEASURED : size(bytesBefore)],
      ["vocabulary", `${integer(model.vocabularySize)} tokens`],
      ["longest source", `${integer(model.maxSource)} tokens`],
      ["longest target", `${integer(model.maxTarget)} tokens`],
      ...(model.vision === undefined ? [] : sightRows(model.vision)),
      ["FLOPs per source token, encoder", integer(model.flops.encoderPerSourceToken)],
      ["FLOPs per generated token, decoder", integer(model.flops.decoderPerTargetToken)],
    ],
  ).concat(
    "\n\nFLOPs are computed from the shapes. A multiply-add counts as two; attention scores are excluded.",
  );
}

function sightRows({ image, patch, tokens, prompt, flopsPerImage }: DeviceVision): readonly string[][] {
  const { height, width } = processedSize(image);
  return [
    [
      "sees",
      `an image with every text, ${width} x ${height} pixels in patches of ${patch.width} x ${patch.height}`,
    ],
    ["tokens of an image", integer(tokens)],
    ...(prompt === undefined ? [] : [["prompt for an image without text", plain(prompt)]]),
    ["FLOPs per image, tower and projector", integer(flopsPerImage)],
  ];
}

function limitsText(model: DeviceModel, limits: readonly string[]): string {
  const known = [
    `Sources longer than ${integer(model.maxSource)} tokens and answers longer than ${integer(model.maxTarget)} tokens do not fit.`,
    ...limits.map(plain),
  ];
  return known.map((limit) => `- ${limit}`).join("\n");
}

function qualityText(metrics: readonly CardMetric[]): string {
  if (metrics.length === 0) return `Quality was ${NOT_MEASURED}.`;
  const number = (value: number | undefined): string => (value === undefined ? NOT_MEASURED : decimal(value));
  return table(
    [
      { title: "metric" },
      { title: "data" },
      { title: "rows", align: "right" },
      { title: "before quantization", align: "right" },
      { title: "after quantization", align: "right" },
    ],
    metrics.map(({ metric, dataset, n, before, after, interval }) => [
      plain(metric),
      plain(dataset),
      integer(n),
      number(before),
      number(after) +
        (interval === undefined ? "" : ` (${decimal(interval.low)} to ${decimal(interval.high)})`),
    ]),
  ).concat(
    metrics.some(({ interval }) => interval !== undefined)
      ? "\n\nIn brackets: 95 % confidence interval, by bootstrap over the rows."
      : "",
  );
}

/** Effect of the confidence threshold on the rows on which it was chosen; empty without a threshold. */
function abstentionText(abstention: DeviceModel["abstention"]): string {
  if (abstention === undefined) return "";
  const { threshold, rows, coverage, errorRate } = abstention;
  const percent = (share: number): string => `${decimal(100 * share)} %`;
  return (
    `\n\nAnswers with a confidence below ${decimal(threshold)} are withheld. Of the ${integer(rows)} held-out rows on which this threshold was chosen, ` +
    `${percent(coverage)} are answered, and ${percent(errorRate)} of these answers are wrong.`
  );
}

function compiledText(
  compiled: NonNullable<DeviceModel["compiled"]>,
  verified: readonly CardCompiled[],
): string {
  const rows = compiled.map(({ soc, plugin, graphs }) => {
    const bytes = Object.values(graphs).reduce((sum, graph) => sum + graph.bytes, 0);
    return [plain(soc), plain(plugin), size(bytes), verifiedText(verified.find((one) => one.soc === soc))];
  });
  return table(
    [{ title: "chip" }, { title: "compiled by" }, { title: "size" }, { title: "verified" }],
    rows,
  ).concat(
    "\n\nOn another chip, or with another version of the plug-in, the portable graphs are compiled at load time.",
  );
}

function verifiedText(found: CardCompiled | undefined): string {
  if (found === undefined) return NOT_MEASURED;
  const { simulated, dataset, rows, equalAnswers, metrics } = found;
  const values = Object.entries(metrics).map(
    ([name, { cpu, device }]) => `; ${plain(name)} ${decimal(device)}, on the CPU ${decimal(cpu)}`,
  );
  const where = simulated ? "simulated" : "on the chip";
  return `${where}: ${integer(equalAnswers)} of ${integer(rows)} answers (${plain(dataset)}) equal the CPU's${values.join("")}`;
}

function trainingText(training: CardInput["training"]): string {
  const settings = Object.entries(training ?? {});
  if (settings.length === 0) return NOT_STATED;
  return table(
    [{ title: "setting" }, { title: "value" }],
    settings.map(([key, value]) => [plain(key), plain(String(value))]),
  ).concat("\n\nSettings that are not listed have their defaults.");
}

function provenanceText(inputs: NonNullable<CardInput["provenance"]>): string {
  if (inputs.length === 0) return NOT_STATED;
  return table(
    [{ title: "input" }, { title: "sha256" }],
    inputs.map(({ name, sha256 }) => [plain(name), plain(sha256)]),
  );
}

function licenceText(licences: NonNullable<CardInput["licences"]>): string {
  if (licences.length === 0) return NOT_STATED;
  return licences.map(({ of, licence }) => `- ${plain(of)}: ${plain(licence)}`).join("\n");
}

function filesTable(files: readonly BundledFile[]): string {
  return table(
    [{ title: "file" }, { title: "bytes", align: "right" }, { title: "sha256" }],
    files.map(({ path, bytes, sha256 }) => [plain(path), integer(bytes), sha256]),
  );
}
