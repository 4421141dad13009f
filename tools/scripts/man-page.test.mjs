// cspell:ignore Bslm IOTHER
import assert from "node:assert/strict";
import { test } from "node:test";
import { manPage, roff } from "./lib/man-page.mjs";

const page = manPage({
  commands: {
    "data:inspect": {
      summary: "Look at rows.",
      description: "First.\n\n.Second",
      args: { file: { required: true }, other: {} },
      flags: {
        rows: { type: "option", char: "r", helpValue: "<n>", summary: "How many.", default: 5 },
        stream: { type: "boolean", allowNo: true, summary: "At once." },
      },
      examples: ["<%= config.bin %> data inspect a.csv"],
    },
  },
  exitCodes: [
    { exit: 0, code: "", meaning: "done" },
    { exit: 2, code: "USAGE", meaning: "wrong flags" },
  ],
  globalFlags: { quiet: { type: "boolean", summary: "Hide progress." } },
  description: "small models",
  version: "1.2.3",
});

await test("a command has its arguments, flags, defaults and examples", () => {
  assert.match(page, /^\.TH SLM 1 "" "slm 1\.2\.3" "User Commands"$/m);
  assert.match(page, /^\.SS \\fBslm data inspect\\fR \\fIFILE\\fR \[\\fIOTHER\\fR\]$/m);
  assert.match(page, /^\\fB\\-r\\fR, \\fB\\-\\-rows\\fR \\fI<n>\\fR\nHow many\. Default: 5\.$/m);
  assert.match(page, /^\\fB\\-\\-\[no\\-\]stream\\fR$/m);
  assert.match(page, /^\.EX\nslm data inspect a\.csv\n\.EE$/m);
  assert.match(page, /^\\fB2\\fR\nUSAGE: wrong flags$/m);
});

await test("no text is read as markup", () => {
  assert.match(page, /^\\&\.Second$/m);
  assert.equal(roff("a\\b 'c'"), "a\\eb 'c'");
  assert.equal(roff("'quoted'"), "\\&'quoted'");
});
