/** Prints the C text of the WebAssembly module that `npm run kernels` compiles. */
import { moduleText } from "../../packages/c-export/src/module/module-text.js";
import { readKernels } from "../../packages/c-export/src/text/kernel-files.js";

process.stdout.write(moduleText(await readKernels()));
