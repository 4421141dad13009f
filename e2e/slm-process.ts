/** Runs the built command line as a process, for tests that a script in `tools/scripts` starts. */
import { fileURLToPath } from "node:url";
import { execa } from "execa";

/** The program of the `slm` command. */
export const bin = fileURLToPath(new URL("../apps/cli/bin/run.js", import.meta.url));

/** A setting that the script must provide. @param script name of the npm script */
export function required(name: string, script: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") {
    throw new Error(`${name} is not set: run these tests with npm run ${script}`);
  }
  return value;
}

/** Runs a command that must succeed. @returns the result in its JSON envelope */
export async function slm(...argv: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await execa(process.execPath, [bin, ...argv, "--json"]);
  return (JSON.parse(stdout) as { result: Record<string, unknown> }).result;
}

/** Runs a command. @returns exit code and standard error */
export async function slmExit(
  ...argv: readonly string[]
): Promise<{ exitCode: number | undefined; stderr: string }> {
  const { exitCode, stderr } = await execa(process.execPath, [bin, ...argv], { reject: false });
  return { exitCode, stderr };
}
