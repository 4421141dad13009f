/** Sources without targets, from which batches for the teacher to label are drawn. Kept on disk. */
import type { Tokenizer } from "@slm/tokenizer";
import { TokenListsWriter, type Bucket, type TokenLists } from "@slm/training";
import { RowDrawer } from "./row-drawer.js";
import type { BatchSources } from "./teacher-side.js";

export interface UnlabelledRequest {
  readonly texts: AsyncIterable<string> | Iterable<string>;
  readonly student: Tokenizer;
  /** Absent where both models have one vocabulary. */
  readonly teacher?: Tokenizer | undefined;
  /** Longest sources of both models [tokens]. */
  readonly limits: { readonly student: number; readonly teacher: number };
  /** Receives the tokens. */
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

  /**
   * Tokenizes texts; those beyond a model's limit are left out.
   *
   * @throws SlmError DATA_INVALID for a text that a tokenizer refuses.
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

  /** Sources for a program of a bucket's shape, see {@link RowDrawer.draw}; undefined where none fits. */
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
