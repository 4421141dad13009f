/** Rule about conditions that only one provider has. */
import { rejection, supportOf, type Rule } from "./rule.js";

export const conditions: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    for (const condition of supportOf(subject, placed)?.conditions ?? []) {
      const refusal = condition(placed, subject.profile);
      if (refusal === undefined) continue;
      const { rule, message, advice, also = [] } = refusal;
      findings.about(rule, placed, rejection(subject, placed, message, advice));
      for (const node of also) findings.refuse(rule, node);
    }
  }
};
