import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { modelFiles } from "./model-files.js";
import type { HubSource } from "./model-source.js";

const source: HubSource = { kind: "hub", repo: "org/name", revision: "main" };
const fetched = (...paths: string[]): readonly string[] => [...modelFiles(source, paths)].sort();

describe(modelFiles, () => {
  test("fetches safetensors, and PyTorch weights only if there are no others", () => {
    expect(fetched("config.json", "model.safetensors", "pytorch_model.bin", "tf_model.h5")).toEqual([
      "config.json",
      "model.safetensors",
    ]);
    expect(fetched("config.json", "pytorch_model.bin", "flax_model.msgpack")).toEqual([
      "config.json",
      "pytorch_model.bin",
    ]);
    const shards = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"];
    expect(fetched("config.json", "pytorch_model.bin.index.json", ...shards)).toEqual([
      "config.json",
      ...shards,
      "pytorch_model.bin.index.json",
    ]);
  });

  test("fetches the files of a tokenizer without tokenizer.json", () => {
    const marian = ["config.json", "pytorch_model.bin", "source.spm", "target.spm", "vocab.json"];
    expect(fetched(...marian, "README.md")).toEqual(marian);
  });

  test("names the files of a repository without weights", () => {
    expect(() => fetched("config.json", "tf_model.h5")).toThrow(withCode("INPUT_MISSING"));
  });
});
