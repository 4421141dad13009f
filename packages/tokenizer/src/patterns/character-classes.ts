/**
 * The characters that a regular expression tells apart. Characters that every set of the expression treats alike are one class, so that an
 * automaton needs one transition for all of them.
 *
 * Membership is what JavaScript's own engine says of a single character: Unicode properties and escapes mean exactly what they mean there.
 */

/** Number of the class that stands for the edge of the text, where there is no character. */
export const EDGE = 0;

/** Number of a set of characters. */
export type SetId = number;

export class CharacterClasses {
  readonly #sets: RegExp[] = [];
  readonly #setIds = new Map<string, SetId>();
  /** Class of each UTF-16 unit that is a character; 0 for unknown. */
  readonly #units = new Uint16Array(0x10000);
  readonly #others = new Map<number, number>();
  readonly #classIds = new Map<string, number>();
  /** By class: the sets that its characters are in. */
  readonly #members: ReadonlySet<SetId>[] = [new Set()];

  /**
   * The number of a set.
   *
   * @param source a regular expression of one character, as `[a-z]`, `\p{L}` or `x`
   */
  set(source: string): SetId {
    const known = this.#setIds.get(source);
    if (known !== undefined) return known;
    const id = this.#sets.push(new RegExp(`^(?:${source})$`, "u")) - 1;
    this.#setIds.set(source, id);
    return id;
  }

  /** How many sets there are. */
  get size(): number {
    return this.#sets.length;
  }

  /** The class of a character. All sets must be known by then. */
  of(codePoint: number): number {
    if (codePoint > 0xffff) {
      const known = this.#others.get(codePoint);
      if (known !== undefined) return known;
      const found = this.#classify(codePoint);
      this.#others.set(codePoint, found);
      return found;
    }
    const known = this.#units[codePoint]!;
    if (known !== 0) return known;
    return (this.#units[codePoint] = this.#classify(codePoint));
  }

  /** Whether the characters of a class are in a set; the edge of a text is in none. */
  has(classId: number, set: SetId): boolean {
    return this.#members[classId]!.has(set);
  }

  #classify(codePoint: number): number {
    const character = String.fromCodePoint(codePoint);
    const members = this.#sets.flatMap((set, id) => (set.test(character) ? [id] : []));
    const key = members.join(",");
    const known = this.#classIds.get(key);
    if (known !== undefined) return known;
    const id = this.#members.push(new Set(members)) - 1;
    this.#classIds.set(key, id);
    return id;
  }
}
