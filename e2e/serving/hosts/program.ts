/** Hosts that run a program which reads the package from disk. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { PACKAGE, type AnswersIn } from "./installed-package.js";

const PROGRAM = `import { generate } from "${PACKAGE}";
for (const word of JSON.parse(process.argv[2])) console.log((await generate(word)).text);
`;

/** @param commandOf returns the host's command, to which the program is appended */
export const answersOfProgram =
  (commandOf: () => readonly string[]): AnswersIn =>
  async (folder, words) => {
    const [host, ...flags] = commandOf();
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    await writeFile(join(folder, "main.mjs"), PROGRAM);
    const { stdout } = await execa(host!, [...flags, "main.mjs", JSON.stringify(words)], { cwd: folder });
    return stdout.split("\n");
  };
