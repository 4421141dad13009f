/** The built command line, and the bundle that these tests serve. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { execa } from "execa";

const bin = fileURLToPath(new URL("../../apps/cli/bin/run.js", import.meta.url));

/** Directory of a bundle, from the environment. */
export const bundle = required("SLM_TEST_BUNDLE");

/** A setting that the script must have made. */
export function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") {
    throw new Error(`${name} is not set: run these tests with npm run e2e:serving`);
  }
  return value;
}

if (!existsSync(bundle)) throw new Error(`SLM_TEST_BUNDLE: no ${bundle}`);

/** Runs a command that must succeed. @returns the result in its JSON envelope */
export async function slm(...argv: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await execa(process.execPath, [bin, ...argv, "--json"]);
  return (JSON.parse(stdout) as { result: Record<string, unknown> }).result;
}

/** Answers of `slm generate` to prompts of one batch. */
export async function answersTogether(prompts: readonly string[]): Promise<string[]> {
  const flags = prompts.flatMap((prompt) => ["--prompt", prompt]);
  const { generations } = (await slm("generate", bundle, ...flags)) as { generations: { text: string }[] };
  return generations.map(({ text }) => text);
}

/**
 * The same, prompt by prompt: an int8 encoder scales what it reads by the largest of a batch, so that company may tip an
 * answer that is nearly a tie. The server and the page encode each text alone.
 */
export async function answersAlone(prompts: readonly string[]): Promise<string[]> {
  const answers: string[] = [];
  for (const prompt of prompts) answers.push(...(await answersTogether([prompt])));
  return answers;
}

/** Runs a command. @returns exit code and standard error */
export async function slmExit(
  ...argv: readonly string[]
): Promise<{ exitCode: number | undefined; stderr: string }> {
  const { exitCode, stderr } = await execa(process.execPath, [bin, ...argv], { reject: false });
  return { exitCode, stderr };
}

export interface ServerProcess {
  readonly url: string;
  readonly process: ReturnType<typeof spawnServe>;
}

function spawnServe(model: string, flags: readonly string[], env: Record<string, string>) {
  return execa(process.execPath, [bin, "serve", model, "--port", "0", "--json", ...flags], {
    reject: false,
    env,
  });
}

/** Starts `slm serve` on a free port and waits until it says where it listens. */
export async function startServe(
  model: string,
  options: { readonly flags?: readonly string[]; readonly env?: Record<string, string> } = {},
): Promise<ServerProcess> {
  const { flags = [], env = {} } = options;
  const child = spawnServe(model, flags, env);
  const url = await new Promise<string>((resolve, reject) => {
    let story = "";
    child.stderr.on("data", (chunk: Buffer) => {
      story += chunk.toString();
      const found = /http:\/\/\S+/.exec(story)?.[0];
      if (found !== undefined) resolve(found);
    });
    void child.then(({ stdout, stderr }) => {
      reject(new Error(`slm serve ended: ${stderr} ${stdout}`));
    });
  });
  return { url, process: child };
}
