/** What other exporters compare themselves with: cases, logits of the trained model, and limits. */
export { checkParity, compareLogits, PARITY_LIMITS, type ParityReport } from "./parity.js";
export { parityInputs, paritySizes, type CaseInputs, type CaseSizes } from "./parity-cases.js";
export { referenceLogits } from "./reference-logits.js";
