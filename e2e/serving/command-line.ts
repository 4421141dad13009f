/** The built command line, and the bundle that these tests serve. */
import { existsSync } from "node:fs";
import { execa } from "execa";
import { bin, required, slm } from "../slm-process.js";

/** A setting that the script must provide. */
export const setting = (name: string): string => required(name, "e2e:serving");

/** Directory of a bundle, from the environment. */
export const bundle = setting("SLM_TEST_BUNDLE");

if (!existsSync(bundle)) throw new Error(`SLM_TEST_BUNDLE: no ${bundle}`);

/** Answers of `slm generate` to prompts of one batch. */
export async function answersTogether(prompts: readonly string[]): Promise<string[]> {
  const flags = prompts.flatMap((prompt) => ["--prompt", prompt]);
  const { generations } = (await slm("generate", bundle, ...flags)) as { generations: { text: string }[] };
  return generations.map(({ text }) => text);
}

/**
 * The same, prompt by prompt. An int8 encoder scales its input by the largest value of a batch, so a batch can change an answer that is
 * nearly a tie. The server and the page encode each text alone.
 */
export async function answersAlone(prompts: readonly string[]): Promise<string[]> {
  const answers: string[] = [];
  for (const prompt of prompts) answers.push(...(await answersTogether([prompt])));
  return answers;
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

/** Starts `slm serve` on a free port and waits until it prints its address. */
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
