/** Checks prepared rows against the models and metrics of a recipe: lengths, and whether metrics can read the references. */
import { compileConfig } from "@slm/runtime-native/compilation";
import { SlmError } from "@slm/core/errors";
import { DATA_FILES, readRows, referencesOf, textRow, type Row, type Split } from "@slm/data";
import { distillConfig } from "@slm/distillation";
import { METRIC_NAMES, METRICS, type MetricName } from "@slm/metrics";
import { imageTokensOf } from "@slm/model";
import { teacherConfig } from "@slm/labelling";
import { loadTokenizer, type Tokenizer } from "@slm/tokenizer";
import { join } from "node:path";
import { heldOutFile } from "@slm/models/rows";
import { quantizeSection } from "../stages/quantize-stage.js";
import type { CheckRequest } from "./check.js";
import { plannedStudent } from "./planned-student.js";

/** A model that will read the rows, and its length limits [tokens]. */
interface Reader {
  /** Dotted name of the section with its limits. */
  readonly setting: string;
  readonly maxSource: number;
  /** EOS included. */
  readonly maxTarget: number;
  /** The row in the model's format. */
  readonly view: (row: Row) => Row;
}

/** Sources or targets that are longer than the model's limit. */
interface Excess {
  readonly setting: string;
  readonly limit: number;
  count: number;
  longest: number;
  /** Length of the longest [characters]. */
  units: number;
  readonly first: string;
}

/**
 * Checks that every training row fits the models that will be trained, and that every held-out source fits the student.
 *
 * @throws SlmError DATA_INVALID with the number of rows that are too long, the longest, and the settings that would help
 */
export async function checkLengths(request: CheckRequest): Promise<void> {
  const { artifacts, sections, signal } = request;
  const readers = await readersOf(request);
  if (readers.length === 0) return;
  const tokenizer = await loadTokenizer(artifacts.tokenizer!);
  const excesses = new Map<string, Excess>();
  let rows = 0;
  const isHeldOutRead = ["quantize", "bench", "compile"].some((name) => sections[name] !== undefined);
  for (const split of isHeldOutRead ? (["train", "test"] as const) : (["train"] as const)) {
    let place = 0;
    for await (const row of readRows(join(artifacts.data!, DATA_FILES[split]))) {
      if (signal.aborted) return;
      rows++;
      place++;
      for (const reader of readers)
        addExcess(excesses, { reader, row: reader.view(row), split, place, tokenizer });
    }
  }
  if (excesses.size > 0) throw tooLong([...excesses.values()], rows);
}

interface MeasuredRow {
  readonly reader: Reader;
  readonly row: Row;
  readonly split: Split;
  readonly place: number;
  readonly tokenizer: Tokenizer;
}

function addExcess(excesses: Map<string, Excess>, measured: MeasuredRow): void {
  const { reader, row, split, place, tokenizer } = measured;
  const add = (side: "source" | "target", tokens: number, limit: number): void => {
    if (tokens <= limit) return;
    const setting = `${reader.setting}.${side === "source" ? "maxSource" : "maxTarget"}`;
    const known = excesses.get(setting) ?? {
      setting,
      limit,
      count: 0,
      longest: 0,
      units: 0,
      first: `row ${place} of ${DATA_FILES[split]}`,
    };
    excesses.set(setting, known);
    known.count++;
    if (tokens <= known.longest) return;
    known.longest = tokens;
    known.units = row[side].length;
  };
  // The stage that reads the row reports texts that the tokenizer rejects, with their row numbers.
  const tokensOf = (encode: () => readonly number[]): number => lengthOf(encode) ?? 0;
  add(
    "source",
    tokensOf(() => tokenizer.encodeSource(row.source)),
    reader.maxSource,
  );
  if (split !== "train") return;
  // Plus one for EOS.
  add("target", tokensOf(() => tokenizer.encodeTarget(row.target)) + 1, reader.maxTarget);
}

function lengthOf(encode: () => readonly number[]): number | undefined {
  try {
    return encode().length;
  } catch (error) {
    if (error instanceof SlmError) return undefined;
    throw error;
  }
}

function tooLong(excesses: readonly Excess[], rows: number): SlmError {
  const parts = excesses.map(
    ({ setting, limit, count, longest, first }) =>
      `${count} of ${rows} rows are longer than ${setting}, ${limit} tokens; the longest has ${longest}, the first is ${first}`,
  );
  return new SlmError("DATA_INVALID", `data: ${parts.join("; ")}`, {
    context: {
      rows,
      excesses: excesses.map(({ setting, limit, count, longest }) => ({ setting, limit, count, longest })),
    },
    suggestions: [
      excesses.map(({ setting, longest }) => `--set ${setting}=${longest}`).join(" "),
      "--set data.maxSource=CHARACTERS or --set data.maxTarget=WORDS to leave long rows out",
    ],
  });
}

async function readersOf(request: CheckRequest): Promise<readonly Reader[]> {
  const { sections, running } = request;
  const readers: Reader[] = [];
  const teacher = teacherConfig.safeParse(sections.teacher).data;
  if (teacher?.kind === "train" && running.includes("teacher")) {
    const { maxSource, maxTarget } = teacher.model;
    readers.push({ setting: "teacher.model", maxSource, maxTarget, view: textRow });
  }
  if (!running.includes("distill")) return readers;
  const config = await plannedStudent(request);
  if (config === undefined) return readers;
  const maxSource = config.maxSource - imageTokensOf(config);
  readers.push({ setting: "distill.student", maxSource, maxTarget: config.maxTarget, view: (row) => row });
  return readers;
}

/**
 * Checks that there are rows to evaluate on, and that the recipe's metrics can read their references.
 *
 * @throws SlmError DATA_INVALID with the metric, the number of rows that it cannot read and the first such row
 */
export async function checkMetrics(request: CheckRequest): Promise<void> {
  const { artifacts, sections, running } = request;
  for (const [split, named] of Object.entries(metricsBySplit(request)) as [Split, Measured[]][]) {
    const asked = named.filter(({ stage }) => running.includes(stage) && sections[stage] !== undefined);
    if (asked.length === 0) continue;
    const file = join(artifacts.data!, DATA_FILES[await splitToRead(artifacts.data!, split)]);
    const unread = new Map<MetricName, Unread>();
    let rows = 0;
    for await (const row of readRows(file)) {
      rows++;
      for (const metric of new Set(asked.map(({ metric: name }) => name))) {
        const reason = unreadable(row, metric);
        if (reason === undefined) continue;
        const known = unread.get(metric) ?? { count: 0, place: rows, reason, other: readable(row) };
        known.count++;
        unread.set(metric, known);
      }
    }
    if (rows === 0) throw noHeldOutRows(split);
    const [first] = unread;
    if (first === undefined) continue;
    const [metric, { count, place, reason, other }] = first;
    throw new SlmError(
      "DATA_INVALID",
      `metrics: ${metric} cannot read the targets of ${count} of ${rows} ${split} rows; row ${place}: ${reason}`,
      {
        context: { metric, split, rows, unreadable: count },
        suggestions: [`--set metrics=[${other}], or another metric that can read these targets`],
      },
    );
  }
}

/** The rows that a metric cannot read. */
interface Unread {
  count: number;
  /** Row number of the first one. */
  readonly place: number;
  readonly reason: string;
  /** A metric that can read the first one. */
  readonly other: MetricName;
}

/** A metric that can score a row: exact match if possible. */
function readable(row: Row): MetricName {
  const names: readonly MetricName[] = ["exactMatch", "squadExactMatch", ...METRIC_NAMES];
  return names.find((name) => unreadable(row, name) === undefined) ?? "exactMatch";
}

/** Without test rows, dev rows are used. */
async function splitToRead(dataDirectory: string, split: Split): Promise<Split> {
  return split === "test" ? (await heldOutFile(dataDirectory)).split : split;
}

function noHeldOutRows(split: Split): SlmError {
  return new SlmError(
    "DATA_INVALID",
    `data: expected at least one ${split} row, got none: the checkpoint is chosen by the metric on dev rows`,
    { suggestions: [`--set data.${split}Fraction=0.2`, `--set data.${split}=FILE`] },
  );
}

/** A metric that a stage computes on held-out rows. */
interface Measured {
  readonly stage: string;
  readonly metric: MetricName;
}

/** The metrics computed on each split. */
function metricsBySplit({ sections }: CheckRequest): Readonly<Record<"dev" | "test", readonly Measured[]>> {
  const distill = distillConfig.safeParse(sections.distill).data;
  const teacher = teacherConfig.safeParse(sections.teacher).data;
  const quantize = quantizeSection.safeParse(sections.quantize).data;
  const compile = compileConfig.safeParse(sections.compile).data;
  const all = (stage: string, metrics: readonly MetricName[] = []): Measured[] =>
    metrics.map((metric) => ({ stage, metric }));
  return {
    dev: [
      ...all("distill", distill?.metrics),
      ...all("teacher", teacher?.kind === "train" ? teacher.metrics : undefined),
    ],
    test: [
      ...all("quantize", quantize?.metrics),
      ...all("compile", compile?.verifyRows === 0 ? [] : compile?.metrics),
    ],
  };
}

/** Why a metric cannot score a row; undefined if it can. */
function unreadable(row: Row, metric: MetricName): string | undefined {
  try {
    METRICS[metric].rowScore(row.target, referencesOf(row));
    return undefined;
  } catch (error) {
    if (error instanceof SlmError) return error.message;
    throw error;
  }
}
