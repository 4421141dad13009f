import { expect, test } from "vitest";
import { earlyStopAfter, earlyStopText } from "./early-stop.js";

const settings = { steps: 1000, evaluateEvery: 20, decayFraction: 0.2 };
const bestAt = (step: number, metrics: Readonly<Record<string, number>>) => ({ step, metrics });
const perfect = { wer: 0, exactMatch: 1, bleu: 100 };
const good = { wer: 0.1, exactMatch: 0.9 };

test.each([
  ["stops when no metric can get better", 100, bestAt(100, perfect), { reason: "perfect", endsAt: 120 }],
  ["goes on while a metric can get better", 100, bestAt(100, { ...perfect, cer: 0.01 }), undefined],
  ["goes on while too few evaluations were not better", 300, bestAt(150, good), undefined],
  ["stops after enough of them", 300, bestAt(100, good), { reason: "plateau", endsAt: 360 }],
  ["goes on while the model has learned nothing", 300, bestAt(100, { exactMatch: 0 }), undefined],
  ["takes metrics with unknown limits as not perfect", 100, bestAt(100, { largest: 0 }), undefined],
  ["leaves the end to the schedule if the decay would end later", 850, bestAt(850, perfect), undefined],
] as const)("a run %s", (_, step, best, expected) => {
  expect(earlyStopAfter(step, best, settings)).toEqual(expected && { ...expected, decidedAt: step });
});

test("the message says why, since when and until when", () => {
  const stop = { reason: "plateau", decidedAt: 300, endsAt: 360 } as const;
  expect(earlyStopText(stop, settings)).toBe(
    "early stopping: after step 300 the dev metrics have not got better in 10 evaluations; " +
      "the learning rate decays until step 360 instead of 1000",
  );
});
