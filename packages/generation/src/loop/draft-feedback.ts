/**
 * Repeated runs of one row that verify drafts. Each run is fed the last picked token and the draft tokens after it, and its picks show how many
 * drafts were right. The tokens are the same as with one run per token, in fewer runs.
 *
 * ```
 * ids    [ t, d1, d2, d3 ]        picks [ p1, p2, p3, p4 ]
 *          d1 = p1, d2 = p2, d3 ≠ p3:     p1, p2, p3 are the next tokens; p4 was computed from a wrong token
 * ```
 *
 * Source: Stern et al. 2018 (arXiv:1811.03115), section 3; Leviathan et al. 2023 (arXiv:2211.17192) for verification in one run.
 */
import { SlmError } from "@slm/core";
import type { HostTensor } from "@slm/runtime";
import { CopyDrafter, type CopySource } from "../drafts/copies.js";
import { int32Values, type FeedbackRule, type RunFeedback, type Taken } from "./feedback.js";

/** Drafts of repeated runs: their source and their number. */
export interface DraftedRuns {
  readonly from: CopySource;
  /** Maximum number of tokens in total. Decoding stops here, or after `runs`. */
  readonly tokens: number;
  /** Number of positions that the caches have room for. A run is never fed more. */
  readonly capacity: number;
}

/** The inputs of the next run, for one row with drafts. */
export class DraftFeedback implements RunFeedback {
  /** `[1, length]`: the last token and the drafts after it. */
  ids: Int32Array;
  /** `[1]`, overwritten before each run. */
  readonly position: Int32Array;
  length: number;
  readonly rows = 1;
  readonly #end: number | undefined;
  readonly #runs: number;
  readonly #drafts: DraftedRuns;
  readonly #drafter: CopyDrafter;
  readonly #answer: number[] = [];
  /** Number of ids of the run that were not drafted. The first new pick follows the last of them. */
  #given: number;
  #done = 0;

  /** @throws SlmError SHAPE_MISMATCH unless the first run has one row */
  constructor(ids: HostTensor, position: HostTensor, rule: FeedbackRule & { readonly drafts: DraftedRuns }) {
    const [rows = 0, length = 0] = ids.shape;
    if (rows !== 1)
      throw new SlmError("SHAPE_MISMATCH", `generation: drafts are verified for one row, got ${rows}`);
    this.position = int32Values("the position", position, 1).slice();
    this.#end = rule.end;
    this.#runs = rule.runs;
    this.#drafts = rule.drafts;
    this.#given = length;
    const { tokens, capacity, from } = rule.drafts;
    this.#drafter = new CopyDrafter(from);
    const room = Math.min(tokens - 1, capacity - this.position[0]! - length);
    const drafted = this.#drafter.draft([], room);
    this.ids = Int32Array.of(...int32Values("ids", ids, length), ...drafted);
    this.length = this.ids.length;
  }

  /**
   * Receives the picks of a run, one for each id that it was fed.
   *
   * @returns the number of accepted picks, and whether another run follows
   * @throws SlmError SHAPE_MISMATCH unless picks are int32
   */
  take(picks: HostTensor): Taken {
    const picked = int32Values("picks", picks, this.length).subarray(this.#given - 1);
    const fed = this.ids.subarray(this.#given - 1);
    let accepted = 1;
    while (
      accepted < picked.length &&
      fed[accepted] === picked[accepted - 1] &&
      picked[accepted - 1] !== this.#end
    )
      accepted++;
    this.#done++;
    this.position[0]! += this.length - picked.length + accepted;
    this.#answer.push(...picked.subarray(0, accepted));
    const last = picked[accepted - 1]!;
    const left = this.#drafts.tokens - this.#answer.length;
    const goesOn = last !== this.#end && left > 0 && this.#done < this.#runs;
    const room = Math.min(left - 1, this.#drafts.capacity - this.position[0]! - 1);
    const next = goesOn ? this.#drafter.draft(this.#answer, room) : [];
    this.ids = Int32Array.of(last, ...next);
    this.length = this.ids.length;
    this.#given = 1;
    return { accepted, goesOn };
  }
}
