/** ONNX models: analyzes, rewrites and quantizes them, and runs the original and the results in ONNX Runtime on the same random inputs. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { readOnnx, writeOnnx } from "@slm/onnx";
import { reasonOf, slm } from "../slm.mjs";
import { reference } from "../programs.mjs";

/** Smallest accepted cosine between the outputs of the original and of the model with 8-bit weights. */
const LEAST_COSINE = 0.98;

/** `feeds` describes random inputs that the model does not specify: sizes, a constant, or the range of whole numbers. */
/** @type {import("./kind.mjs").Kind} */
export async function onnx(file, { feeds = {} }, { cache, scratch }) {
  const given = Object.entries(feeds).flatMap(([name, { shape }]) =>
    shape === undefined ? [] : ["--shape", `${name}=${shape.join(",")}`],
  );
  const analyzed = await slm(["analyze", file, "--target", "cpu", "--json", ...given]);
  const read = analyzed.result === undefined ? undefined : findingsOf(analyzed.result);
  if (read === undefined) return { rejected: reasonOf(analyzed) };

  const rewritten = join(scratch, "rewritten.onnx");
  await writeOnnx(await readOnnx(file), rewritten);
  const quantized = join(scratch, "quantized");
  await rm(quantized, { recursive: true, force: true });
  const shrunk = await slm([
    "quantize",
    file,
    "--scheme",
    "int8-dynamic",
    "--threads",
    "1",
    "-o",
    quantized,
    "--json",
  ]);
  /** @type {Record<string, string>} */
  const others = { "written back": rewritten };
  if (shrunk.result !== undefined) others["int8-dynamic"] = quantized;
  const theirs = await reference(cache, "onnx", { file, feeds, others });
  const outcomes = Object.entries(/** @type {Record<string, Outcome>} */ (theirs.others)).map(([name, one]) =>
    describe(name, one),
  );
  if (shrunk.result === undefined) outcomes.push(describeRejection(reasonOf(shrunk)));
  return {
    read,
    converted: shrunk.result === undefined ? undefined : "int8-dynamic",
    run: theirs.error ?? `random inputs, ${theirs.inputs}`,
    compared: theirs.error === undefined && outcomes.every(({ isGood }) => isGood),
    reference: `onnxruntime ${theirs.version}`,
    figures: outcomes.map(({ text }) => text).join("; "),
  };
}

/**
 * ONNX Runtime's result for a rewritten model.
 *
 * @typedef {{ error?: string, largest: number, cosine: number }} Outcome
 */

function findingsOf(
  /** @type {{ graphs?: { findings?: { rule: string }[] }[], findings?: { rule: string }[] }} */
  { graphs = [], findings = [] },
) {
  const rules = [
    ...new Set([...findings, ...graphs.flatMap((graph) => graph.findings ?? [])].map(({ rule }) => rule)),
  ];
  return rules.length === 0 ? "analyzed, no findings" : `analyzed: ${rules.join(", ")}`;
}

/** Correct rejections by `slm quantize`: convolutions have no dynamic 8-bit form, and quantizing twice is rejected. */
/** @type {readonly [pattern: RegExp, text: string][]} */
const NOTHING_TO_DO = [
  [/no weights to quantize/u, "no weights that can be quantized"],
  [/is already quantized/u, "already quantized"],
];

function describeRejection(/** @type {string} */ reason) {
  const known = NOTHING_TO_DO.find(([pattern]) => pattern.test(reason));
  return { text: `int8-dynamic: ${known?.[1] ?? reason}`, isGood: known !== undefined };
}

function describe(/** @type {string} */ name, /** @type {Outcome} */ { error, largest, cosine }) {
  if (error !== undefined) return { text: `${name}: ${error}`, isGood: false };
  if (name === "written back")
    return {
      text: `${name}: ${largest === 0 ? "equal outputs" : `off by ${largest}`}`,
      isGood: largest === 0,
    };
  return { text: `${name}: cosine ${cosine.toFixed(5)}`, isGood: cosine >= LEAST_COSINE };
}
