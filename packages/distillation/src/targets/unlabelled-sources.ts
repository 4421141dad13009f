/** Draws batches from unlabelled sources on disk, for the teacher to label. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { SlmError } from "@slm/core";
import { DATA_FILES, readSources } from "@slm/data";
import type { Tokenizer } from "@slm/tokenizer";
import { TokenListsWriter, type Bucket, type TokenLists } from "@slm/training";
import type { TeacherReader } from "../sources/corpus.js";
import type { DistillRun } from "../config/distill-inputs.js";
import { textLimits } from "../sources/open-corpus.js";
import { RowDrawer } from "../sources/row-drawer.js";
import { type TargetsConfig } from "../config/target-shares.js";
import type { BatchSources } from "../teacher/distillation-teacher.js";

/** Directory for the tokens during the run. */
export const UNLABELLED_FILE = "unlabelled.bin";

/** Disables the teacher's labels. */
const NONE_ASKED = "--set distill.targets.unlabelledFraction=0";

/**
 * The data stage's file of unlabelled sources, if `targets` need it.
 *
 * @throws SlmError INPUT_MISSING if there are none: every training row has a label, and the recipe names no other sources
 */
export async function requireUnlabelled(dataDirectory: string, targets: TargetsConfig): Promise<string> {
  const path = join(dataDirectory, DATA_FILES.unlabelled);
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size > 0) return path;
  throw new SlmError(
    "INPUT_MISSING",
    `distill.targets.unlabelledFraction: expected unlabelled sources for ${targets.unlabelledFraction} of the batches, got none: ` +
      `${DATA_FILES.unlabelled} is missing or empty, so every training row has a label`,
    {
      context: { file: path },
      suggestions: [NONE_ASKED, "--set data.labels=1000, or fewer", "--set data.unlabelled.path=FILE"],
    },
  );
}

export interface UnlabelledRequest {
  readonly texts: AsyncIterable<string> | Iterable<string>;
  readonly student: Tokenizer;
  /** Undefined for a shared vocabulary. */
  readonly teacher?: Tokenizer | undefined;
  /** Source limits of both models [tokens]. */
  readonly limits: { readonly student: number; readonly teacher: number };
  /** File of the tokens. */
  readonly file: string;
}

export class UnlabelledSources {
  private readonly lists: TokenLists;
  private readonly hasOwn: boolean;
  private readonly drawer: RowDrawer;

  private constructor(lists: TokenLists, hasOwn: boolean) {
    this.lists = lists;
    this.hasOwn = hasOwn;
    this.drawer = new RowDrawer({ source: lists.lengths[0]! });
  }

  /** The unlabelled sources of the data; undefined if their fraction is zero.
   *
   * @throws SlmError as {@link requireUnlabelled} and {@link write}; DATA_INVALID if no source fits the models.
   */
  static async open(
    { settings, inputs, config, tokenizer }: DistillRun,
    teacher: TeacherReader | undefined,
  ): Promise<UnlabelledSources | undefined> {
    if (settings.targets.unlabelledFraction === 0) return undefined;
    const path = await requireUnlabelled(inputs.dataDirectory, settings.targets);
    const limits = {
      student: textLimits(config).maxSource,
      teacher: teacher?.tokenizer === undefined ? config.maxSource : teacher.limits.maxSource,
    };
    const sources = await UnlabelledSources.write({
      texts: readSources(path),
      student: tokenizer,
      teacher: teacher?.tokenizer,
      limits,
      file: join(inputs.workDirectory, UNLABELLED_FILE),
    });
    if (sources.count > 0) return sources;
    await sources.close();
    throw new SlmError(
      "DATA_INVALID",
      `distill: every source in ${path} is too long: the limit is ${limits.student} tokens for the student, ${limits.teacher} for the teacher`,
      { suggestions: ["raise maxSource of distill.student and of the teacher", NONE_ASKED] },
    );
  }

  /** Tokenizes texts; texts beyond a model's limit are skipped.
   *
   * @throws SlmError DATA_INVALID for a text that a tokenizer rejects.
   */
  static async write({
    texts,
    student,
    teacher,
    limits,
    file,
  }: UnlabelledRequest): Promise<UnlabelledSources> {
    const writer = await TokenListsWriter.create(file, [
      limits.student,
      ...(teacher === undefined ? [] : [limits.teacher]),
    ]);
    try {
      for await (const text of texts) {
        const own = student.encodeSource(text);
        const theirs = teacher?.encodeSource(text) ?? own;
        if (own.length > limits.student || theirs.length > limits.teacher) continue;
        await writer.append(teacher === undefined ? [own] : [own, theirs]);
      }
    } catch (error) {
      await writer.abandon();
      throw error;
    }
    return new UnlabelledSources(await writer.finish(), teacher !== undefined);
  }

  get count(): number {
    return this.lists.count;
  }

  /** Sources that fit a bucket's shape, see {@link RowDrawer.draw}; undefined if none fits. */
  async draw(count: number, bucket: Bucket, random: () => number): Promise<BatchSources | undefined> {
    const rows = this.drawer.draw(count, { source: bucket.source, target: 0 }, random);
    if (rows.length === 0) return undefined;
    const [student, teacher] = await this.lists.read(rows);
    return { student: student!, teacher: this.hasOwn ? teacher! : student! };
  }

  close(): Promise<void> {
    return this.lists.close();
  }
}
