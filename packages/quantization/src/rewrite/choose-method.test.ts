import { GraphBuilder, type Graph } from "@slm/onnx";
import { describe, expect, test } from "vitest";
import { chooseMethod } from "./choose-method.js";

/** `count` products with weights of [width, 1] and separate inputs. */
function products(width: number, count: number): Graph {
  const g = new GraphBuilder("decomposed");
  for (let at = 0; at < count; at += 1) {
    const x = g.input(`x${at}`, "float32", ["rows", width]);
    const w = g.initializer(`w${at}`, "float32", [width, 1], new Float32Array(width));
    g.output(`y${at}`, g.op("MatMul", [x, w]), "float32", ["rows", 1]);
  }
  return g.build();
}

describe(chooseMethod, () => {
  test("takes the method that was named, with data and without", () => {
    expect(chooseMethod(products(8, 1), "rtn", true)).toBe("rtn");
    expect(chooseMethod(products(8, 1), "gptq", false)).toBe("gptq");
  });

  test("learns from data where there are any", () => {
    expect(chooseMethod(products(96, 1), undefined, true)).toBe("gptq");
    expect(chooseMethod(products(96, 1), undefined, false)).toBe("search");
  });

  test("keeps the sums of products below 256 MiB", () => {
    expect(chooseMethod(products(4096, 2), undefined, true)).toBe("gptq");
    expect(chooseMethod(products(4096, 3), undefined, true)).toBe("search");
  });
});
