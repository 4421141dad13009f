import { readdir, readFile, writeFile } from "node:fs/promises";
import { readCheckpoint, type Checkpoint } from "@slm/checkpoints";
import { beforeEach, describe, expect, test } from "vitest";
import { distillConfig } from "./config/distill-config.js";
import { stopAt } from "./test-support/run.test-support.js";
import { VisionRun, visionStudent } from "./test-support/seeing-run.test-support.js";

const run = new VisionRun();
beforeEach(() => run.prepare());

const valuesOf = ({ weights }: Checkpoint, name: string): number[] => [
  ...(weights.get(name)!.data as Float32Array),
];

describe("a vision-language student", () => {
  test("learns from labels alone, and writes a checkpoint and samples with thumbnails, without temporary files", async () => {
    const report = await run.distill();
    expect(report.metrics["cer"]).toBeGreaterThan(0);
    expect(report).not.toHaveProperty("teacherParameters");
    expect((await readdir(run.at("work"))).filter((name) => /bin$|images/u.test(name))).toEqual([]);
    const { config } = await readCheckpoint(run.at("work"));
    expect(config).toMatchObject({ vision: { tower: { patch: { width: 4 } } } });
    const [line = ""] = (await readFile(run.at("work", "samples.jsonl"), "utf8")).split("\n");
    const { image, thumbnail } = JSON.parse(line) as { image: string; thumbnail: string };
    expect(await readFile(run.at("data", image))).toSatisfy((png: Buffer) => png.length > 100);
    expect(await readFile(run.at("work", "report.html"), "utf8")).toContain(thumbnail);
  });

  test("sees: different images of the same texts result in different weights", async () => {
    await run.distill();
    const rows = await run.rows();
    const turned = rows.map((row, index) => ({ ...row, image: rows[(index + 1) % rows.length]!.image }));
    await writeFile(run.at("data", "train.jsonl"), turned.map((row) => `${JSON.stringify(row)}\n`).join(""));
    await run.distill({}, { work: "other" });
    expect((await run.weights("work")).equals(await run.weights("other"))).toBe(false);
  });

  test("learns from a text teacher that reads the image's content, and from its own samples", async () => {
    const targets = { onPolicyFraction: 0.4 };
    const report = await run.distill({ targets, steps: 8 }, { withTeacher: true });
    expect(report.teacherParameters).toBeGreaterThan(0);
    // The teacher's distributions depend on its source.
    const told = (await run.rows()).map((row) => ({ ...row, teacherSource: "?" }));
    await writeFile(run.at("data", "train.jsonl"), told.map((row) => `${JSON.stringify(row)}\n`).join(""));
    await run.distill({ targets, steps: 8 }, { withTeacher: true, work: "blind" });
    expect((await run.weights("work")).equals(await run.weights("blind"))).toBe(false);
  });

  const everything = {
    steps: 8,
    dropout: 0.1,
    evaluateEvery: 2,
    targets: { onPolicyFraction: 0.4 },
    loss: { forwardKl: 0.5, crossEntropy: 0.3, ctc: 0.2 },
  };

  test("stopped and resumed has the same result as an uninterrupted run", async () => {
    await run.distill(everything, { work: "plain", withTeacher: true });
    const stopped = run.distill(everything, { withTeacher: true, context: stopAt(6) });
    await expect(stopped).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(await readdir(run.at("work"))).toContain("images.bin");
    await run.distill(everything, { withTeacher: true });
    expect((await run.weights("work")).equals(await run.weights("plain"))).toBe(true);
  });

  test("learns the positions of letters with a temporary head", async () => {
    await run.distill({ loss: { forwardKl: 0, crossEntropy: 1, ctc: 0.5 }, steps: 3 });
    const log = await readFile(run.at("work", "metrics.jsonl"), "utf8");
    const { loss, crossEntropy, ctc } = JSON.parse(
      log.split("\n").find((line) => line.includes('"ctc"'))!,
    ) as Record<string, number>;
    expect(ctc).toBeGreaterThan(0);
    expect(loss).toBeGreaterThan(crossEntropy! * 0.9);
    expect(
      [...(await readCheckpoint(run.at("work"))).weights.keys()].filter((name) =>
        name.startsWith("auxiliary"),
      ),
    ).toEqual([]);
  });

  test("may have frozen parts", async () => {
    await run.distill({ frozen: ["tower"] }, { work: "frozen" });
    await run.distill({ steps: 1, learningRate: 1e-9 }, { work: "start" });
    const [frozen, start] = [await readCheckpoint(run.at("frozen")), await readCheckpoint(run.at("start"))];
    const patch = "vision.tower.layers.0.attention.query.weight";
    expect(valuesOf(frozen, patch)).toEqual(
      valuesOf(start, patch).map((value) => expect.closeTo(value, 6) as number),
    );
    expect(valuesOf(frozen, "vision.projector.first.weight")).not.toEqual(
      valuesOf(start, "vision.projector.first.weight"),
    );
  });
});

test("a student that continues from an earlier one of another shape is rejected", async () => {
  await run.distill({ steps: 1 });
  const student = { ...visionStudent, feedForward: 16 };
  await expect(
    run.distill({ initialize: { student: run.at("work") }, student }, { work: "other" }),
  ).rejects.toThrow("feedForward is 12, but the student's is 16");
});

describe("rows that the student cannot use", () => {
  const rewrite = async (change: (row: object) => object): Promise<void> => {
    const rows = await run.rows();
    const [first, ...rest] = rows;
    const lines = [...rest, change(first!)].map((row) => `${JSON.stringify(row)}\n`);
    await writeFile(run.at("data", "train.jsonl"), lines.join(""));
  };

  test("are rejected: no image, a path outside the folder, a file that is not an image", async () => {
    const count = (await run.rows()).length;
    await rewrite((row) => ({ ...row, image: undefined }));
    await expect(run.distill()).rejects.toThrow(
      `train.jsonl: row ${count}: has no image, but the student is a vision-language model`,
    );
    await rewrite((row) => ({ ...row, image: "../../secret.png" }));
    await expect(run.distill()).rejects.toMatchObject({ code: "DATA_INVALID" });
    await writeFile(run.at("data", "images", "text.png"), "no picture");
    await rewrite((row) => ({ ...row, image: "images/text.png" }));
    await expect(run.distill()).rejects.toMatchObject({ code: "DATA_INVALID" });
  });

  test("are rejected by a text-only student", async () => {
    await expect(run.distill({ student: { ...visionStudent, vision: undefined } })).rejects.toThrow(
      "row 1 has an image, but the student is text-only",
    );
  });
});

describe("a recipe's distill section", () => {
  test.each([
    [{ targets: { unlabelledFraction: 0.5 } }, /have no images/u],
    [
      { loss: { ctc: 0.5 }, student: { ...visionStudent, vision: undefined } },
      /requires distill.student.vision/u,
    ],
  ])(
    "rejects text-only sources for a vision-language student, and the CTC term for a text-only one: %j",
    (section, reason) => {
      expect(() =>
        distillConfig.parse({ student: visionStudent, steps: 1, metrics: ["exactMatch"], ...section }),
      ).toThrow(reason);
    },
  );
});
