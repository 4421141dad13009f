/** An extension with a loss term: total variation, half the sum of the differences between the probabilities of teacher and student. */
import { defineExtension, type LossTerm } from "@encdec/slm";

const totalVariation: LossTerm = {
  description: "total variation between teacher and student",
  needsDistributions: true,
  compute: ({ math, logits, teacherLogits, mask, count }) => {
    const probabilities = (x: typeof logits): typeof logits => math.exp(math.logSoftmax(x));
    const difference = math.sub(probabilities(logits), probabilities(teacherLogits));
    // A smooth absolute value: its gradient is finite at 0.
    const distances = math.sqrt(math.add(math.square(difference), 1e-12));
    const rows = math.reshape(math.sumAxes(distances, [1]), mask.shape);
    return math.div(math.mul(math.sum(math.mul(rows, mask)), 0.5), count);
  },
};

export default defineExtension({ name: "total-variation", losses: { totalVariation } });
