import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The program of a job process: beside this file once it is built. */
export const JOB_PROCESS_FILE = builtFile();

function builtFile(): string {
  const beside = fileURLToPath(new URL("./job-process.js", import.meta.url));
  // Tests run the sources, and processes run what is built from them.
  return existsSync(beside) ? beside : fileURLToPath(new URL("../dist/job-process.js", import.meta.url));
}
