/** Uses the decoder's own argmax while the constraint accepts it. */
import type { DecodeOptions } from "./options.js";
import type { StepDecoder } from "./step-decoder.js";
import type { RowChoice } from "./token-by-token.js";
import type { TokenConstraint } from "../rules/token-constraint.js";
import { isEnd } from "../rules/token-rules.js";

export interface WhileAllowedOptions extends Pick<DecodeOptions, "eos" | "rules"> {
  readonly constraint: NonNullable<DecodeOptions["constraint"]>;
  readonly rewind: NonNullable<StepDecoder["rewind"]>;
  /** Continues to choose tokens, from the states of a constraint. */
  readonly chosenHere: (constraintOf: (row: number) => TokenConstraint) => RowChoice;
}

/**
 *
 * Uses the decoder's own picks until one is not allowed. That step is repeated, and from then on the tokens of all rows are chosen among the
 * allowed ones. The result is the same as choosing every token this way: if the highest logit is allowed, it is the highest allowed one. A model
 * that was trained on such answers seldom leaves the constraint, and then decodes as fast as without one.
 */
export function selectWhileAllowed(
  inDecoder: RowChoice,
  { eos, rules, constraint, rewind, chosenHere }: WhileAllowedOptions,
): RowChoice {
  /** The state of each row that has been fed. */
  const states = new Map<number, TokenConstraint>();
  const stateOf = (row: number): TokenConstraint => states.get(row) ?? constraint(row);
  let steps = 0;
  let here: RowChoice | undefined;
  return {
    step: async (feed, places) => {
      if (here !== undefined) return here.step(feed, places);
      const chosen = await inDecoder.step(feed, places);
      // Rows keep their places: decoders that pick do not drop rows.
      const open = places.flatMap((place) => (place === undefined ? [] : [place]));
      const picked = open.map((row) => ({ row, state: stateOf(row), choice: chosen(row) }));
      if (picked.every(({ state, choice }) => state.allows(choice.token))) {
        for (const { row, state, choice } of picked)
          states.set(row, isEnd({ eos, rules }, choice.token) ? state : state.after(choice.token));
        steps++;
        return chosen;
      }
      for (const { row, state } of picked) states.set(row, state);
      await inDecoder.end?.();
      rewind(steps);
      here = chosenHere(stateOf);
      return here.step(feed, places);
    },
    end: async () => {
      if (here === undefined) await inDecoder.end?.();
    },
  };
}
