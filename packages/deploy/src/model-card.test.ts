import { tinyDeviceModel } from "@slm/exported-model/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CardInput } from "./card-input.js";
import { modelCard } from "./model-card.js";

const MODEL = tinyDeviceModel({
  name: "base-name",
  architecture: "decoder-only",
  scheme: "int4-block",
  graphs: { decoder: { file: "decoder.onnx", bytes: 2_500_000, scheme: "int4-block" } },
  parameters: 1_330_000,
  vocabularySize: 80,
  maxSource: 32,
  maxTarget: 48,
});

const FULL: CardInput = {
  name: "G2P student",
  summary: "Letters to phonemes.",
  intendedUse: "Pronouncing English words.",
  limits: ["Names are weak."],
  licences: [{ of: "CMUdict", licence: "BSD-2-Clause" }],
  metrics: [{ metric: "wer", dataset: "test split", n: 12_000, before: 0.33612, after: 0.34 }],
  bytesBefore: 5_400_000,
  training: { "distill.steps": 2000, "distill.dropout": 0.1 },
  provenance: [{ name: "data", sha256: "0".repeat(64) }],
};

/** The text of one section. */
function section(card: string, heading: string): string {
  return card.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
}

describe(modelCard, () => {
  test("says what the confidence threshold withholds, and nothing without a threshold", () => {
    const abstention = { threshold: 0.2034, rows: 2540, coverage: 0.947, errorRate: 0.3 };
    const text = section(modelCard({ ...MODEL, abstention }, [], FULL), "Quality");
    expect(text).toContain("confidence below 0.2034 are withheld");
    expect(text).toContain(
      "Of the 2,540 held-out rows on which this threshold was chosen, 94.7 % are answered, and 30 %",
    );
    expect(section(modelCard(MODEL, [], FULL), "Quality")).not.toContain("withheld");
  });

  test("says which compiler made graphs for which chip, and that a simulator verified them", () => {
    const model = tinyDeviceModel({
      target: "npu",
      profile: "qnn",
      compiled: [
        {
          soc: "sm8550",
          plugin: "qnn 2.7.0",
          graphs: { "encoder.onnx": { file: "compiled/encoder.onnx", binaries: [], bytes: 1_500_000 } },
        },
        { soc: "sm8650", plugin: "qnn 2.7.0", graphs: {} },
      ],
    });
    const compiled = [
      {
        soc: "sm8550",
        simulated: true,
        dataset: "test split",
        rows: 500,
        equalAnswers: 498,
        metrics: { wer: { cpu: 0.33, device: 0.331 } },
      },
    ];
    const text = section(modelCard(model, [], { compiled }), "Compiled graphs");
    expect(text).toContain("sm8550");
    expect(text).toContain("qnn 2.7.0");
    expect(text).toContain("simulated: 498 of 500 answers");
    expect(text).toMatch(/sm8650.*not measured/);
    expect(section(modelCard(MODEL, [], {}), "Compiled graphs")).toBe("");
  });

  test("puts every given fact in its section", () => {
    const card = modelCard(MODEL, [{ path: "decoder.onnx", bytes: 7, sha256: "f".repeat(64) }], FULL);
    expect(card.startsWith("# G2P student\n\nLetters to phonemes.")).toBe(true);
    expect(section(card, "Intended use")).toContain("Pronouncing English words.");
    expect(section(card, "Limits")).toContain("Names are weak.");
    expect(section(card, "Model")).toContain("| parameters | 1,330,000 |");
    expect(section(card, "Model")).toContain("| size | 2.5 MB (2,500,000 bytes) |");
    expect(section(card, "Model")).toContain("| size before quantization | 5.4 MB (5,400,000 bytes) |");
    expect(section(card, "Quality")).toContain("| wer | test split | 12,000 | 0.3361 | 0.34 |");
    expect(section(card, "Training")).toContain("| distill.steps | 2000 |");
    expect(section(card, "Provenance")).toContain("0".repeat(64));
    expect(section(card, "Licences")).toContain("CMUdict: BSD-2-Clause");
    expect(section(card, "Files")).toContain("f".repeat(64));
  });

  test("says of every fact it was not given that it is not known", () => {
    const card = modelCard(MODEL, [], {});
    expect(card.startsWith("# base-name\n")).toBe(true);
    expect(section(card, "Quality")).toContain("not measured");
    expect(section(card, "Speed and memory")).toContain("has no times");
    expect(section(card, "Model")).toContain("| size before quantization | not measured |");
    for (const heading of ["Intended use", "Training", "Provenance", "Licences"]) {
      expect(section(card, heading)).toContain("Not stated.");
    }
  });

  test("keeps its structure whatever text it is given", () => {
    const hostile = fc.string({
      maxLength: 40,
      unit: fc.constantFrom(..."ab1.-#|<>&`*_[]()!\\\n\r\t ".split("")),
    });
    fc.assert(
      fc.property(hostile, (text) => {
        const card = modelCard(MODEL, [], {
          ...FULL,
          name: text,
          limits: [text],
          licences: [{ of: text, licence: text }],
          training: { [text]: text },
        });
        const lines = card.split("\n");
        expect(lines.filter((line) => line.startsWith("#"))).toHaveLength(11);
        expect(card).not.toMatch(/<[a-z/!]/i);
        const training = section(card, "Training")
          .split("\n")
          .filter((line) => line.startsWith("|"));
        for (const row of training) expect(row.match(/(?<!\\)\|/g)).toHaveLength(3);
      }),
    );
  });
});
