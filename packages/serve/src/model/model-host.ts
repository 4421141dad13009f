/** Keeps the current model in use while its replacement loads, so that a reload drops no request. */
import { SlmError } from "@slm/core";
import type { BatchedModel } from "./batched-model.js";

export class ModelHost {
  readonly #load: () => Promise<BatchedModel>;
  #current: BatchedModel;
  #loading: Promise<BatchedModel> | undefined;
  readonly #closing = new Set<Promise<void>>();
  #isDraining = false;

  private constructor(load: () => Promise<BatchedModel>, current: BatchedModel) {
    this.#load = load;
    this.#current = current;
  }

  /** @param load opens the bundle from disk */
  static async open(load: () => Promise<BatchedModel>): Promise<ModelHost> {
    return new ModelHost(load, await load());
  }

  get current(): BatchedModel {
    return this.#current;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /**
   * Reloads the bundle. Requests go to the old model until the new one is ready; answers in progress finish on the model they started
   * with. Overlapping calls share one load. If loading fails, the old model stays in use.
   *
   * @throws SlmError as loading does; BUSY when the server is stopping.
   */
  async reload(): Promise<BatchedModel> {
    if (this.#isDraining) throw new SlmError("BUSY", "serve: the server is stopping");
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    const fresh = await this.#loading;
    if (this.isDraining) {
      await fresh.close(); // Loaded too late: the server is stopping.
      throw new SlmError("BUSY", "serve: the server is stopping");
    }
    if (fresh !== this.#current) {
      const old = this.#current;
      this.#current = fresh;
      const closing = old.close().finally(() => this.#closing.delete(closing));
      this.#closing.add(closing);
    }
    return fresh;
  }

  /** Rejects new requests from now on. Resolves when every answer in progress has ended. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    await Promise.all([this.#current.idle(), ...this.#closing]);
  }

  async close(): Promise<void> {
    await Promise.all([this.#current.close(), ...this.#closing]);
  }
}
