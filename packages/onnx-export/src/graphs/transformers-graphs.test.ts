import { describe, expect, test } from "vitest";
import { selectDevice } from "../settings/profiles.js";
import { encoderDecoder, randomCheckpoint } from "../tiny-checkpoint.test-support.js";
import { graphSource } from "./record.js";
import {
  MIN_POSITIONS,
  transformersDecoderGraph,
  transformersDevice,
  transformersEncoderGraph,
} from "./transformers-graphs.js";

const device = transformersDevice(selectDevice({ target: "web", precision: "float16" }));
const source = graphSource(randomCheckpoint(encoderDecoder), device);
const encoder = transformersEncoderGraph(source);
const decoder = transformersDecoderGraph(source);

describe(transformersDecoderGraph, () => {
  test("branches nowhere and names every node once", () => {
    for (const { nodes } of [encoder, decoder]) {
      const names = nodes.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(nodes.map(({ opType }) => opType)).not.toContain("If");
    }
  });

  test("has positions for as many tokens as the library may ask for", () => {
    expect(decoder.initializers.get("rotary.cos")?.shape[0]).toBe(MIN_POSITIONS);
  });
});
