/** Uses the entry for browsers from TypeScript. It is compiled but not run. */
import { SlmError, openModel, imageOfBlob, type Generation, type Model } from "@encdec/slm/browser";

export async function answer(prompt: string, image?: Blob): Promise<Generation> {
  const model: Model = await openModel(new URL("model/", location.href), { provider: "wasm" });
  try {
    return await model.generate(image === undefined ? prompt : { text: prompt, image: imageOfBlob(image) }, {
      temperature: 0.8,
    });
  } catch (error) {
    if (error instanceof SlmError) console.error(error.code);
    throw error;
  } finally {
    await model.close();
  }
}
