import { describe, expect, test } from "vitest";
import { reportPage } from "../page.js";
import { isRight, parseSamples, samplesSections, worstFirst } from "./samples.js";

const row = (prediction: string, more: object = {}): string =>
  `${JSON.stringify({ source: "ab", target: "A B", prediction, ...more })}\n`;
const pageOf = (text: string): string =>
  reportPage({ title: "t", sections: samplesSections(parseSamples(text)) });

describe(parseSamples, () => {
  test("counts lines that are not samples, but not an incomplete last line", () => {
    const { rows, unreadable } = parseSamples(`${row("A B")}{"source":1}\nnonsense\n${row("A")}{"sour`);
    expect([rows.length, unreadable]).toEqual([2, 2]);
  });
});

describe(isRight, () => {
  test("accepts any reference, ignoring runs of whitespace", () => {
    const [plain, spaced, other, wrong] = parseSamples(
      row("A B") + row(" A  B ") + row("C", { references: ["A B", "C"] }) + row("C"),
    ).rows;
    expect([plain, spaced, other, wrong].map((sample) => isRight(sample!))).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });
});

describe(worstFirst, () => {
  test("sorts wrong before right, then by score, rows without one last; equal rows stay in order", () => {
    const predictions = (text: string): readonly string[] =>
      worstFirst(parseSamples(text).rows).map(({ prediction }) => prediction);
    const scored = row("a", { score: 0.5 }) + row("b") + row("c", { score: -1 });
    expect(predictions(scored)).toEqual(["c", "a", "b"]);
    expect(predictions(row("b") + row("a"))).toEqual(["b", "a"]);
    expect(predictions(row("A B", { score: 0 }) + row("b", { score: 1 }))).toEqual(["b", "A B"]);
  });
});

describe(samplesSections, () => {
  test("marks right and wrong in words and colour, and counts the right ones of all rows", () => {
    const html = pageOf(row("A B") + row("A C"));
    expect(html).toContain('<td class="left good">✓ right</td>');
    expect(html).toContain('<td class="left bad">✗ wrong</td>');
    expect(html).toContain(
      "1 of 2 answers to rows of the dev split equal an accepted one. Wrong answers come first.",
    );
    expect(html).not.toContain("score");
  });

  test("shows the ten worst answers, and folds the others", () => {
    const html = pageOf(row("A B").repeat(30) + row("C"));
    const [open, folded] = html.split("<details>");
    expect(open!.match(/✗ wrong/g)).toHaveLength(1);
    expect(open!.match(/✓ right/g)).toHaveLength(9);
    expect(folded).toContain("21 more answers");
    expect(folded!.match(/✓ right/g)).toHaveLength(21);
  });

  test("shows a readable part of many long rows and says so", () => {
    const html = pageOf(Array.from({ length: 100 }, () => row("x".repeat(5000), { score: 1 })).join(""));
    expect(html).toContain("0 of 100 answers");
    expect(html).toContain("The tables show 60 of them.");
    expect(html.match(/✗ wrong/g)).toHaveLength(60);
    expect(html.length).toBeLessThan(100_000);
  });

  test("shows thumbnails inside the page, and rejects anything else as one", () => {
    const png = "iVBORw0KGgoAAAANSUhEUg==";
    const html = pageOf(row("A B", { image: "images/dev/a.png", thumbnail: png }) + row("C"));
    expect(html).toContain(`<img src="data:image/png;base64,${png}" alt="images/dev/a.png">`);
    expect(parseSamples(row("A B", { thumbnail: "PHN2Zz4=" })).unreadable).toBe(1);
    expect(pageOf(row("A B"))).not.toContain("<img");
  });
});
