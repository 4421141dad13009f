/** The files of rows that an export learns from, as function options, command flags and recipe settings. */

/** Files of rows that an export learns from, one for each list. */
export interface RowFiles {
  /** JSONL file of rows. Prunes the decoder's vocabulary to the tokens of its targets and single characters. */
  readonly shortlist?: string | undefined;
  /** JSONL file of rows from which to learn rules that predict the next tokens of an answer. Encoder-decoders in layout native only. */
  readonly draftRules?: string | undefined;
}

/** The requested lists. */
export interface RowSettings {
  readonly shortlist: boolean;
  readonly draftRules: boolean;
}

/** Returns the lists for which there are files. */
export const rowSettingsOf = ({ shortlist, draftRules }: RowFiles): RowSettings => ({
  shortlist: shortlist !== undefined,
  draftRules: draftRules !== undefined,
});

/** Uses one file for all lists of a recipe. @param file is called only if there are lists to learn */
export function rowFilesOf({ shortlist, draftRules }: RowSettings, file: () => string): RowFiles {
  return { shortlist: shortlist ? file() : undefined, draftRules: draftRules ? file() : undefined };
}

/** The flag of `slm export` for rules about what comes next. */
export const RULES_FLAG = {
  name: "draft-rules",
  summary: "Learn draft rules from these rows, so that the decoder can verify several tokens per run.",
  filesOf: (draftRules: string | undefined): Pick<RowFiles, "draftRules"> => ({ draftRules }),
} as const;
