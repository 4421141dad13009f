import { temporaryFolder, withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sourceKey, SPLITS } from "../sampling/split.js";
import { prepared, putFile, type Prepared } from "../testing/prepared.test-support.js";

const directory = temporaryFolder();

interface Given {
  readonly train?: readonly string[];
  readonly dev?: readonly string[];
  readonly test?: readonly string[];
  readonly file: string;
  readonly maxSource?: number;
  readonly maxRejected?: number;
}

const put = (name: string, text: string): Promise<string> => putFile(directory, text, name);

async function prepare({ file, maxSource, maxRejected, ...given }: Given): Promise<Prepared> {
  const files: Record<string, string> = {};
  for (const split of SPLITS) {
    const rows = (given[split] ?? [`only-${split}`]).map((source) => ({ source, target: "X" }));
    files[split] = await putFile(directory, rows);
  }
  return prepared(directory, { ...files, unlabelled: { path: file }, maxSource, maxRejected });
}

describe("unlabelled sources", () => {
  test("come from lines of text or from rows with only a source, each once, in order", async () => {
    const text = await put("words.txt", "one\n\n two \r\none\nthree\n");
    expect((await prepare({ file: text })).unlabelled).toEqual(["one", "two", "three"]);
    const jsonl = await put("words.jsonl", '{"source":"one"}\n{"source":"two"}\n');
    const { unlabelled: sources, report } = await prepare({ file: jsonl });
    expect(sources).toEqual(["one", "two"]);
    expect(report.unlabelled).toEqual({
      rows: 2,
      duplicates: 0,
      known: { train: 0, dev: 0, test: 0 },
      rejectedCount: 0,
    });
  });

  test("are left out and counted if a split has them in any case, Unicode form or spacing", async () => {
    const file = await put("words.txt", "new\nTRAINED\ncafe\u0301\nTest\n  test  \n");
    const { unlabelled: sources, report } = await prepare({
      train: ["trained"],
      dev: ["caf\u00e9"],
      test: ["test"],
      file,
    });
    expect(sources).toEqual(["new"]);
    expect(report.unlabelled?.known).toEqual({ train: 1, dev: 1, test: 2 });
  });

  test("never contain a dev or test source, for any files", async () => {
    const word = fc.stringMatching(/^[a-zA-Z]{1,2}$/u);
    const property = fc.asyncProperty(
      fc.array(word),
      fc.array(word),
      fc.array(word),
      async (dev, tests, list) => {
        // Longer than any drawn word: otherwise a dev row could also be in test, which would leave dev without rows.
        const held = { dev: ["dev-row", ...dev], test: ["test-row", ...tests] };
        const { unlabelled: sources, rows } = await prepare({
          ...held,
          file: await put("w.txt", `${list.join("\n")}\n`),
        });
        const keys = new Set(SPLITS.flatMap((split) => rows[split].map(({ source }) => sourceKey(source))));
        expect(sources.filter((source) => keys.has(sourceKey(source)))).toEqual([]);
        const wanted = new Set(list.map(sourceKey).filter((key) => !keys.has(key)));
        expect(new Set(sources.map(sourceKey))).toEqual(wanted);
        expect(sources).toHaveLength(wanted.size);
      },
    );
    await fc.assert(property, { numRuns: 25, examples: [[[], ["DD"], []]] });
  });

  test("are rejected with file, line and reason if unusable", async () => {
    const file = await put(
      "bad.jsonl",
      '{"source":"ok"}\n{"source":"a","target":"b"}\n7\n{"source":""}\n{\n',
    );
    await expect(prepare({ file })).rejects.toThrow(withCode("DATA_INVALID"));
    const { unlabelled: sources, report } = await prepare({ file, maxRejected: 0.8 });
    expect(sources).toEqual(["ok"]);
    expect(report.rejectedCount).toBe(4);
    expect(report.rejected.map(({ line, reason }) => `${line}: ${reason}`)).toEqual([
      '2: unknown key "target", expected only source',
      '3: expected an object {"source"}, got number',
      "4: source: expected text, got an empty string",
      expect.stringContaining("5: not JSON"),
    ]);
    const long = await prepare({
      file: await put("w.txt", "short\nlonger\n"),
      train: ["a"],
      dev: ["b"],
      test: ["c"],
      maxSource: 5,
    });
    expect([long.unlabelled, long.report.rejected[0]?.reason]).toEqual([
      ["short"],
      "the source has 6 characters, expected at most 5",
    ]);
  });
});
