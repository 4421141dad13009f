/** Keeps V8 from optimizing WebAssembly while a program answers one prompt. */

/** Bytes of code that a function runs before V8 optimizes it, about 0.1 s. V8's default is 2 MB in Node.js 20, and 13 MB in 22. */
const TIERING_BUDGET = 1_000_000_000;

/**
 * Delays V8's optimizing compiler for WebAssembly. It would compile the kernels on another thread in 30 ms of CPU time, and the process waits for
 * it before it ends. A small model answers in 3 ms without it.
 *
 * Call it after all code is loaded: Node.js uses cached code only with the flags that it was compiled with.
 */
export async function optimizeLater(): Promise<void> {
  const { setFlagsFromString } = await import("node:v8");
  setFlagsFromString(`--wasm-tiering-budget=${TIERING_BUDGET}`);
}
