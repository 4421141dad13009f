/** Gathers the rows of a source into groups: one source text, every target it has. */
import type { DataConfig } from "./data-config.js";
import { scanRows, type ScannedLine } from "./read-rows.js";
import { referencesOf, type Rejection, type Row } from "./row.js";
import { hashSource, sourceKey, splitOf, type Split, type SplitFractions } from "./split.js";
import { DEFAULT_SOURCE, scanSource } from "./source-table.js";
import { sourceUnits, targetUnits } from "./statistics.js";

/** A source with its targets, in the order they were first seen. */
export interface Group {
  readonly source: string;
  readonly targets: readonly string[];
}

/** A rejected line of a named file. */
export interface FileRejection extends Rejection {
  readonly file: string;
}

export interface Collected {
  readonly groups: Readonly<Record<Split, readonly Group[]>>;
  /** The first {@link MAX_REJECTIONS}. */
  readonly rejected: readonly FileRejection[];
  readonly rejectedCount: number;
  /** Pairs of source and target that were seen before. */
  readonly duplicates: number;
}

export interface CollectOptions {
  /** Called after every line read. */
  readonly onLine?: () => void;
}

/** Rejections kept word by word; the rest is counted. */
export const MAX_REJECTIONS = 100;

/** One file of input. `split` is absent where the hash of the source decides. */
interface Input {
  readonly file: string;
  readonly split?: Split;
  readonly lines: AsyncIterable<ScannedLine>;
}

/**
 * Reads every input of a configuration and puts each source into one split.
 *
 * A source in a test file is a test source, one in a dev file a dev source; the same source in another file is
 * rejected there, since it would leak what is measured into what is learnt.
 *
 * @throws SlmError INPUT_MISSING if an input cannot be read.
 */
export async function collectGroups(config: DataConfig, options: CollectOptions = {}): Promise<Collected> {
  const targets: Record<Split, Map<string, Set<string>>> = {
    train: new Map(),
    dev: new Map(),
    test: new Map(),
  };
  /** Sources of files made for one split. */
  const made = new Map<string, Split>();
  const fractions = fractionsOf(config);
  const rejected: FileRejection[] = [];
  let rejectedCount = 0;
  let duplicates = 0;

  for (const { file, split: own, lines } of inputsOf(config)) {
    for await (const scanned of lines) {
      options.onLine?.();
      const checked = "row" in scanned ? checkLimits(scanned, config, made, own) : scanned;
      if (!("row" in checked)) {
        if (rejected.length < MAX_REJECTIONS) rejected.push({ file, ...checked });
        rejectedCount++;
        continue;
      }
      const { row } = checked;
      if (own !== undefined) made.set(sourceKey(row.source), own);
      const known = groupOf(targets[own ?? splitOf(hashSource(row.source), fractions)], row.source);
      for (const target of new Set([row.target, ...referencesOf(row)])) {
        if (known.has(target)) duplicates++;
        known.add(target);
      }
    }
  }
  const groups = {
    train: listGroups(targets.train),
    dev: listGroups(targets.dev),
    test: listGroups(targets.test),
  };
  return { groups, rejected, rejectedCount, duplicates };
}

/** Files made for one split come first, test before dev, so that their sources are known when others are read. */
function inputsOf(config: DataConfig): readonly Input[] {
  const made = (["test", "dev"] as const).flatMap((split): readonly Input[] => {
    const file = config[split];
    return file === undefined ? [] : [{ file, split, lines: scanRows(file) }];
  });
  return [...made, trainingInput(config)];
}

function trainingInput({ train, source = DEFAULT_SOURCE }: DataConfig): Input {
  return train === undefined
    ? { file: source.kind, lines: scanSource(source) }
    : { file: train, lines: scanRows(train) };
}

/** A split that has a file of its own takes nothing from the training rows. */
function fractionsOf({ dev, test, testFraction, devFraction }: DataConfig): SplitFractions {
  return {
    testFraction: test === undefined ? testFraction : 0,
    devFraction: dev === undefined ? devFraction : 0,
  };
}

type ScannedRow = Extract<ScannedLine, { readonly row: Row }>;

function checkLimits(
  scanned: ScannedRow,
  config: DataConfig,
  made: ReadonlyMap<string, Split>,
  own: Split | undefined,
): ScannedLine {
  const reason = tooLong(scanned.row, config) ?? leak(made, own, scanned.row);
  return reason === undefined ? scanned : { line: scanned.line, reason };
}

function tooLong(row: Row, { maxSource, maxTarget }: DataConfig): string | undefined {
  const source = sourceUnits(row.source).length;
  if (maxSource !== undefined && source > maxSource) {
    return `the source has ${source} characters, expected at most ${maxSource}`;
  }
  const target = Math.max(...[row.target, ...referencesOf(row)].map((text) => targetUnits(text).length));
  if (maxTarget !== undefined && target > maxTarget) {
    return `the target has ${target} tokens, expected at most ${maxTarget}`;
  }
  return undefined;
}

function leak(made: ReadonlyMap<string, Split>, own: Split | undefined, { source }: Row): string | undefined {
  const owner = made.get(sourceKey(source));
  if (owner === undefined || owner === own) return undefined;
  return `the source ${JSON.stringify(source)} is also in the ${owner} file`;
}

function groupOf(groups: Map<string, Set<string>>, source: string): Set<string> {
  const known = groups.get(source) ?? new Set();
  groups.set(source, known);
  return known;
}

function listGroups(groups: ReadonlyMap<string, ReadonlySet<string>>): readonly Group[] {
  return Array.from(groups, ([source, targets]) => ({ source, targets: [...targets] }));
}
