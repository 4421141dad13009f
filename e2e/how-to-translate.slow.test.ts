/** Runs the commands and the client of docs/how-to/translate.md on NLLB's architecture with small random weights. */
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { execa } from "execa";
import { expect, test } from "vitest";
import { blocksOf, ROOT, slmCommands } from "./how-to-page.js";
import { bin } from "./slm-process.js";

const FIXTURE = join(ROOT, "packages/checkpoints/fixtures/translators/nllb");

const folder = temporaryFolder();

test("an OpenAI client gets translations into the language that each request names", async () => {
  const [commands] = await blocksOf("translate.md", "sh");
  const replaced = { "facebook/nllb-200-distilled-600M": FIXTURE, "--port 8000": "--port 0" };
  const lines = [...slmCommands(commands!, replaced)];
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
    const [code] = await blocksOf("translate.md", "js");
    const client = code!.replace("http://127.0.0.1:8000", url);
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
});
