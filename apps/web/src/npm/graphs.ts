/** The program of an npm package whose model runs its graphs in ONNX Runtime. */
import { openGraphModel } from "@slm/inference";
import { createCpuRuntime } from "@slm/runtime-node";
import { imageOfBytes, imageOfFile } from "@slm/vision";
import { answering, openedOnFirstUse, type Answering } from "./answering.js";
import { besides } from "./besides.js";

const model = openedOnFirstUse(async () => {
  const runtime = await createCpuRuntime({ inThread: true });
  const opened = await openGraphModel(besides("model"), runtime, { closes: () => runtime.close() });
  return answering(opened, (text, image) => {
    if (image === undefined) return text;
    return {
      text,
      image: typeof image === "string" ? imageOfFile(image) : imageOfBytes(image, "the image"),
    };
  });
});

export const generate: Answering["generate"] = model.generate;
export const close: Answering["close"] = model.close;
