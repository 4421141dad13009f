/** Files of rows that an export learns from, as options of a function, flags of a command and settings of a recipe. */

/** Files of rows that an export learns from, one for each list that it shall have. */
export interface RowFiles {
  /** JSONL file of rows. Prunes the decoder's vocabulary to the tokens of their targets, and single characters. */
  readonly shortlist?: string | undefined;
  /** JSONL file of rows, of which the exported model learns what probably comes next in an answer. Encoder-decoders, layout native. */
  readonly draftRules?: string | undefined;
}

/** Which lists are asked for. */
export interface RowSettings {
  readonly shortlist: boolean;
  readonly draftRules: boolean;
}

/** The lists that files are given for. */
export const rowSettingsOf = ({ shortlist, draftRules }: RowFiles): RowSettings => ({
  shortlist: shortlist !== undefined,
  draftRules: draftRules !== undefined,
});

/** The file that the lists of a recipe are all learnt from. @param file is asked for only if there are lists to learn */
export function rowFilesOf({ shortlist, draftRules }: RowSettings, file: () => string): RowFiles {
  return { shortlist: shortlist ? file() : undefined, draftRules: draftRules ? file() : undefined };
}

/** The flag of `slm export` for rules about what comes next. */
export const RULES_FLAG = {
  name: "draft-rules",
  summary:
    "Learn from these rows what probably comes next in an answer, so that several tokens of it are checked in a run.",
  filesOf: (draftRules: string | undefined): Pick<RowFiles, "draftRules"> => ({ draftRules }),
} as const;
