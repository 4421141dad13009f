/** The text output of `slm export`: the files that it wrote, or the plan of `--dry-run`. */
import type { ExportPlan, ExportReport } from "@slm/onnx-export";
import type { ExportedC } from "@slm/slm/functions/export-c";
import { formatBytes, formatNumber } from "@slm/core/format";

/** The files, the parity check, and the path of the artifact. */
export function exportReportLines(report: ExportReport, artifact: string): readonly string[] {
  const { files, opset, parity, parameters, target, profile, precision } = report;
  return [
    ...files.map(({ path, bytes }) => `${formatBytes(bytes).padStart(10)}  ${path}`),
    `${formatNumber(parameters)} parameters, target ${target} ${profile}, ${precision}, opset ${opset}`,
    ...parityLines(parity),
    artifact,
  ];
}

/** C files, the parity check, and how to compile them. */
export function exportCLines({
  files,
  parameters,
  weights,
  arenaBytes,
  text,
  parity,
  artifact,
}: ExportedC): readonly string[] {
  const source = files.find(({ path }) => path.endsWith(".c"))!.path;
  return [
    ...files.map(({ path, bytes }) => `${formatBytes(bytes).padStart(10)}  ${path}`),
    `${formatNumber(parameters)} parameters, target c, ${weights} weights, ${formatBytes(arenaBytes)} of working memory`,
    text.kind === "none"
      ? `no functions for text: ${text.reason}`
      : `functions for text: ${TOKENIZERS[text.kind]}`,
    `logits differ by at most ${formatNumber(parity.maxAbs)} (${parity.basis})`,
    `compile with: cc -std=c99 -O3 -fno-math-errno -march=native -c ${source}`,
    artifact,
  ];
}

const TOKENIZERS = {
  symbols: "symbol tokenizer",
  bpe: "byte-level BPE",
  unigram: "SentencePiece Unigram",
} as const;

function parityLines(parity: ExportReport["parity"]): readonly string[] {
  if (parity === null) return ["logits not compared"];
  const where = `(${parity.basis}, on provider ${parity.provider})`;
  return [
    `logits differ by at most ${formatNumber(parity.maxAbs)} ${where}`,
    ...parity.buckets.map(
      ({ source, maxAbs }) => `  sources of up to ${source} tokens: ${formatNumber(maxAbs)}`,
    ),
  ];
}

/** The graphs, their weights, and the memory for one text. */
export function exportPlanLines({ graphs, memory, diskBytes, ...plan }: ExportPlan): readonly string[] {
  const { target, profile, precision, layout, opset, parameters } = plan;
  return [
    `target ${target} ${profile}, ${precision}, layout ${layout}, opset ${opset}, ${formatNumber(parameters)} parameters`,
    ...graphs.map(
      ({ file, nodes, weightBytes }) =>
        `${formatBytes(weightBytes).padStart(10)}  ${file}, ${formatNumber(nodes)} nodes`,
    ),
    `${formatBytes(diskBytes).padStart(10)}  weights on disk; shared weights count once`,
    "memory for one text:",
    ...memory.map(
      (item) =>
        `  source ${item.source}, target ${item.window}: weights ${formatBytes(item.weightBytes)}, ` +
        `caches ${formatBytes(item.cacheBytes)}, keys and values of the source ${formatBytes(item.sourceBytes)}, ` +
        `activations about ${formatBytes(item.activationBytesEstimate)} (estimate)`,
    ),
  ];
}
