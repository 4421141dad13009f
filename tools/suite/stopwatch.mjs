/** Seconds of stages, counted over interruptions: a killed run loses at most what passed since the last note. */
import { readFile, rename, writeFile } from "node:fs/promises";

/** How often a running stage is noted [ms]. */
const NOTE_EVERY = 15_000;

export class Stopwatch {
  #file;
  #seconds;

  constructor(file, seconds) {
    this.#file = file;
    this.#seconds = seconds;
  }

  /** Goes on from what the file says, if there is one. */
  static async open(file) {
    const text = await readFile(file, "utf8").catch((error) => {
      if (error.code === "ENOENT") return "{}";
      throw error;
    });
    return new Stopwatch(file, JSON.parse(text));
  }

  /** Seconds of a stage so far. */
  secondsOf(stage) {
    return this.#seconds[stage] ?? 0;
  }

  /** Says what a stage has cost elsewhere. */
  async set(stage, seconds) {
    this.#seconds[stage] = seconds;
    await this.#write();
  }

  /** Runs a stage and adds its time. */
  async time(stage, run) {
    const before = this.secondsOf(stage);
    const start = performance.now();
    const note = () => this.set(stage, before + (performance.now() - start) / 1000);
    let noting = Promise.resolve();
    const timer = setInterval(() => {
      noting = noting.then(note);
    }, NOTE_EVERY);
    try {
      return await run();
    } finally {
      clearInterval(timer);
      await noting;
      await note();
    }
  }

  async #write() {
    await writeFile(`${this.#file}.partial`, JSON.stringify(this.#seconds));
    await rename(`${this.#file}.partial`, this.#file);
  }
}
