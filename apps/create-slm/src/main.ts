#!/usr/bin/env node
/** `npm create @encdec/slm FOLDER`: a new folder with slm installed and a recipe that `slm init` writes. */
import { SetupFailed, createProject, parseArguments } from "./create-project.js";

try {
  await createProject(parseArguments(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof SetupFailed)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error.exitCode;
}
