import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { reportPage } from "./page.js";

const SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4" fill="#123"/></svg>';
const HOSTILE = `"><script>alert(1)</script><a href='javascript:1' onclick=x>&lt;`;

describe(reportPage, () => {
  test("has title, subtitle, paragraphs, chart and table", () => {
    const html = reportPage({
      title: "Bench",
      subtitle: "two models",
      sections: [
        {
          heading: "Latency",
          text: "first\n\nsecond",
          svg: SVG,
          table: {
            columns: [
              { title: "model", align: "left" },
              { title: "ms", align: "right" },
            ],
            rows: [["student", "1.5"]],
          },
        },
      ],
    });
    expect(html).toContain("<h1>Bench</h1>");
    expect(html).toContain('<p class="subtitle">two models</p>');
    expect(html).toContain("<p>first</p>\n<p>second</p>");
    expect(html).toContain(`<div class="charts">\n<figure>${SVG}</figure>\n</div>`);
    expect(html).toContain('<tr><td class="left">student</td><td class="right">1.5</td></tr>');
  });

  test("asks nothing of the network, runs no script and follows the reader's colour scheme", () => {
    const html = reportPage({ title: "t", sections: [] });
    expect(html).not.toMatch(/<script|<link|<img|@import|url\(|https?:\/\//);
    expect(html).toContain("default-src 'none'");
    expect(html).toContain("prefers-color-scheme: dark");
    expect(html).toContain('name="viewport"');
  });

  test("shows markup in any string as text", () => {
    const html = reportPage({
      title: HOSTILE,
      subtitle: HOSTILE,
      sections: [
        {
          heading: HOSTILE,
          text: HOSTILE,
          table: { columns: [{ title: HOSTILE, align: "left" }], rows: [[HOSTILE]] },
        },
      ],
    });
    const plain = reportPage({
      title: "a",
      subtitle: "a",
      sections: [
        { heading: "a", text: "a", table: { columns: [{ title: "a", align: "left" }], rows: [["a"]] } },
      ],
    });
    const tags = (page: string): readonly string[] => page.match(/<[^>]*>/g) ?? [];
    expect(tags(html)).toEqual(tags(plain));
    expect(html).toContain("&quot;&gt;&lt;script&gt;alert(1)");
  });

  test("marks cells that stand out, and lets texts of any script break into lines", () => {
    const columns = [
      { title: "", align: "left" } as const,
      { title: "text", align: "left", wrap: true } as const,
    ];
    const table = { columns, rows: [[{ text: "✗ <wrong>", tone: "bad" } as const, "مرحبا"]] };
    const html = reportPage({ title: "t", sections: [{ heading: "H", table }] });
    expect(html).toContain('<td class="left bad">✗ &lt;wrong&gt;</td>');
    expect(html).toContain('<td class="left wrap" dir="auto">مرحبا</td>');
  });

  test("rejects a row that has not one cell per column", () => {
    const table = { columns: [{ title: "a", align: "left" } as const], rows: [["1"], ["1", "2"]] };
    expect(() => reportPage({ title: "t", sections: [{ heading: "H", table }] })).toThrow(
      withCode("DATA_INVALID"),
    );
  });

  test("shows the picture of a cell, and rejects bytes that are not PNG", () => {
    // One grey pixel.
    const base64 =
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==";
    const pageOf = (png: Uint8Array): string => {
      const table = {
        columns: [{ title: "picture", align: "left" }],
        rows: [[{ text: HOSTILE, png }]],
      } as const;
      return reportPage({ title: "t", sections: [{ heading: "h", table }] });
    };
    const html = pageOf(Buffer.from(base64, "base64"));
    expect(html).toContain(`<img src="data:image/png;base64,${base64}" alt="&quot;`);
    expect(html).not.toContain("<script>");
    expect(html).toContain("img-src data:");
    expect(() => pageOf(Buffer.from("GIF89a"))).toThrow(withCode("DATA_INVALID"));
  });
});
