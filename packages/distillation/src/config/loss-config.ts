/** The `distill.loss` section: weights of the loss terms and their options. */
import { DIVERGENCE_NAMES, DIVERGENCES } from "@slm/tensor";
import { z } from "zod";
import { LOSS_TERMS, TERM_NAMES } from "./loss-terms.js";

const weight = (text: string, value = 0): z.ZodDefault<z.ZodNumber> =>
  z.number().nonnegative().default(value).describe(`Weight of: ${text}.`);

const divergenceWeight = (name: (typeof DIVERGENCE_NAMES)[number], value = 0): z.ZodDefault<z.ZodNumber> =>
  weight(DIVERGENCES[name].description, value);

/** Terms that compare next-token distributions. */
const distributions = {
  forwardKl: divergenceWeight("forwardKl", 0.9),
  reverseKl: divergenceWeight("reverseKl"),
  jensenShannon: divergenceWeight("jensenShannon"),
};

const fields = {
  ...distributions,
  crossEntropy: weight("negative log-likelihood of the labels", 0.1),
  ctc: weight(
    "connectionist temporal classification (CTC), which aligns labels with image tokens. It teaches a vision-language student the position of each letter",
  ),
};

export type TermName = (typeof TERM_NAMES)[number];

const lossFields = z.strictObject({
  ...fields,
  terms: z
    .record(z.string(), z.number().nonnegative())
    .optional()
    .describe("Weights of extensions' terms, by name."),
});

export type LossConfig = z.infer<typeof lossFields>;

type Weights = Readonly<Partial<Record<TermName, number | undefined>>> & Pick<LossConfig, "terms">;

/** Whether a term is built in. */
export const isOwnTerm = (name: string): name is TermName => TERM_NAMES.some((own) => own === name);

/** A term's weight; 0 if it is not set. */
export const weightOf = (loss: Weights, name: string): number =>
  (isOwnTerm(name) ? loss[name] : loss.terms?.[name]) ?? 0;

/** Terms with a positive weight, built-in terms first. */
export const termsOf = (loss: Weights): readonly string[] =>
  [...TERM_NAMES, ...Object.keys(loss.terms ?? {})].filter((name) => weightOf(loss, name) > 0);

/** Built-in terms that compare next-token distributions. */
const DISTRIBUTION_TERMS: ReadonlySet<string> = new Set(DIVERGENCE_NAMES);

/** Whether any term needs the teacher's next-token distributions. */
export const requiresDistributions = (loss: Weights): boolean =>
  termsOf(loss).some(
    (name) => DISTRIBUTION_TERMS.has(name) || LOSS_TERMS.get(name)?.needsDistributions === true,
  );

/** Whether any term needs labels at the target positions. */
export const requiresLabels = (loss: Weights): boolean =>
  termsOf(loss).some((name) => name === "crossEntropy" || LOSS_TERMS.get(name)?.needsDistributions === false);

export const lossConfig = lossFields.check(({ value, issues }) => {
  const reject = (message: string, ...path: readonly string[]): void => {
    issues.push({ code: "custom", input: value, path: [...path], message });
  };
  for (const name of Object.keys(value.terms ?? {}))
    if (!LOSS_TERMS.has(name))
      reject(
        `expected a term of an extension (${LOSS_TERMS.names.join(", ") || "no extension with terms is loaded"}), got '${name}'`,
        "terms",
        name,
      );
  if (termsOf(value).length === 0)
    reject(
      "expected a positive weight for at least one term, for example forwardKl 0.9 and crossEntropy 0.1",
      "forwardKl",
    );
});
