/** Chooses which tokens of a vocabulary to keep: the tokens in use, and the parts that byte pair encoding merges into them. */
import { SlmError } from "@slm/core";

export interface TokenChoice {
  /** How often each token is used. */
  readonly counts: ReadonlyMap<string, number>;
  /** Kept regardless of their counts. */
  readonly required: ReadonlySet<string>;
  /** The two tokens that are merged into a token, which are kept with it; undefined for tokens that are not the result of a merge. */
  readonly parts: (token: string) => readonly [string, string] | undefined;
  /** Most tokens. Default: no limit. */
  readonly vocabularySize?: number | undefined;
}

interface Entry {
  readonly token: string;
  readonly parts: readonly [string, string] | undefined;
  /** Occurrences in the texts, including those inside removed tokens that it was a part of. */
  count: number;
  /** Number of kept tokens that it is a part of. */
  uses: number;
}

/**
 * Starts with all used tokens and removes the rarest, as long as one is unused or there are too many. The occurrences of a removed
 * token become occurrences of its parts. A part of a kept token is never removed.
 *
 * @throws SlmError CONFIG_INVALID if there are more required tokens than `vocabularySize`.
 */
export function chooseTokens(choice: TokenChoice): ReadonlySet<string> {
  const { required, vocabularySize: limit = Infinity } = choice;
  const entries = usedEntries(choice);
  const isRemovable = ({ token, uses }: Entry): boolean => uses === 0 && !required.has(token);
  const queue = new RarestFirst([...entries.values()].filter(isRemovable));
  for (;;) {
    const rarest = queue.peek();
    if (rarest === undefined) break;
    if (rarest.count > 0 && entries.size <= limit) break;
    queue.pop();
    entries.delete(rarest.token);
    for (const part of rarest.parts ?? []) {
      const entry = entries.get(part)!;
      entry.count += rarest.count;
      entry.uses -= 1;
      if (isRemovable(entry)) queue.push(entry);
    }
  }
  if (entries.size <= limit) return new Set(entries.keys());
  throw new SlmError(
    "CONFIG_INVALID",
    `tokenizer: prune.vocabularySize is ${limit}, but ${entries.size} tokens are always kept: special tokens, bytes or characters, and the tokens of prune.keep and prune.keepFirst`,
    {
      context: { vocabularySize: limit, required: entries.size },
      suggestions: [`--set tokenizer.prune.vocabularySize=${entries.size}`],
    },
  );
}

/** Used and required tokens with all their parts, recursively. */
function usedEntries({ counts, required, parts }: TokenChoice): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  const open = [...required, ...counts.keys()];
  for (let token = open.pop(); token !== undefined; token = open.pop()) {
    if (entries.has(token)) continue;
    const made = parts(token);
    entries.set(token, { token, parts: made, count: counts.get(token) ?? 0, uses: 0 });
    open.push(...(made ?? []));
  }
  for (const { parts: made } of entries.values()) for (const part of made ?? []) entries.get(part)!.uses += 1;
  return entries;
}

/** A binary heap: the smallest count first, on a tie the later text. Counts of entries must not change while they are in it. */
class RarestFirst {
  private readonly heap: Entry[] = [];

  constructor(entries: readonly Entry[]) {
    for (const entry of entries) this.push(entry);
  }

  peek(): Entry | undefined {
    return this.heap[0];
  }

  push(entry: Entry): void {
    const { heap } = this;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(heap[at]!, heap[parent]!)) return;
      this.swap(at, parent);
      at = parent;
    }
  }

  pop(): void {
    const { heap } = this;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ;) {
      const children = [2 * at + 1, 2 * at + 2].filter((child) => child < heap.length);
      const first = children.reduce(
        (best, child) => (isBefore(heap[child]!, heap[best]!) ? child : best),
        at,
      );
      if (first === at) return;
      this.swap(at, first);
      at = first;
    }
  }

  private swap(a: number, b: number): void {
    [this.heap[a], this.heap[b]] = [this.heap[b]!, this.heap[a]!];
  }
}

const isBefore = (a: Entry, b: Entry): boolean =>
  a.count === b.count ? a.token > b.token : a.count < b.count;
