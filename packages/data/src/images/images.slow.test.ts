import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder, withCode } from "@slm/core/testing";
import fc from "fast-check";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { dataConfig } from "../config/data-config.js";
import { inspectData } from "../inspect-data.js";
import { DATA_FILES, prepareData } from "../prepare-data.js";
import type { Row } from "../rows/row.js";
import { SPLITS, type Split } from "../sampling/split.js";
import { prepared, putFile, type Prepared } from "../testing/prepared.test-support.js";
import { identifyImage } from "./image-files.js";
import { thumbnail } from "./thumbnail.js";

const root = temporaryFolder();
let images = "";
beforeAll(async () => {
  images = join(root, "images");
  await mkdir(join(images, "sub"), { recursive: true });
});

/** An image of one colour. */
const png = (r: number, g: number, b: number): Promise<Buffer> =>
  sharp({ create: { width: 6, height: 4, channels: 3, background: { r, g, b } } })
    .png()
    .toBuffer();

const prepare = async (rows: readonly Row[], settings: object = {}): Promise<Prepared> =>
  prepared(root, { train: await putFile(root, rows), images, ...settings });

async function filesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true });
  return entries.filter((name) => /\.\w+$/.test(name)).sort();
}

describe(identifyImage, () => {
  test("identifies images by their bytes, not their names", async () => {
    await writeFile(join(images, "a.png"), await png(1, 2, 3));
    await writeFile(join(images, "sub", "b.png"), await png(1, 2, 3));
    await writeFile(join(images, "c.png"), await png(3, 2, 1));
    const [a, b, c] = await Promise.all(
      ["a.png", "sub/b.png", "c.png"].map((path) => identifyImage(images, path)),
    );
    expect(a).toMatchObject({ extension: "png", width: 6, height: 4, bytes: (await png(1, 2, 3)).length });
    expect(b).toEqual(a);
    expect((c as { key: string }).key).not.toBe((a as { key: string }).key);
  });

  test.each(["../secret.png", "/etc/hostname", "sub/../../secret.png", "sub\\..\\a.png", "", "C:/a.png"])(
    "rejects the path %j, which may leave the folder",
    async (path) => {
      await writeFile(join(root, "secret.png"), await png(9, 9, 9));
      expect(await identifyImage(images, path)).toMatch(/the path /);
    },
  );

  test("follows links inside the folder and rejects those that lead out of it", async () => {
    await writeFile(join(root, "outside.png"), await png(9, 9, 9));
    await symlink(join(root, "outside.png"), join(images, "out.png"));
    await symlink(join(images, "a.png"), join(images, "in.png"));
    expect(await identifyImage(images, "out.png")).toMatch(/a link points outside/);
    expect(await identifyImage(images, "in.png")).toMatchObject({ width: 6 });
  });

  test("says why a file is not a usable image", async () => {
    const whole = await sharp({ create: { width: 64, height: 64, channels: 3, background: "#a31" } })
      .png()
      .toBuffer();
    await writeFile(join(images, "cut.png"), whole.subarray(0, whole.length - 30));
    await writeFile(join(images, "text.png"), "no image");
    await writeFile(
      join(images, "vector.png"),
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    );
    expect(await identifyImage(images, "cut.png")).toMatch(/cannot be decoded/);
    expect(await identifyImage(images, "text.png")).toMatch(/cannot be decoded/);
    expect(await identifyImage(images, "vector.png")).toMatch(/it is SVG/);
    expect(await identifyImage(images, "missing.png")).toMatch(/cannot be read .*ENOENT/);
    expect(await identifyImage(images, "sub")).toMatch(/is not a file/);
  });

  test("corrupt files result in an image or a reason", async () => {
    const whole = await png(20, 200, 90);
    const damage = fc.tuple(fc.nat(whole.length - 1), fc.uint8Array({ maxLength: 4 }), fc.boolean());
    await fc.assert(
      fc.asyncProperty(damage, async ([at, put, isCut]) => {
        const bytes = Buffer.concat([
          whole.subarray(0, at),
          put,
          isCut ? Buffer.alloc(0) : whole.subarray(at + put.length),
        ]);
        await writeFile(join(images, "corrupt.png"), bytes);
        const found = await identifyImage(images, "corrupt.png");
        if (typeof found === "string") expect(found).toMatch(/^image "corrupt\.png": /);
        else expect(found.width * found.height).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    );
  });
});

describe("rows with images", () => {
  /** Forty images, each under two names, with questions. */
  async function questions(): Promise<readonly Row[]> {
    const rows: Row[] = [];
    for (let index = 0; index < 40; index++) {
      for (const name of [`q${index}.png`, `sub/again-${index}.png`]) {
        await writeFile(join(images, name), await png(index, 7, 7));
        rows.push({ source: "how red?", target: `${index}`, image: name, teacherSource: `red is ${index}` });
      }
      rows.push({ source: "how green?", target: "7", image: `q${index}.png` });
    }
    return rows;
  }

  test("differ by source and content; all rows of an image are in one split, with a copy of the image", async () => {
    const train = await putFile(root, await questions());
    const { report, output, rows } = await prepared(root, { train, images, testFraction: 0.3 });
    expect(report).toMatchObject({ rows: 80, duplicates: 40, rejectedCount: 0 });
    expect(report.images).toMatchObject({ files: 40, widths: { max: 6 }, heights: { max: 4 } });
    const owners = new Map<string, Split>();
    for (const split of SPLITS) {
      for (const { image, source, target, teacherSource } of rows[split]) {
        expect(image).toMatch(new RegExp(`^images/${split}/[0-9a-f]{2}/[0-9a-f]{32}\\.png$`));
        const { data } = await sharp(join(output, image!)).raw().toBuffer({ resolveWithObject: true });
        expect(owners.get(image!) ?? split).toBe(split);
        owners.set(image!, split);
        if (source === "how green?") continue;
        expect(target).toBe(String(data[0]));
        expect(teacherSource).toBe(`red is ${target}`);
      }
    }
    expect(owners.size).toBe(40);
    expect((await filesBelow(join(output, "images"))).length).toBe(40);
    expect(await inspectData(train, { images })).toMatchObject({ rows: 120, duplicates: 40, withImage: 120 });
    const again = await inspectData(join(output, DATA_FILES.train));
    expect(again).toMatchObject({ rejected: [], withImage: again.rows });
    expect(again.images!.files).toBe([...owners.values()].filter((split) => split === "train").length);
  });

  test("are rejected as a leak if an image of the dev file is in the training file under another name", async () => {
    const rows = await questions();
    const dev = await putFile(root, [rows[1]]);
    const { report } = await prepare(rows, { dev, testFraction: 0 });
    expect(report.leaked).toBe(3);
  });

  test("are rejected without an image folder or with an unusable image", async () => {
    const rows = await questions();
    const { report } = await prepare([...rows, { source: "a", target: "b", image: "../x.png" }]);
    expect(report.rejected).toEqual([
      expect.objectContaining({ line: 121, reason: expect.stringContaining("'..'") as string }),
    ]);
    const text = { source: "a", target: "b" };
    const without = await prepare([...rows, text], {
      images: undefined,
      testFraction: 0,
      devFraction: 0,
      maxRejected: 1,
    });
    expect(without.report).toMatchObject({ rows: 1, rejectedCount: 120 });
    expect(without.report.rejected[0]!.reason).toContain("data.images");
  });

  test("with a limit, copies only the images of kept rows", async () => {
    const { report, output } = await prepare(await questions(), {
      limit: 6,
      testFraction: 0,
      devFraction: 0,
    });
    expect(report.rows).toBe(6);
    expect((await filesBelow(join(output, "images"))).length).toBe(report.images!.files);
    expect(report.images!.files).toBeLessThanOrEqual(6);
  });

  test("reuses complete images of a killed call and rewrites partial ones", async () => {
    const module = fileURLToPath(new URL("../testing/squares.test-support.ts", import.meta.url));
    const config = dataConfig.parse({ source: { module }, testFraction: 0.2, devFraction: 0 });
    const output = join(root, "resumed");
    const report = await prepareData(config, output);
    const files = await filesBelow(join(output, "images"));
    const read = (): Promise<readonly Buffer[]> =>
      Promise.all(files.map((file) => readFile(join(output, "images", file))));
    const before = await read();
    const kept = join(output, "images", files[0]!);
    const writtenAt = (await stat(kept)).mtimeMs;
    await rm(join(output, "images", files[1]!));
    await writeFile(join(output, "images", files[2]!), before[2]!.subarray(0, 40));
    expect(await prepareData(config, output)).toEqual(report);
    expect(await filesBelow(join(output, "images"))).toEqual(files);
    expect(await read()).toEqual(before);
    expect((await stat(kept)).mtimeMs).toBe(writtenAt);
  });
});

describe(thumbnail, () => {
  test("is a PNG of at most the size asked for", async () => {
    const large = { width: 90, height: 30, channels: 3, background: "#123" } as const;
    await sharp({ create: large }).jpeg().toFile(join(images, "large.jpg"));
    const small = await sharp(await thumbnail(images, "large.jpg", 30)).metadata();
    expect(small).toMatchObject({ format: "png", width: 30, height: 10 });
    await expect(thumbnail(images, "text.png", 30)).rejects.toThrow(withCode("DATA_INVALID"));
  });
});
