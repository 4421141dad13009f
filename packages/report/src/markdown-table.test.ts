import { expect, test } from "vitest";
import { markdownTable } from "./markdown-table.js";

test("a table of texts is Markdown in which every text is shown as written", () => {
  const columns = [
    { title: "name", align: "left" },
    { title: "size [MB]", align: "right" },
  ] as const;
  expect(markdownTable({ columns, rows: [["a|b <i>", "1\n2"]] })).toBe(
    ["| name | size \\[MB\\] |", "| --- | ---: |", "| a\\|b &lt;i&gt; | 1 2 |"].join("\n"),
  );
});
