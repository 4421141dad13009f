/** Moves the teacher's probabilities to the student's vocabulary. */
import { SlmError } from "@slm/core";
import { addedTexts, type Tokenizer } from "@slm/tokenizer";

/** Smallest probability, so that its logarithm is finite. */
const LEAST = 1e-9;

/** Student tokens of each teacher token v: entries `starts[v]` to `starts[v + 1]` of `students`, with equal shares. */
interface Routes {
  readonly starts: Int32Array;
  readonly students: Int32Array;
}

/**
 * Rules that move probabilities from a teacher's vocabulary to a student's, by the text that a token adds to the target:
 *
 * 1. to the student's token of the same text; the EOS token to the EOS token;
 * 2. else to the student's token of the longest text with which the teacher's token begins: it comes first when the student
 *    writes that text;
 * 3. else in equal shares to the student's tokens that begin with the text of the teacher's token;
 * 4. the rest (special tokens, and text that the student cannot encode) in equal shares to all tokens.
 */
export class VocabularyMap {
  readonly teacherSize: number;
  readonly studentSize: number;
  private readonly first: Routes;
  private readonly later: Routes;

  /**
   * @param example a target of the data. Tokens are decoded after its first token, to get their text inside a target.
   * @throws SlmError DATA_INVALID if the vocabularies have no text in common.
   */
  constructor(teacher: Tokenizer, student: Tokenizer, example: string) {
    this.teacherSize = teacher.vocabularySize;
    this.studentSize = student.vocabularySize;
    const from = addedTexts(teacher, example);
    const to = addedTexts(student, example);
    const written = new Set(student.encodeTarget(example));
    const ends = [teacher.tokens.eos, student.tokens.eos] as const;
    this.first = routesOf(from.first, to.first, ends, written);
    this.later = routesOf(from.later, to.later, ends, written);
    const known = new Set(from.later);
    if (!to.later.some((text) => text !== "" && known.has(text))) {
      throw new SlmError(
        "DATA_INVALID",
        "distill: no token of the teacher's vocabulary has the text of one of the student's, so no probability can be moved",
        { suggestions: ["set distill.loss.crossTokenizer to uld"] },
      );
    }
  }

  /**
   * Log-probabilities of one position.
   *
   * @param teacher log-probabilities or logits `[teacher vocabulary]`.
   * @param student receives log-probabilities `[student vocabulary]`.
   * @param isFirst whether the position is the first of its target.
   */
  project(teacher: Float32Array, student: Float32Array, isFirst: boolean): void {
    const { starts, students } = isFirst ? this.first : this.later;
    let largest = -Infinity;
    for (const logit of teacher) if (logit > largest) largest = logit;
    student.fill(0);
    let total = 0;
    let rest = 0;
    for (let id = 0; id < teacher.length; id++) {
      const mass = Math.exp(teacher[id]! - largest);
      total += mass;
      // Models may have more ids than their tokenizer; such ids have no text.
      const [begin, end] = id < this.teacherSize ? [starts[id]!, starts[id + 1]!] : [0, 0];
      if (begin === end) rest += mass;
      const share = mass / (end - begin);
      for (let at = begin; at < end; at++) student[students[at]!]! += share;
    }
    const spread = rest / this.studentSize;
    for (let id = 0; id < student.length; id++)
      student[id] = Math.log(Math.max(LEAST, (student[id]! + spread) / total));
  }
}

function routesOf(
  from: readonly string[],
  to: readonly string[],
  [teacherEnd, studentEnd]: readonly [number, number],
  preferred: ReadonlySet<number>,
): Routes {
  const byText = new Map<string, number>();
  to.forEach((text, id) => {
    // Of several tokens with one text, prefer one that is used in targets; else the last, because symbol vocabularies list target
    // tokens after source tokens.
    const held = byText.get(text);
    if (text !== "" && (held === undefined || !preferred.has(held))) byText.set(text, id);
  });
  const texts = [...byText.keys()].sort();
  const starts = new Int32Array(from.length + 1);
  const students: number[] = [];
  from.forEach((text, id) => {
    if (id === teacherEnd) students.push(studentEnd);
    else students.push(...targetsOf(text, byText, texts));
    starts[id + 1] = students.length;
  });
  return { starts, students: Int32Array.from(students) };
}

function targetsOf(text: string, byText: ReadonlyMap<string, number>, texts: readonly string[]): number[] {
  for (let length = text.length; length > 0; length--) {
    const found = byText.get(text.slice(0, length));
    if (found !== undefined) return [found];
  }
  if (text === "") return [];
  const longer: number[] = [];
  for (let at = lowerBound(texts, text); at < texts.length && texts[at]!.startsWith(text); at++)
    longer.push(byText.get(texts[at]!)!);
  return longer;
}

/** Index of the first element of a sorted list that is not less than `text` (lower bound). */
function lowerBound(sorted: readonly string[], text: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < text) low = middle + 1;
    else high = middle;
  }
  return low;
}
