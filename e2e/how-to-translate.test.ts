/** The commands and the client of docs/how-to/translate.md, as they are printed there, on NLLB's architecture with small random weights. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bin } from "./slm-process.js";

const ROOT = join(import.meta.dirname, "..");
const FIXTURE = join(ROOT, "packages/checkpoints/fixtures/translators/nllb");

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slm-translate-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The first block of a language on the page. */
function blockOf(page: string, language: string): string {
  const block = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "ms").exec(page)?.[1];
  if (block === undefined) throw new Error(`no block ${language}`);
  return block;
}

/** Arguments of a line of a shell, with quotes. */
const argumentsOf = (line: string): readonly string[] =>
  [...line.matchAll(/"([^"]*)"|(\S+)/gu)].map(([, quoted, plain]) => quoted ?? plain ?? "");

test("an OpenAI client gets translations into the language that each request names", async () => {
  const page = await readFile(join(ROOT, "docs/how-to/translate.md"), "utf8");
  const lines = blockOf(page, "sh")
    .trim()
    .split("\n")
    .map((line) =>
      line.replace("facebook/nllb-200-distilled-600M", FIXTURE).replace("--port 8000", "--port 0"),
    )
    .map((line) => argumentsOf(line).slice(1));
  const serve = lines.pop()!;
  expect(serve[0]).toBe("serve");
  const printed = new Map<string, string>();
  for (const line of lines) {
    const { stdout } = await execa(process.execPath, [bin, ...line], { cwd: folder });
    printed.set(line[0]!, stdout);
  }
  const server = execa(process.execPath, [bin, ...serve], { cwd: folder, reject: false });
  try {
    const url = await new Promise<string>((resolve, reject) => {
      let story = "";
      server.stderr.on("data", (chunk: Buffer) => {
        story += chunk.toString();
        const found = /http:\/\/[^\s/]+/.exec(story)?.[0];
        if (found !== undefined) resolve(found);
      });
      void server.then(({ stderr }) => {
        reject(new Error(`slm serve ended: ${stderr}`));
      });
    });
    const client = blockOf(page, "js").replace("http://127.0.0.1:8000", url);
    const { stdout } = await execa(process.execPath, ["--input-type=module", "--eval", client], {
      cwd: ROOT,
    });
    const [french, zulu, ...rest] = stdout.split("\n");
    expect(rest).toEqual([]);
    expect(french).toBe(printed.get("generate"));
    expect(french).not.toBe("");
    expect(zulu).not.toBe(french);
  } finally {
    server.kill("SIGTERM");
    await server;
  }
}, 120_000);
