import { describe, expect, test } from "vitest";
import { reportPage } from "./page.js";
import { predictionsSection, type Prediction } from "./predictions.js";

/** One grey pixel. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==",
  "base64",
);
const HOSTILE = `"><script>alert(1)</script>`;
const right: Prediction = { source: "how many?", expected: "3", got: "3", isRight: true };
const wrong: Prediction = { source: HOSTILE, expected: "yes", got: HOSTILE, isRight: false, png: PNG };
const pageOf = (predictions: readonly Prediction[]): string =>
  reportPage({ title: "t", sections: [predictionsSection("Answers", predictions)] });

describe(predictionsSection, () => {
  test("shows the image, the expected and the actual answer, and right or wrong in words", () => {
    const html = pageOf([right, wrong]);
    expect(html).toContain("<p>1 of 2 right</p>");
    expect(html).toContain(
      `<img src="data:image/png;base64,${PNG.toString("base64")}" alt="image of: &quot;`,
    );
    expect(html).toMatch(/<td class="left wrap good"[^>]*>3<\/td><td class="left">right<\/td>/);
    expect(html).toMatch(/<td class="left wrap bad"[^>]*>&quot;.*<td class="left">wrong<\/td>/);
    expect(html).not.toContain("<script>");
    expect(html).toContain("img-src data:");
  });

  test("has no column of pictures where there is none", () => {
    expect(predictionsSection("a", [right]).table!.columns.map(({ title }) => title)).not.toContain(
      "picture",
    );
    expect(predictionsSection("a", []).text).toBe("0 of 0 right");
  });

  test("rejects an image that is not a PNG file", () => {
    expect(() => pageOf([{ ...wrong, png: Buffer.from("GIF89a") }])).toThrow("not a PNG file");
  });
});
