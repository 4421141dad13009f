/** Unlabelled sources on disk, from which batches are drawn for the teacher to label. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { SlmError } from "@slm/core";
import { DATA_FILES, readSources } from "@slm/data";
import type { Tokenizer } from "@slm/tokenizer";
import { TokenListsWriter, type Bucket, type TokenLists } from "@slm/training";
import type { TeacherReader } from "./corpus.js";
import type { DistillRun } from "./distill-inputs.js";
import { textLimits } from "./open-corpus.js";
import { RowDrawer } from "./row-drawer.js";
import { largestShare } from "./target-schedule.js";
import type { BatchSources } from "./distillation-teacher.js";

/** Directory for the tokens during the run. */
export const UNLABELLED_FILE = "unlabelled.bin";

export interface UnlabelledRequest {
  readonly texts: AsyncIterable<string> | Iterable<string>;
  readonly student: Tokenizer;
  /** Absent for a shared vocabulary. */
  readonly teacher?: Tokenizer | undefined;
  /** Longest sources of both models [tokens]. */
  readonly limits: { readonly student: number; readonly teacher: number };
  /** File for the tokens. */
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
   * @throws SlmError INPUT_MISSING if the data has none, and as {@link write}.
   */
  static async open(
    { settings, inputs, config, tokenizer }: DistillRun,
    teacher: TeacherReader | undefined,
  ): Promise<UnlabelledSources | undefined> {
    if (largestShare(settings.targets.unlabelledFraction) === 0) return undefined;
    const path = join(inputs.dataDirectory, DATA_FILES.unlabelled);
    const exists = await stat(path).then(
      () => true,
      () => false,
    );
    if (!exists) {
      throw new SlmError(
        "INPUT_MISSING",
        `distill: targets.unlabelledFraction is positive, but there is no ${path}`,
        {
          suggestions: [
            "name the file of sources in data.unlabelled.path",
            "set distill.targets.unlabelledFraction to 0",
          ],
        },
      );
    }
    return UnlabelledSources.write({
      texts: readSources(path),
      student: tokenizer,
      teacher: teacher?.tokenizer,
      limits: {
        student: textLimits(config).maxSource,
        teacher: teacher?.tokenizer === undefined ? config.maxSource : teacher.limits.maxSource,
      },
      file: join(inputs.workDirectory, UNLABELLED_FILE),
    });
  }

  /** Tokenizes texts; texts beyond a model's limit are left out.
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
