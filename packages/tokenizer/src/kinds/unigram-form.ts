/** Unigram tokenizers in one form, for programs that run them without this package. */
import type { MapRule, MapTable } from "../text/character-map.js";

/** The text that a token adds to an answer. */
export type TokenText =
  /** A piece, whose signs of spaces become spaces. */
  | { readonly kind: "piece"; readonly text: string }
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "byte"; readonly byte: number }
  | { readonly kind: "none" };

/** How texts are split. */
interface UnigramRule {
  /**
   * Whether pieces may span words. `whole`: they may. `white`: words end at white space, and start at U+2581. `spaces`: words start at a space or at
   * U+2581; white space at the end of a text is left out.
   */
  readonly words: "whole" | "white" | "spaces";
  /** Whether the sums of scores are float32 numbers, which start again at zero in long texts. */
  readonly isRounded: boolean;
  /** Whether a text starts with a space. */
  readonly addsSpace: boolean;
  readonly removesSpaces: boolean;
}

export interface UnigramVocabulary {
  readonly rule: UnigramRule;
  /** Pieces of sources with their ids. Spaces are U+2581. */
  readonly pieces: readonly { readonly text: string; readonly score: number; readonly id: number }[];
  readonly unknown: {
    readonly id: number;
    readonly score: number;
    /** Whether texts may have it. */
    readonly isKept: boolean;
    /**
     * Ids of tokens that slm finds where a text has their characters and none of these is a piece. If pieces do not span words, also where they are the
     * whole normalized text.
     */
    readonly named: ReadonlyMap<string, number>;
    /** Ids of the bytes of an unknown character, which replace it. */
    readonly bytes: readonly number[] | undefined;
  };
  /** Keys in sources are replaced, by one of the rules of the map. Undefined: characters stay as they are. */
  readonly map: (MapTable & { readonly rule: MapRule }) | undefined;
  /** Texts that are not replaced. */
  readonly symbols: readonly string[];
  /** Whether U+2581 in a source is a space. */
  readonly readsSign: boolean;
  /** Normalized text in front of every source, whose last space is U+2581 or, if spaces after it are left out, a space. Its first `tokens` tokens are left out. */
  readonly opening: { readonly text: string; readonly tokens: number };
  /** Ids of codes that a source may start with, such as `>>fra<<`; undefined if it has none. */
  readonly codes: ReadonlyMap<string, number> | undefined;
  /** Texts of special tokens, which a source must not contain. */
  readonly special: readonly string[];
  /** Ids before and after every source. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** By the ids of answers. */
  readonly answer: readonly TokenText[];
  /** Leading spaces of an answer that are left out. */
  readonly dropped: "none" | "one" | "all";
  /** Whether white space at the ends of answers is left out. */
  readonly trims: boolean;
}

/** Lowest score of a piece; published ones are above -100. */
export const LEAST_SCORE = -1_000_000;

/** Why there is no {@link UnigramVocabulary}. */
export interface NoUnigram {
  readonly reason: string;
}
