/**
 * Character classes of a regular expression. Characters that belong to the same sets of the expression are one class, so an automaton needs one
 * transition for all of them.
 *
 * JavaScript's own engine tests membership for single characters, so Unicode properties and escapes have exactly JavaScript's meaning.
 */

/** Number of the class for the edge of the text, where there is no character. */
export const EDGE = 0;

/** Number of a set of characters. */
export type SetId = number;

export class CharacterClasses {
  readonly #sets: RegExp[] = [];
  readonly #setIds = new Map<string, SetId>();
  /** Class of each character that is one UTF-16 unit; 0 for unknown. */
  readonly #units = new Uint16Array(0x10000);
  readonly #others = new Map<number, number>();
  readonly #classIds = new Map<string, number>();
  /** By class: the sets that contain its characters. */
  readonly #members: ReadonlySet<SetId>[] = [new Set()];

  /**
   * Returns the number of a set.
   *
   * @param source a regular expression for one character, such as `[a-z]`, `\p{L}` or `x`
   */
  set(source: string): SetId {
    const known = this.#setIds.get(source);
    if (known !== undefined) return known;
    const id = this.#sets.push(new RegExp(`^(?:${source})$`, "u")) - 1;
    this.#setIds.set(source, id);
    return id;
  }

  /** Number of sets. */
  get size(): number {
    return this.#sets.length;
  }

  /** The class of a character. Call it only after all sets are registered. */
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

  /** Whether a set contains the characters of a class; no set contains the edge of a text. */
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
