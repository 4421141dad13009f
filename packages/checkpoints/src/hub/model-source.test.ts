import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseModelSource } from "./model-source.js";

describe(parseModelSource, () => {
  test("an existing path is a path", async () => {
    const path = import.meta.dirname;
    expect(await parseModelSource(path)).toEqual({ kind: "local", path });
  });

  test.each([
    ["acme/tiny-1.5", { repo: "acme/tiny-1.5", revision: "main" }],
    ["acme/tiny@v1", { repo: "acme/tiny", revision: "v1" }],
    ["hf:acme/tiny@v1", { repo: "acme/tiny", revision: "v1" }],
    ["hf:acme/tiny/a.gguf", { repo: "acme/tiny", revision: "main", file: "a.gguf" }],
    ["hf:acme/tiny@v1/q/a.gguf", { repo: "acme/tiny", revision: "v1", file: "q/a.gguf" }],
  ])("reads %s", async (name, expected) => {
    expect(await parseModelSource(name)).toEqual({ kind: "hub", ...expected });
  });

  test.each(["", "tiny", "/no/such", "acme/tiny/a.gguf", "acme/ti--ny", "acme/tiny@"])(
    "'%s' is neither a path nor a hub id",
    async (name) => {
      await expect(parseModelSource(name)).rejects.toMatchObject({ code: "INPUT_MISSING" });
    },
  );

  test.each(["hf:", "hf:acme/tiny@a..b", "hf:acme/tiny/../x", "hf:acme/tiny@v@w", "hf:acme/t\0"])(
    "%j is not a hub id",
    async (name) => {
      await expect(parseModelSource(name)).rejects.toMatchObject({ code: "USAGE" });
    },
  );

  test("never lets a name out of the hub's part of the cache", async () => {
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[a-z./@\\:-]{0,20}$/), async (text) => {
        const source = await parseModelSource(`hf:${text}`).catch(() => undefined);
        if (source?.kind !== "hub") return;
        expect(source.repo).toMatch(/^[\w.-]+\/[\w.-]+$/);
        expect([source.repo, source.revision, source.file].join("/").split("/")).not.toContain("..");
      }),
    );
  });
});
